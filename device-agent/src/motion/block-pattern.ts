import { type BlockGrid, boundsOf } from './block-grid.ts'

/**
 * What a block's edges say. Light that changes, however unevenly, scales the edges that are there; somebody who comes
 * brings edges of their own and hides others.
 */
export interface PatternChange {
  /** Mean squared slope per pixel, by the light there was, that is not the known pattern. */
  readonly fresh: number
  /** The same of the known pattern, where less than half of it can be found again. */
  readonly hidden: number
}

/** Likeness of edges above which the known pattern is still there. */
const STILL_THERE = 0.5
/** Near the ends of the scale edges are cut off: their absence proves nothing. */
const DARKEST = 20
const BRIGHTEST = 225

/** Compares the slopes of one block in `luma` and in `expected`. `gain`: how much brighter the block is than expected. */
export function comparePattern(
  grid: BlockGrid,
  { luma, expected, mean, gain }: { luma: Uint8Array; expected: Float32Array; mean: number; gain: number },
  block: number,
): PatternChange {
  const { width, height } = grid
  const { top, left, bottom, right } = boundsOf(grid, block)
  const [lastRow, lastColumn] = [Math.min(bottom, height - 1), Math.min(right, width - 1)]
  let [now, known, both] = [0, 0, 0]
  for (let y = top; y < lastRow; y++) {
    for (let at = y * width + left, end = y * width + lastColumn; at < end; at++) {
      const p = luma[at]!
      const q = expected[at]!
      const px = luma[at + 1]! - p
      const qx = expected[at + 1]! - q
      const py = luma[at + width]! - p
      const qy = expected[at + width]! - q
      now += px * px + py * py
      known += qx * qx + qy * qy
      both += px * qx + py * qy
    }
  }
  const count = Math.max(1, (lastRow - top) * (lastColumn - left))
  const explained = both > 0 && known > 0 ? (both * both) / known : 0
  const likeness = both > 0 ? both / Math.sqrt(now * known) : 0
  const isReadable = mean > DARKEST && mean < BRIGHTEST
  return {
    // More light brings out what noise and coding had hidden, as its square.
    fresh: (now - explained) / (count * Math.max(1, gain * gain)),
    hidden: isReadable && likeness < STILL_THERE ? (known * gain * gain) / count : 0,
  }
}
