/** The picture cut into squares of {@link BLOCK_PIXELS}; the last column and row may be narrower. */
export interface BlockGrid {
  readonly width: number
  readonly height: number
  readonly columns: number
  readonly rows: number
}

/** Side of a block: at 320 pixels across, a head at three metres spans two of them. */
export const BLOCK_PIXELS = 8

/** The grid over a picture of `width` × `height`. */
export function createBlockGrid(width: number, height: number): BlockGrid {
  return { width, height, columns: Math.ceil(width / BLOCK_PIXELS), rows: Math.ceil(height / BLOCK_PIXELS) }
}

/** Mean of each block, into `means`. */
export function measureMeans(grid: BlockGrid, picture: Uint8Array | Float32Array, means: Float32Array): void {
  forEachBlock(grid, (block, top, left, bottom, right) => {
    let sum = 0
    for (let y = top; y < bottom; y++)
      for (let at = y * grid.width + left, end = y * grid.width + right; at < end; at++) sum += picture[at]!
    means[block] = sum / ((bottom - top) * (right - left))
  })
}

/** How a picture differs from what was expected, block by block. */
export interface BlockDifference {
  /** Mean of |picture − gain × expected|, luma levels. */
  readonly difference: Float32Array
  /** How alike the patterns are whatever the light: correlation in −1…1, or 0 where one has no pattern. */
  readonly likeness: Float32Array
}

/** An empty result for {@link measureDifference} to fill. */
export function createBlockDifference(grid: BlockGrid): BlockDifference {
  const count = grid.columns * grid.rows
  return { difference: new Float32Array(count), likeness: new Float32Array(count) }
}

/** Variance, in squared levels, below which a block is noise on a flat surface and has no pattern to compare. */
const PATTERN_VARIANCE = 20

/** Compares two pictures, with `gain` making up for a change of light over all of it. */
export function measureDifference(
  grid: BlockGrid,
  { picture, expected, gain }: { picture: Uint8Array; expected: Uint8Array | Float32Array; gain: number },
  { difference, likeness }: BlockDifference,
): void {
  forEachBlock(grid, (block, top, left, bottom, right) => {
    let absolute = 0
    let a = 0
    let b = 0
    let aa = 0
    let bb = 0
    let ab = 0
    for (let y = top; y < bottom; y++) {
      for (let at = y * grid.width + left, end = y * grid.width + right; at < end; at++) {
        const p = picture[at]!
        const q = expected[at]! * gain
        absolute += p > q ? p - q : q - p
        a += p
        b += q
        aa += p * p
        bb += q * q
        ab += p * q
      }
    }
    const count = (bottom - top) * (right - left)
    const varianceA = aa / count - (a / count) ** 2
    const varianceB = bb / count - (b / count) ** 2
    const patterned = varianceA > PATTERN_VARIANCE && varianceB > PATTERN_VARIANCE
    difference[block] = absolute / count
    likeness[block] = patterned ? (ab / count - (a / count) * (b / count)) / Math.sqrt(varianceA * varianceB) : 0
  })
}

type BlockVisitor = (block: number, top: number, left: number, bottom: number, right: number) => void

/** Visits every block with its pixel bounds, row by row; `bottom` and `right` are exclusive. */
export function forEachBlock({ width, height, columns, rows }: BlockGrid, visit: BlockVisitor): void {
  for (let row = 0; row < rows; row++) {
    const top = row * BLOCK_PIXELS
    const bottom = Math.min(height, top + BLOCK_PIXELS)
    for (let column = 0; column < columns; column++) {
      const left = column * BLOCK_PIXELS
      visit(row * columns + column, top, left, bottom, Math.min(width, left + BLOCK_PIXELS))
    }
  }
}

/** Below this mean a ratio says more about noise than about light. */
const DARK = 8
/** Fewer blocks than this share say nothing about the light over the rest. */
const MIN_WITNESSES = 0.1

/**
 * The factor by which the light over the whole picture changed: the median of the blocks where `visitors` is 0.
 * Light multiplies; an added offset would leave bright parts under-corrected and set off false alarms.
 */
export function gainBetween(means: Float32Array, expectedMeans: Float32Array, visitors: Uint8Array): number {
  const ratios: number[] = []
  means.forEach((mean, block) => {
    const expected = expectedMeans[block]!
    if (visitors[block] === 0 && mean > DARK && expected > DARK) ratios.push(mean / expected)
  })
  if (ratios.length < MIN_WITNESSES * means.length) return 1
  ratios.sort((x, y) => x - y)
  return ratios[ratios.length >> 1]!
}
