/** Beats that a reader may leave unread: about a minute. */
const MAX_MISSED_BEATS = 3

/** How one stream is woken. Rings and beats that come while it is busy are remembered, not queued. */
export class FeedBell {
  #rung = false
  #closed = false
  #beats = 0
  #wake: (() => void) | null = null

  get closed(): boolean {
    return this.#closed
  }

  /** There may be something to tell. */
  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /** A sign of life is due. @returns false when the reader left too many unread: it is gone, or too slow */
  beat(): boolean {
    this.#beats++
    this.ring()
    return this.#beats <= MAX_MISSED_BEATS
  }

  /** Takes the beats that were due; true when there was one. */
  takeBeat(): boolean {
    const due = this.#beats > 0
    this.#beats = 0
    return due
  }

  /** The stream ends after what it is telling. */
  close(): void {
    this.#closed = true
    this.ring()
  }

  /** Resolves at the next ring, at once when there was one since the last wait. */
  async wait(): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => (this.#wake = resolve))
      this.#wake = null
    }
    this.#rung = false
  }
}
