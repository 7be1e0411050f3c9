import type { Clock } from './clock.ts'

/** A loop's alarm clock: waits until time has passed or somebody has something for it. */
export interface Waker {
  /** Ends the present wait, or the next one at once. */
  readonly wake: () => void
  /** Every wait from now on ends at once. */
  stop(): void
  isStopped(): boolean
  /** Resolves after `delayMs`, or earlier when woken; never rejects. */
  wait(delayMs: number): Promise<void>
}

/** Builds a {@link Waker} that nobody has woken. */
export function createWaker(clock: Clock): Waker {
  let stopped = false
  let due = false
  let waiting: AbortController | null = null
  const wake = (): void => {
    due = true
    waiting?.abort()
  }
  return {
    wake,
    stop() {
      stopped = true
      wake()
    },
    isStopped: () => stopped,
    async wait(delayMs) {
      if (!due && !stopped) {
        waiting = new AbortController()
        await clock.sleep(delayMs, waiting.signal)
        waiting = null
      }
      due = false
    },
  }
}
