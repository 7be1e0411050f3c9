import type { Clock } from '../../device-agent/src/kernel/clock.ts'

/** A clock whose sleeps pass at once: whoever sleeps moves the time to when it would have woken. */
export interface LeapingClock extends Clock {
  leap(ms: number): void
}

/** Starts at `startMs` (UTC) and 0 (monotonic). */
export function createLeapingClock(startMs = 1_700_000_000_000): LeapingClock {
  let passedMs = 0
  return {
    nowMs: () => startMs + Math.round(passedMs),
    monotonicMs: () => passedMs,
    leap(ms) {
      passedMs += ms
    },
    async sleep(delayMs, signal) {
      // A turn of the loop, so that I/O and others go on.
      await new Promise((resolve) => setImmediate(resolve))
      if (!signal?.aborted) passedMs += delayMs
    },
    setTimer(delayMs, callback) {
      const handle = setTimeout(callback, delayMs)
      return { cancel: () => clearTimeout(handle) }
    },
  }
}
