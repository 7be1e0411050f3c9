import type { Clock } from '../kernel/clock.ts'
import type { ControlNews } from './control-message.ts'

/** News with the moment they were heard, on this machine's monotonic clock. */
export interface HeardNews {
  readonly news: ControlNews
  readonly heardMs: number
}

/** Listens to an agent, and waits for what one needs to hear. */
export interface NewsListener extends AsyncDisposable {
  /**
   * The first news for which `wanted` holds, heard since `sinceMs` (monotonic); null when `timeoutMs` passed first.
   * @throws what ended the stream of news
   */
  waitFor(
    wanted: (news: ControlNews) => boolean,
    options: { sinceMs: number; timeoutMs: number },
  ): Promise<HeardNews | null>
  /** Everything heard so far, the newest 5,000, oldest first. */
  readonly heard: readonly HeardNews[]
}

const KEPT = 5_000
const LOOK_EVERY_MS = 20

/** Starts listening at once. `open`: opens the stream of news. */
export function createNewsListener(
  open: (signal: AbortSignal) => AsyncIterable<ControlNews>,
  clock: Clock,
): NewsListener {
  const stop = new AbortController()
  const heard: HeardNews[] = []
  let failure: { readonly error: unknown } | null = null

  async function listen(): Promise<void> {
    try {
      for await (const news of open(stop.signal)) {
        heard.push({ news, heardMs: clock.monotonicMs() })
        if (heard.length > KEPT) heard.shift()
      }
    } catch (error) {
      failure = { error }
    }
  }

  const listening = listen()
  return {
    heard,
    async waitFor(wanted, { sinceMs, timeoutMs }) {
      const untilMs = clock.monotonicMs() + timeoutMs
      for (;;) {
        const found = heard.find(({ news, heardMs }) => heardMs >= sinceMs && wanted(news))
        if (found) return found
        if (failure !== null) throw failure.error
        if (clock.monotonicMs() >= untilMs) return null
        await clock.sleep(LOOK_EVERY_MS)
      }
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await listening
    },
  }
}
