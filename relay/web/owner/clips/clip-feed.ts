/** The household's clips as they arrive: the whole list once, then what changed behind the cursor. */
import { clipList, type ClipList } from '@latchkey/shared'
import type { RelayClient } from '@latchkey/shared/client'
import { nowMs, sleep } from '../../kernel/clock.ts'
import { createObservable, type Observable } from '../../kernel/observable.ts'
import { claimsOf, type ListedClip, listedClipOf, timesOf } from './listed-clip.ts'

/** What is known of the list. */
export interface FeedState {
  /** Newest first; what cannot be read comes first of all. */
  readonly clips: readonly ListedClip[]
  /** `null` until the whole list was seen once. */
  readonly checkedMs: number | null
  /** Why the relay was not heard the last time; `null` when it was. */
  readonly failure: unknown
  /** How long the relay says that it keeps clips; `null` until it did. */
  readonly days: ClipList['days'] | null
}

/** The list, kept fresh while `signal` is not aborted. */
export interface ClipFeed {
  readonly state: Observable<FeedState>
  /** Looks at once. */
  hurry(): void
  /** Takes a deleted clip out. */
  drop(clip: string): void
  /** Somebody wants a clip kept, or no longer. */
  keep(clip: string, kept: boolean): void
  run(signal: AbortSignal): Promise<void>
}

/** Nobody tells what is new. */
const SEEN_MS = 3_000
/** Somebody does; whether everything is told is worth a look of one's own. */
const TOLD_MS = 60_000
const HIDDEN_MS = 60_000
const FAILED_MS = 2_000
const FAILED_MOST_MS = 60_000

const sortKey = (clip: ListedClip): number => {
  const claims = claimsOf(clip)
  return claims === null ? Number.POSITIVE_INFINITY : timesOf(claims).startMs
}

const newestFirst = (a: ListedClip, b: ListedClip) => sortKey(b) - sortKey(a) || b.cursor - a.cursor

/** What a feed works with. */
export interface FeedParts {
  readonly client: RelayClient
  /** Is it told of news by {@link ClipFeed.hurry}? */
  readonly isTold: Observable<boolean>
  /** Told the names of all clips once the list is whole. */
  onWhole(clips: ReadonlySet<string>): void
}

export function createClipFeed({ client, isTold, onWhole }: FeedParts): ClipFeed {
  const state = createObservable<FeedState>({ clips: [], checkedMs: null, failure: null, days: null })
  const known = new Map<string, ListedClip>()
  const dropped = new Set<string>()
  let cursor = 0
  let hurry = new AbortController()

  async function readPage(): Promise<ClipList> {
    const page = await client.json('GET', `/v1/clips?after=${cursor}`, clipList)
    for (const entry of page.clips) {
      const held = known.get(entry.clip)
      if (!dropped.has(entry.clip) && (held === undefined || held.cursor < entry.cursor))
        known.set(entry.clip, listedClipOf(entry))
      cursor = Math.max(cursor, entry.cursor)
    }
    return page
  }

  const show = (change: Partial<FeedState>): void => state.set({ ...state.value, ...change })
  const sorted = () => [...known.values()].sort(newestFirst)

  async function look(): Promise<void> {
    const before = cursor
    // A relay that never comes to an end gains nothing: each page must bring the cursor forward.
    let days: FeedState['days'] = null
    for (let last = -1; cursor > last;) {
      last = cursor
      const page = await readPage()
      days = page.days
      if (page.next === null) break
    }
    const isFirst = state.value.checkedMs === null
    show({ checkedMs: nowMs(), failure: null, days, ...(isFirst || cursor > before ? { clips: sorted() } : {}) })
    if (isFirst) onWhole(new Set(known.keys()))
  }

  return {
    state,
    hurry: () => hurry.abort(),
    drop(clip) {
      dropped.add(clip)
      known.delete(clip)
      show({ clips: sorted() })
    },
    keep(clip, kept) {
      const held = known.get(clip)
      if (held === undefined || held.kept === kept) return
      known.set(clip, { ...held, kept })
      show({ clips: sorted() })
    },
    async run(signal) {
      let failures = 0
      const wake = () => hurry.abort()
      document.addEventListener('visibilitychange', wake, { signal })
      signal.addEventListener('abort', isTold.listen(wake))
      while (!signal.aborted) {
        hurry = new AbortController()
        try {
          await look()
          failures = 0
        } catch (failure) {
          failures++
          show({ failure })
        }
        const pace = document.hidden ? HIDDEN_MS : isTold.value ? TOLD_MS : SEEN_MS
        const waitMs = failures === 0 ? pace : Math.min(FAILED_MOST_MS, FAILED_MS * 2 ** failures)
        await sleep(waitMs, AbortSignal.any([hurry.signal, signal]))
      }
    },
  }
}
