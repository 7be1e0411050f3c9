import type { Clock } from './clock.ts'

/** Knows how long calls take that may never return. */
export interface WaitMeter {
  /** Makes the call, and counts it as waiting until it is settled. */
  of<T>(call: () => Promise<T>): Promise<T>
  /** How long the oldest call under way has waited, ms; 0 when there is none. */
  waitingMs(): number
}

/** Builds a meter without a call. */
export function createWaitMeter(clock: Clock): WaitMeter {
  const since = new Set<{ readonly sinceMs: number }>()
  return {
    async of(call) {
      const entry = { sinceMs: clock.monotonicMs() }
      since.add(entry)
      try {
        return await call()
      } finally {
        since.delete(entry)
      }
    },
    waitingMs() {
      const now = clock.monotonicMs()
      return Math.max(0, ...[...since].map(({ sinceMs }) => now - sinceMs))
    },
  }
}
