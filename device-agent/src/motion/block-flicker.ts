/** Over which time restlessness is judged, and the share of pictures in which a restless block stirs. */
const JUDGED_TAU_MS = 6000
const RESTLESS_SHARE = 0.5

/** Tells blocks that never rest, such as leaves in the wind and a burned-in clock, from those that somebody passes. */
export class BlockFlicker {
  readonly #share: Float32Array

  constructor(blocks: number) {
    this.#share = new Float32Array(blocks)
  }

  /** Takes in what stirred in a picture, `elapsedMs` after the one before. */
  note(stirring: Uint8Array, elapsedMs: number): void {
    const weight = 1 - Math.exp(-elapsedMs / JUDGED_TAU_MS)
    for (let block = 0; block < stirring.length; block++)
      this.#share[block]! += weight * (stirring[block]! - this.#share[block]!)
  }

  /** Whether this block has been stirring for seconds without moving on. */
  isRestless(block: number): boolean {
    return this.#share[block]! > RESTLESS_SHARE
  }
}
