/** How strict the comparison with the noise is. */
export interface NoiseLimits {
  /** Luma levels over the usual difference that are never taken for a change. */
  readonly floor: number
  /** Deviations over the usual difference that are never taken for a change. */
  readonly deviations: number
}

/** Observations with full weight before the running average takes over. */
const FIRST_OBSERVATIONS = 10
const SLOWEST_WEIGHT = 0.03

/** The usual difference of each block, learnt from the picture itself: sensor noise, foliage, a burned-in clock. */
export class BlockNoise {
  readonly #mean: Float32Array
  readonly #deviation: Float32Array
  #observations = 0

  constructor(blocks: number) {
    this.#mean = new Float32Array(blocks)
    this.#deviation = new Float32Array(blocks)
  }

  /** Whether `difference` is more than this block's usual. */
  exceeds(block: number, difference: number, { floor, deviations }: NoiseLimits): boolean {
    return difference > this.#mean[block]! + Math.max(floor, deviations * this.#deviation[block]!)
  }

  /** Takes a picture's differences as usual, except where `except` is not 0. */
  learn(differences: Float32Array, except: Uint8Array): void {
    this.#observations++
    const weight = Math.max(SLOWEST_WEIGHT, 1 / Math.min(this.#observations, FIRST_OBSERVATIONS * 4))
    for (let block = 0; block < differences.length; block++) {
      if (except[block] !== 0) continue
      const off = differences[block]! - this.#mean[block]!
      this.#mean[block]! += weight * off
      this.#deviation[block]! += weight * (Math.abs(off) - this.#deviation[block]!)
    }
  }
}
