import { type BlockGrid, boundsOf } from './block-grid.ts'

/** A named part of the picture. */
export interface MotionZone {
  /** `include`: motion counts only in such zones; `exclude`: it never counts there, whatever else covers it. */
  readonly kind: 'include' | 'exclude'
  /** Corners of a polygon in order, 0…1 of the picture, x before y. */
  readonly points: readonly (readonly [number, number])[]
}

/** Zones by name. */
export type MotionZones = Readonly<Record<string, MotionZone>>

/** Zones as blocks. */
export interface ZoneMask {
  /** Per block, 0 where motion does not count. */
  readonly counts: Uint8Array
  /** Names of the `include` zones that hold any of `blocks`. */
  touched(blocks: Iterable<number>): string[]
}

/** Even-odd rule: whether (x, y) lies inside. */
function isInside(points: MotionZone['points'], x: number, y: number): boolean {
  let inside = false
  for (let i = 0, j = points.length - 1; i < points.length; j = i++) {
    const [ax, ay] = points[i]!
    const [bx, by] = points[j]!
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside
  }
  return inside
}

/** Per block, 1 where its middle lies in the polygon. */
function cover(grid: BlockGrid, { points }: MotionZone): Uint8Array {
  return Uint8Array.from({ length: grid.count }, (_, block) => {
    const { top, left, bottom, right } = boundsOf(grid, block)
    return isInside(points, (left + right) / 2 / grid.width, (top + bottom) / 2 / grid.height) ? 1 : 0
  })
}

/** Turns polygons into blocks; without an `include` zone everything counts that is not excluded. */
export function createZoneMask(grid: BlockGrid, zones: MotionZones): ZoneMask {
  const covers = Object.entries(zones).map(([name, zone]) => ({ name, kind: zone.kind, blocks: cover(grid, zone) }))
  const included = covers.filter(({ kind }) => kind === 'include')
  const excluded = covers.filter(({ kind }) => kind === 'exclude')
  const counts = new Uint8Array(grid.count)
  for (let block = 0; block < grid.count; block++) {
    const isIn = included.length === 0 || included.some(({ blocks }) => blocks[block] !== 0)
    counts[block] = isIn && excluded.every(({ blocks }) => blocks[block] === 0) ? 1 : 0
  }
  return {
    counts,
    touched(blocks) {
      const all = [...blocks]
      return included.filter((zone) => all.some((block) => zone.blocks[block] !== 0)).map(({ name }) => name)
    },
  }
}
