/**
 * The first of the list as this phone last judged it, kept for the moment in which the app opens. It is looked at and nothing
 * else: no video opens by it, nothing is decided by it, and what the relay then lists is judged anew and takes its place.
 */
import { canonicalJson, type ClipFault, type ItemDescriptor } from '@latchkey/shared'
import { DAY_MS, nowMs, sleep } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import type { Observable } from '../../kernel/observable.ts'
import type { FeedState } from './clip-feed.ts'
import type { Faces } from './clip-faces.ts'
import type { Verdicts } from './clip-judge.ts'
import { claimsOf, type ListedClip, timesOf } from './listed-clip.ts'

/** Of one clip: times and verdict; its picture and its doorbell's name stay sealed where they are, and only their papers are here. */
export interface KeptClip {
  readonly clip: string
  /** Corrected, UTC ms. */
  readonly startMs: number
  readonly endMs: number
  readonly open: boolean
  readonly kept: boolean
  /** When the relay said that it deletes it: then this phone forgets it as well. */
  readonly untilMs: number
  readonly isGenuine: boolean
  readonly faults: readonly ClipFault[]
  readonly refused: readonly ('poster' | 'meta')[]
  readonly poster: ItemDescriptor | null
  readonly meta: ItemDescriptor | null
  /** Of what its manifest says was painted over. */
  readonly masks: string | null
}

/** The list as it stood. */
export interface KeptList {
  readonly v: 1
  /** When the relay was heard. */
  readonly asOfMs: number
  /** Newest first. */
  readonly clips: readonly KeptClip[]
}

const RECORD = 'clip-list'
/** As many as a list shows before older ones are asked for. */
const MOST = 50
/** What changes together is kept together. */
const SETTLE_MS = 300
/** How old the moment that is said may become while nothing changes. */
const MINUTE_MS = 60_000

const keptOf = (record: unknown): KeptList | null => (record as KeptList | null | undefined) ?? null

/** `null` when there is none: clips whose time was up meanwhile are in none. */
export async function loadKeptList(database: Database): Promise<{ list: KeptList | null; over: ReadonlySet<string> }> {
  const kept = keptOf(await database.load(RECORD))
  const at = nowMs()
  const clips = kept?.clips.filter(({ untilMs }) => untilMs > at) ?? []
  const over = kept?.clips.filter(({ untilMs }) => untilMs <= at).map(({ clip }) => clip) ?? []
  return { list: kept === null || clips.length === 0 ? null : { ...kept, clips }, over: new Set(over) }
}

/** Takes clips out of it. Durable when this resolves. */
export async function forgetKept(database: Database, gone: ReadonlySet<string>): Promise<void> {
  await database.update(RECORD, (record) => {
    const kept = keptOf(record)
    return kept && ({ ...kept, clips: kept.clips.filter(({ clip }) => !gone.has(clip)) } satisfies KeptList)
  })
}

/** What the running session knows. */
export interface KeptSources {
  readonly feed: Observable<FeedState>
  readonly verdicts: Observable<Verdicts>
  readonly faces: Observable<Faces>
}

function keptClip(listed: ListedClip, { feed, verdicts, faces }: KeptSources): KeptClip | null {
  const [claims, verdict, { days }] = [claimsOf(listed), verdicts.value.get(listed.clip), feed.value]
  if (claims === null || verdict?.entry !== listed.entry || days === null) return null
  const partOf = (wanted: ItemDescriptor['kind']) => listed.descriptors.find(({ kind }) => kind === wanted) ?? null
  const { clip, kept, entry } = listed
  return {
    clip,
    ...timesOf(claims),
    open: claims.open,
    kept,
    untilMs: entry.receivedMs + (kept ? days.kept : days.usual) * DAY_MS,
    isGenuine: verdict.isGenuine,
    faults: verdict.faults,
    refused: faces.value.get(clip)?.refused ?? [],
    poster: partOf('poster'),
    meta: partOf('meta'),
    masks: claims.masks,
  }
}

/** `null` until everything that would be shown first was heard and judged. */
function listOf(sources: KeptSources): KeptList | null {
  const { clips, checkedMs } = sources.feed.value
  if (checkedMs === null) return null
  const first = clips.filter((listed) => claimsOf(listed) !== null).slice(0, MOST)
  const kept = first.map((listed) => keptClip(listed, sources))
  return kept.includes(null) ? null : { v: 1, asOfMs: checkedMs, clips: kept.filter((clip) => clip !== null) }
}

/** Keeps what the session shows, as it changes, until `signal` is aborted. A full disk costs the next start its first picture. */
export async function keepList(database: Database, sources: KeptSources, signal: AbortSignal): Promise<void> {
  let wake = new AbortController()
  const ends = [sources.feed, sources.verdicts, sources.faces].map((one) => one.listen(() => wake.abort()))
  let saved = { clips: '', asOfMs: 0 }
  while (!signal.aborted) {
    wake = new AbortController()
    const list = listOf(sources)
    if (list !== null) {
      const clips = canonicalJson(list.clips)
      const isNews = clips !== saved.clips || list.asOfMs - saved.asOfMs >= MINUTE_MS
      if (isNews) await database.save(RECORD, list).catch(() => {})
      if (isNews) saved = { clips, asOfMs: list.asOfMs }
    }
    await sleep(MINUTE_MS, AbortSignal.any([wake.signal, signal]))
    await sleep(SETTLE_MS, signal)
  }
  ends.forEach((end) => end())
}
