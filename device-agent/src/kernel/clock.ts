/** A pending call of {@link Clock.setTimer}; cancelling one that has fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void
}

/** Time as every stage sees it: the only door to the wall clock and to timers, so that tests can hold the hands. */
export interface Clock {
  /** UTC, ms since the epoch, whole; steps when the system clock is set. */
  nowMs(): number
  /** Ms since the machine booted, fractional; never steps, stands still while suspended (`CLOCK_MONOTONIC`). */
  monotonicMs(): number
  /** Resolves after `delayMs`, or at once when `signal` aborts: waking early is not an error, look at the signal. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>
  /** Calls `callback` once after `delayMs`; does not keep the process alive. */
  setTimer(delayMs: number, callback: () => void): Timer
}

function sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve()
      return
    }
    const timer = setTimeout(done, delayMs)
    signal?.addEventListener('abort', done, { once: true })
    function done(): void {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
  })
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  sleep,
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}
