/** The picture cut into squares of {@link BLOCK_PIXELS}; the last column and row may be narrower. */
export interface BlockGrid {
  readonly width: number
  readonly height: number
  readonly columns: number
  readonly rows: number
  /** Number of blocks. */
  readonly count: number
}

/** Side of a block: at 320 pixels across, a head at three metres spans two of them. */
export const BLOCK_PIXELS = 8

/** The grid over a picture of `width` × `height`. */
export function createBlockGrid(width: number, height: number): BlockGrid {
  const columns = Math.ceil(width / BLOCK_PIXELS)
  const rows = Math.ceil(height / BLOCK_PIXELS)
  return { width, height, columns, rows, count: columns * rows }
}

/** A block's pixels; `bottom` and `right` are exclusive. */
export interface BlockBounds {
  readonly top: number
  readonly left: number
  readonly bottom: number
  readonly right: number
}

/** Where a block lies, in pixels. */
export function boundsOf({ width, height, columns }: BlockGrid, block: number): BlockBounds {
  const top = Math.floor(block / columns) * BLOCK_PIXELS
  const left = (block % columns) * BLOCK_PIXELS
  return { top, left, bottom: Math.min(height, top + BLOCK_PIXELS), right: Math.min(width, left + BLOCK_PIXELS) }
}

/** Mean luma of each block, into `means`. */
export function measureMeans({ width, height, columns, rows }: BlockGrid, luma: Uint8Array, means: Float32Array): void {
  for (let row = 0; row < rows; row++) {
    const top = row * BLOCK_PIXELS
    const lines = Math.min(height, top + BLOCK_PIXELS) - top
    for (let column = 0; column < columns; column++) {
      const left = column * BLOCK_PIXELS
      const across = Math.min(width, left + BLOCK_PIXELS) - left
      let sum = 0
      for (let line = 0, start = top * width + left; line < lines; line++, start += width)
        for (let at = start, end = start + across; at < end; at++) sum += luma[at]!
      means[row * columns + column] = sum / (lines * across)
    }
  }
}

/** Below this mean a ratio says more about noise than about light. */
const DARK = 8
/** Fewer blocks than this share say nothing about the light over the rest. */
const MIN_WITNESSES = 0.2
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
