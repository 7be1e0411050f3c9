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

/** Mean of each block, into `means`. Pictures are of one array type throughout: mixing them costs ten times the time. */
export function measureMeans(grid: BlockGrid, picture: Float32Array, means: Float32Array): void {
  forEachBlock(grid, (block, top, left, bottom, right) => {
    let sum = 0
    for (let y = top; y < bottom; y++)
      for (let at = y * grid.width + left, end = y * grid.width + right; at < end; at++) sum += picture[at]!
    means[block] = sum / ((bottom - top) * (right - left))
  })
}

/** Two pictures to compare, `gain` making up for a change of light over all of it. */
export interface Comparison {
  readonly picture: Float32Array
  readonly expected: Float32Array
  readonly gain: number
}

/** Mean of |picture − gain × expected| of each block, luma levels, into `differences`. */
export function measureDifferences(grid: BlockGrid, comparison: Comparison, differences: Float32Array): void {
  const { picture, expected, gain } = comparison
  const { width } = grid
  forEachBlock(grid, (block, top, left, bottom, right) => {
    let absolute = 0
    for (let y = top; y < bottom; y++)
      for (let at = y * width + left, end = y * width + right; at < end; at++)
        absolute += Math.abs(picture[at]! - expected[at]! * gain)
    differences[block] = absolute / ((bottom - top) * (right - left))
  })
}

/** Variance, in squared levels, below which a block is noise on a flat surface and has no pattern to compare. */
const PATTERN_VARIANCE = 20

/** How alike the patterns of one block are whatever the light: correlation in −1…1, or 0 where one has no pattern. */
export function measureLikeness(
  { width, height, columns }: BlockGrid,
  { picture, expected }: Comparison,
  block: number,
): number {
  const top = Math.floor(block / columns) * BLOCK_PIXELS
  const left = (block % columns) * BLOCK_PIXELS
  const bottom = Math.min(height, top + BLOCK_PIXELS)
  const right = Math.min(width, left + BLOCK_PIXELS)
  const count = (bottom - top) * (right - left)
  let [a, b, aa, bb, ab] = [0, 0, 0, 0, 0]
  for (let y = top; y < bottom; y++) {
    for (let at = y * width + left, end = y * width + right; at < end; at++) {
      const p = picture[at]!
      const q = expected[at]!
      a += p
      b += q
      aa += p * p
      bb += q * q
      ab += p * q
    }
  }
  const varianceA = aa / count - (a / count) ** 2
  const varianceB = bb / count - (b / count) ** 2
  const patterned = varianceA > PATTERN_VARIANCE && varianceB > PATTERN_VARIANCE
  return patterned ? (ab / count - (a / count) * (b / count)) / Math.sqrt(varianceA * varianceB) : 0
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
/** Ratios are counted in steps of a five-hundredth, half a level of the brightest luma, up to 8. */
const RATIO_STEPS = 512
const MAX_RATIO = 8

/**
 * The factor by which the light over the whole picture changed: the median of the blocks where `visitors` is 0.
 * Light multiplies; an added offset would leave bright parts under-corrected and set off false alarms.
 */
export function gainBetween(means: Float32Array, expectedMeans: Float32Array, visitors: Uint8Array): number {
  const counts = new Uint16Array(RATIO_STEPS * MAX_RATIO + 1)
  let count = 0
  for (let block = 0; block < means.length; block++) {
    const mean = means[block]!
    const expected = expectedMeans[block]!
    if (visitors[block] !== 0 || mean <= DARK || expected <= DARK) continue
    counts[Math.round(Math.min(MAX_RATIO, mean / expected) * RATIO_STEPS)]!++
    count++
  }
  if (count < MIN_WITNESSES * means.length) return 1
  let step = 0
  for (let below = counts[0]!; below <= count >> 1; below += counts[step]!) step++
  return step / RATIO_STEPS
}
