/** Keeps count of the time the decoder was awake for nothing. Times are capture times, ms. */
export interface AwakeDuty {
  wake(atMs: number): void
  /** The detector saw something move: this time awake was not for nothing. */
  justify(): void
  sleep(atMs: number): void
  /** Shares of the latest {@link WINDOW_MS}; 0 while less than {@link ENOUGH_MS} was watched. */
  shares(nowMs: number): { readonly awake: number; readonly forNothing: number }
}

const WINDOW_MS = 600_000
const ENOUGH_MS = 120_000

interface Stretch {
  readonly fromMs: number
  toMs: number
  justified: boolean
}

/** Builds a count that begins with the first sleep. */
export function createAwakeDuty(): AwakeDuty {
  let startMs: number | undefined
  let stretches: Stretch[] = []
  let open: Stretch | undefined

  function overlap({ fromMs, toMs }: Stretch, nowMs: number): number {
    return Math.max(0, Math.min(toMs, nowMs) - Math.max(fromMs, nowMs - WINDOW_MS))
  }

  return {
    wake(atMs) {
      open = { fromMs: atMs, toMs: Infinity, justified: false }
      stretches.push(open)
    },
    justify() {
      if (open !== undefined) open.justified = true
    },
    sleep(atMs) {
      startMs ??= atMs
      if (open !== undefined) open.toMs = atMs
      open = undefined
      stretches = stretches.filter(({ toMs }) => toMs > atMs - WINDOW_MS)
    },
    shares(nowMs) {
      const watchedMs = Math.min(WINDOW_MS, nowMs - (startMs ?? nowMs))
      if (watchedMs < ENOUGH_MS) return { awake: 0, forNothing: 0 }
      const share = (list: readonly Stretch[]) =>
        list.reduce((sum, stretch) => sum + overlap(stretch, nowMs), 0) / watchedMs
      return { awake: share(stretches), forNothing: share(stretches.filter(({ justified }) => !justified)) }
    },
  }
}
