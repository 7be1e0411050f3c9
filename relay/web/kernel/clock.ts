/** The only clock of both apps. */

/** Milliseconds since the epoch, by this device. */
export const nowMs = (): number => Date.now()

/** A day that is not one of a change of summer time. */
export const DAY_MS = 86_400_000

/** Ends after `ms`, or early when `signal` is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve()
      return
    }
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** Minutes that local time is ahead of UTC, at this moment of the epoch. */
export const utcOffsetMinutesAt = (ms: number): number => -new Date(ms).getTimezoneOffset()

/** The first midnight after a moment, by this phone's own zone. */
export function nextMidnightMs(ms: number): number {
  const day = new Date(ms)
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1).getTime()
}
