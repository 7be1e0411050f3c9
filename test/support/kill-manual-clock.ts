import type { Clock } from '../../device-agent/src/kernel/clock.ts'

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  /** Moves on by `ms`, waking every sleeper at its moment, each with time to do what it does. */
  advance(ms: number): Promise<void>
}

interface Sleeper {
  readonly dueMs: number
  wake(): void
}

/** What an answer sets off reaches the next answer, or the next sleep, in this time. */
const SETTLE_MS = 1
/** Nothing that a loop does takes so long. */
const BUSY_LIMIT_MS = 20_000

/** What a manual clock waits for, and whom it tells. */
export interface ManualClockOptions {
  /** UTC at its start; its monotonic time starts at 0. */
  readonly startMs: number
  /** Loops that sleep when they have nothing to do: time stands still while one of them is awake. */
  readonly loops: () => number
  /** Time has moved by so much. */
  readonly onMove: (ms: number) => void
}

/** Builds one. */
export function createManualClock({ startMs, loops, onMove }: ManualClockOptions): ManualClock {
  const sleepers = new Set<Sleeper>()
  let passedMs = 0
  let sleeping = 0
  function add(delayMs: number, wake: () => void): Sleeper {
    const sleeper = { dueMs: passedMs + Math.max(0, delayMs), wake }
    sleepers.add(sleeper)
    return sleeper
  }
  function move(toMs: number): void {
    onMove(toMs - passedMs)
    passedMs = toMs
  }
  async function settle(): Promise<void> {
    const deadlineMs = performance.now() + BUSY_LIMIT_MS
    do await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    while (sleeping < loops() && performance.now() < deadlineMs)
  }
  return {
    nowMs: () => startMs + Math.round(passedMs),
    monotonicMs: () => passedMs,
    async sleep(delayMs, signal) {
      if (signal?.aborted) return
      sleeping++
      await new Promise<void>((resolve) => {
        const sleeper = add(delayMs, resolve)
        const wake = (): void => {
          sleepers.delete(sleeper)
          resolve()
        }
        signal?.addEventListener('abort', wake, { once: true })
      })
      sleeping--
    },
    setTimer(delayMs, callback) {
      const sleeper = add(delayMs, callback)
      return { cancel: () => void sleepers.delete(sleeper) }
    },
    async advance(ms) {
      const untilMs = passedMs + ms
      for (;;) {
        await settle()
        const dueMs = Math.min(...[...sleepers].map((sleeper) => sleeper.dueMs))
        if (dueMs > untilMs) break
        move(Math.max(passedMs, dueMs))
        for (const sleeper of [...sleepers].filter((one) => one.dueMs <= passedMs)) {
          sleepers.delete(sleeper)
          sleeper.wake()
        }
      }
      move(untilMs)
    },
  }
}
