import type { Masks, Point } from '../flow.ts'

/** Horizontal bands per picture: the edge of a slanted mask is a staircase of this fineness, always outwards. */
const BANDS = 120

interface Interval {
  readonly from: number
  readonly to: number
}

interface Rectangle extends Interval {
  readonly top: number
  readonly bottom: number
}

function edgesOf(points: readonly Point[]): [Point, Point][] {
  return points.map((point, i) => [point, points[(i + 1) % points.length]!])
}

const xAt = ([ax, ay]: Point, [bx, by]: Point, y: number): number => ax + ((bx - ax) * (y - ay)) / (by - ay)

/** What of the line at `y` lies inside, by the even-odd rule. */
function insideAt(edges: readonly [Point, Point][], y: number): Interval[] {
  const crossings = edges
    .filter(([[, ay], [, by]]) => ay <= y !== by <= y)
    .map(([a, b]) => xAt(a, b, y))
    .sort((a, b) => a - b)
  return Array.from({ length: crossings.length >> 1 }, (_, i) => ({
    from: crossings[2 * i]!,
    to: crossings[2 * i + 1]!,
  }))
}

/** What an edge covers of a band, across. */
function acrossBand([a, b]: [Point, Point], top: number, bottom: number): Interval[] {
  const [upper, lower] = a[1] <= b[1] ? [a, b] : [b, a]
  if (lower[1] < top || upper[1] > bottom) return []
  const isLevel = upper[1] === lower[1]
  const first = isLevel || upper[1] >= top ? upper[0] : xAt(a, b, top)
  const last = isLevel || lower[1] <= bottom ? lower[0] : xAt(a, b, bottom)
  return [{ from: Math.min(first, last), to: Math.max(first, last) }]
}

function joined(intervals: readonly Interval[]): Interval[] {
  const sorted = intervals.toSorted((a, b) => a.from - b.from)
  const result: Interval[] = []
  for (const next of sorted) {
    const last = result.at(-1)
    if (last !== undefined && next.from <= last.to)
      result[result.length - 1] = { ...last, to: Math.max(last.to, next.to) }
    else result.push(next)
  }
  return result
}

/**
 * Rectangles that together cover a polygon, and little more. From a point inside, going up or down within its band
 * leads to the band's border or to an edge: so the inside of both borders and the edges' extents cover it all.
 */
function coverOf(points: readonly Point[]): Rectangle[] {
  const edges = edgesOf(points)
  const rectangles: Rectangle[] = []
  for (let band = 0; band < BANDS; band++) {
    const [top, bottom] = [band / BANDS, (band + 1) / BANDS]
    const extents = edges.flatMap((edge) => acrossBand(edge, top, bottom))
    for (const { from, to } of joined([...insideAt(edges, top), ...insideAt(edges, bottom), ...extents])) {
      const above = rectangles.findIndex((other) => other.bottom === top && other.from === from && other.to === to)
      if (above >= 0) rectangles[above] = { ...rectangles[above]!, bottom }
      else rectangles.push({ top, bottom, from, to })
    }
  }
  return rectangles
}

const share = (value: number): string => value.toFixed(5)

/** Even pixels outwards: colour is coded for squares of two by two, and a half covered one would keep its colour. */
function boxOf({ top, bottom, from, to }: Rectangle): string {
  const [left, upper] = [`floor(iw*${share(from)}/2)*2`, `floor(ih*${share(top)}/2)*2`]
  const [right, lower] = [`ceil(iw*${share(to)}/2)*2`, `ceil(ih*${share(bottom)}/2)*2`]
  return `drawbox=x='${left}':y='${upper}':w='max(2,${right}-${left})':h='max(2,${lower}-${upper})':color=black:t=fill`
}

/** An ffmpeg filter that paints every mask black, whatever the size of the picture. At least one mask. */
export function maskFilter(masks: Masks): string {
  return Object.values(masks)
    .flatMap(({ points }) => coverOf(points))
    .map(boxOf)
    .join(',')
}
