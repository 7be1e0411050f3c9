import { type BlockGrid, boundsOf } from './block-grid.ts'
import { comparePattern, type PatternChange } from './block-pattern.ts'

/** Time constants: where nothing changed, and behind a visitor. */
const QUIET_TAU_MS = 3000
const VISITOR_TAU_MS = 600_000
/** Where only the light is another: soon, but a beam that passes is not the place. */
const LIT_TAU_MS = 1000
/** A block is looked after in every so-manieth picture: it changes slowly, and pixels cost. */
const TURNS = 4

/** The place without visitors, as it would look in the light of this moment. */
export class Background {
  /** Mean of each block. */
  readonly means: Float32Array
  readonly #grid: BlockGrid
  readonly #pixels: Float32Array
  /** What a block's pixels have to be multiplied by for the light of this moment. */
  readonly #scale: Float32Array
  readonly #followedMs: Float64Array
  #turn = 0

  constructor(
    grid: BlockGrid,
    { luma, means, captureMs }: { luma: Uint8Array; means: Float32Array; captureMs: number },
  ) {
    this.#grid = grid
    this.#pixels = Float32Array.from(luma)
    this.means = means.slice()
    this.#scale = new Float32Array(grid.count).fill(1)
    this.#followedMs = new Float64Array(grid.count).fill(captureMs)
  }

  /** All of it is lit `gain` times as brightly, behind visitors too: the place they leave is then known. */
  relight(gain: number): void {
    if (gain === 1) return
    for (let block = 0; block < this.means.length; block++) {
      this.means[block]! *= gain
      this.#scale[block]! *= gain
    }
  }

  /** Compares the edges in one block of `luma`, whose mean is `mean`. */
  compare(block: number, luma: Uint8Array, mean: number): PatternChange {
    const gain = (mean / Math.max(1, this.means[block]!)) * this.#scale[block]!
    return comparePattern(this.#grid, { luma, expected: this.#pixels, mean, gain }, block)
  }

  /** Whether it is this block's turn to be looked after. */
  isInTurn(block: number): boolean {
    return block % TURNS === this.#turn
  }

  /** Lets the blocks in turn follow the picture: slowly where `visitors` is not 0, soon where `lit` is not. */
  follow(luma: Uint8Array, nowMs: number, { visitors, lit }: { visitors: Uint8Array; lit: Uint8Array }): void {
    for (let block = 0; block < this.means.length; block++) {
      if (lit[block] === 0 && !this.isInTurn(block)) continue
      const tauMs = lit[block] !== 0 ? LIT_TAU_MS : visitors[block] === 0 ? QUIET_TAU_MS : VISITOR_TAU_MS
      const elapsedMs = nowMs - this.#followedMs[block]!
      this.#followedMs[block] = nowMs
      this.#blend(block, luma, 1 - Math.exp(-elapsedMs / tauMs))
    }
    this.#turn = (this.#turn + 1) % TURNS
  }

  /** The picture is the place from now on. */
  adopt(luma: Uint8Array, nowMs: number): void {
    this.#followedMs.fill(nowMs)
    for (let block = 0; block < this.means.length; block++) this.#blend(block, luma, 1)
  }

  #blend(block: number, luma: Uint8Array, weight: number): void {
    const pixels = this.#pixels
    const { width } = this.#grid
    const { top, left, bottom, right } = boundsOf(this.#grid, block)
    const keep = this.#scale[block]! * (1 - weight)
    let sum = 0
    for (let y = top; y < bottom; y++)
      for (let at = y * width + left, end = y * width + right; at < end; at++)
        sum += pixels[at] = keep * pixels[at]! + weight * luma[at]!
    this.#scale[block] = 1
    this.means[block] = sum / ((bottom - top) * (right - left))
  }
}
