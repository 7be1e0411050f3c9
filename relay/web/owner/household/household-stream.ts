/** What happens in the household, as its relay tells it: one stream for all pages, begun again whenever it breaks off. */
import { type DeviceLine, type HouseholdFact, type HouseholdLine, householdLine } from '@latchkey/shared'
import { readLines, type RelayClient } from '@latchkey/shared/client'
import { nowMs, sleep } from '../../kernel/clock.ts'
import { createObservable, type Observable } from '../../kernel/observable.ts'

/** Facts are news to act on; nothing of them is proved. */
export interface HouseholdStream {
  /** Is somebody telling now? Otherwise whoever wants news has to ask. */
  readonly isLive: Observable<boolean>
  /** The newest that the relay knows of each doorbell, by certificate. */
  readonly doorbells: Observable<ReadonlyMap<string, DeviceLine>>
  /** `null`: some were missed, so everything is worth a look. @returns ends it */
  listen(listener: (fact: HouseholdFact | null) => void): () => void
  run(signal: AbortSignal): Promise<void>
}

const RETRY_MS = 1_000
const RETRY_MOST_MS = 60_000
/** A stream that lived so long did not fail for a reason that lasts. */
const STEADY_MS = 30_000

/** Resolves when the page is looked at: what nobody sees needs no connection, of which a browser has six. */
async function untilSeen(signal: AbortSignal): Promise<void> {
  while (document.hidden && !signal.aborted) {
    const shown = new AbortController()
    document.addEventListener('visibilitychange', () => shown.abort(), { once: true, signal })
    await sleep(RETRY_MOST_MS, AbortSignal.any([shown.signal, signal]))
  }
}

/** Aborts when nobody looks any more, or at the end. */
function whileSeen(signal: AbortSignal): AbortSignal {
  const hidden = new AbortController()
  const look = (): void => {
    if (document.hidden) hidden.abort()
  }
  document.addEventListener('visibilitychange', look, { signal: AbortSignal.any([hidden.signal, signal]) })
  return AbortSignal.any([hidden.signal, signal])
}

export function createHouseholdStream(client: RelayClient): HouseholdStream {
  const isLive = createObservable(false)
  const doorbells = createObservable<ReadonlyMap<string, DeviceLine>>(new Map())
  const listeners = new Set<(fact: HouseholdFact | null) => void>()
  let position: number | null = null
  /** Told before `start`: all that are not revoked. */
  let told: Map<string, DeviceLine> | null = null

  const tell = (fact: HouseholdFact | null): void => listeners.forEach((listener) => listener(fact))

  function begin(start: { position: number; complete: boolean }): void {
    doorbells.set(told ?? new Map())
    told = null
    const isFirst = position === null
    position = start.position
    isLive.set(true)
    if (isFirst || !start.complete) tell(null)
  }

  function take(line: HouseholdLine): void {
    if (line.type === 'alive') return
    if (line.type === 'start') begin(line)
    else if (line.type === 'device') {
      if (told !== null) told.set(line.certificate, line)
      else doorbells.set(new Map(doorbells.value).set(line.certificate, line))
    } else {
      position = line.position
      tell(line)
    }
  }

  async function listenOnce(signal: AbortSignal): Promise<void> {
    told = new Map()
    const path = position === null ? '/v1/events' : `/v1/events?after=${position}`
    try {
      for await (const line of readLines(client, path, { validator: householdLine, signal })) take(line)
    } catch {
      // Without it the pages ask for themselves; the next try is due soon.
    } finally {
      isLive.set(false)
    }
  }

  return {
    isLive,
    doorbells,
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async run(signal) {
      let failures = 0
      while (!signal.aborted) {
        await untilSeen(signal)
        const startMs = nowMs()
        const seen = whileSeen(signal)
        await listenOnce(seen)
        failures = seen.aborted || nowMs() - startMs > STEADY_MS ? 0 : failures + 1
        if (!seen.aborted) await sleep(Math.min(RETRY_MOST_MS, RETRY_MS * 2 ** failures), signal)
      }
    },
  }
}

const streams = new WeakMap<RelayClient, HouseholdStream>()

/** One per caller, running as long as the page. */
export function householdStreamOf(client: RelayClient): HouseholdStream {
  const known = streams.get(client)
  if (known !== undefined) return known
  const stream = createHouseholdStream(client)
  streams.set(client, stream)
  void stream.run(new AbortController().signal)
  return stream
}
