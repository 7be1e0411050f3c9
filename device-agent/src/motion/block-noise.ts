/** How strict the comparison with the noise is. */
export interface NoiseLimits {
  /** Levels over the usual that are never taken for a change. */
  readonly floor: number
  /** Deviations over the usual that are never taken for a change. */
  readonly deviations: number
}

/** Observations with full weight before the running average takes over. */
const FIRST_OBSERVATIONS = 8
const SLOWEST_WEIGHT = 0.03
/** What is worse than usual is believed sooner than what is better: a gust is followed by another. */
const WORSE_WEIGHT = 0.12

/** The usual difference of each block, learnt from the picture itself: sensor noise, foliage, rain, a burned-in clock. */
export class BlockNoise {
  readonly #mean: Float32Array
  readonly #deviation: Float32Array
  readonly #observations: Uint8Array

  constructor(blocks: number) {
    this.#mean = new Float32Array(blocks)
    this.#deviation = new Float32Array(blocks)
    this.#observations = new Uint8Array(blocks)
  }

  /** Whether `difference` is more than this block's usual. */
  exceeds(block: number, difference: number, { floor, deviations }: NoiseLimits): boolean {
    return difference > this.#mean[block]! + Math.max(floor, deviations * this.#deviation[block]!)
  }

  /** Takes a difference as usual. */
  learn(block: number, difference: number): void {
    const seen = this.#observations[block]!
    if (seen < FIRST_OBSERVATIONS) this.#observations[block] = seen + 1
    const first = seen < FIRST_OBSERVATIONS ? 1 / (seen + 1) : 0
    const off = difference - this.#mean[block]!
    this.#mean[block]! += Math.max(first, off > 0 ? WORSE_WEIGHT : SLOWEST_WEIGHT) * off
    const strayed = Math.abs(off) - this.#deviation[block]!
    this.#deviation[block]! += Math.max(first, strayed > 0 ? WORSE_WEIGHT : SLOWEST_WEIGHT) * strayed
  }

  /** Forgets everything: another light, another noise. */
  clear(): void {
    this.#mean.fill(0)
    this.#deviation.fill(0)
    this.#observations.fill(0)
  }
}
