/** Wall time, monotonic time and timers: injected everywhere, so that tests own the time. */
export interface Clock {
  /** UTC milliseconds since 1970; may jump. */
  nowMs(): number
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number
  /** Resolves after `ms`, or earlier (also by resolving) when `signal` aborts: callers look at the signal themselves. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `fn` every `ms` until disposed. `fn` must not throw; a running timer does not keep the process alive. */
  every(ms: number, fn: () => void): Disposable
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve()
      return
    }
    const finish = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, ms)
    signal?.addEventListener('abort', finish, { once: true })
  })
}

function every(ms: number, fn: () => void): Disposable {
  const timer = setInterval(fn, ms)
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

/** The machine's own clock: the only place of the relay that reads time or starts timers. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep,
  every,
}
