/** Everything that the clips' pages stand on, made once per page load. */
import { type ClipPlace, type HouseholdFact, type JudgeContext, type Member } from '@latchkey/shared'
import type { Home } from '../household/home.ts'
import { loadDoorbells } from '../doorbells/known-doorbells.ts'
import { type HouseholdStream, householdStreamOf } from '../household/household-stream.ts'
import { ownRole } from '../household/members.ts'
import { memberClient } from '../household/relay-clients.ts'
import { DAY_MS, nowMs } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import type { Observable } from '../../kernel/observable.ts'
import { openersOf } from '../keys/phone-keys.ts'
import { type ClipFeed, createClipFeed, type FeedState } from './clip-feed.ts'
import { createFaceMaker, type FaceMaker } from './clip-faces.ts'
import { createClipJudge, type Verdicts } from './clip-judge.ts'
import { loadJudgeContext, rememberGone, rememberSeen } from './clip-memory.ts'
import { createItemOpener, type ItemOpener } from './item-opener.ts'
import { type EarlyList, showKept } from './kept-faces.ts'
import { forgetKept, keepList, loadKeptList } from './kept-list.ts'
import { placeOf } from './listed-clip.ts'
import { createVisits, type Visit } from './visits.ts'

/** The running parts. */
export interface ClipsSession {
  readonly feed: ClipFeed
  /** The list as this phone judged it last, until there is a newer one. */
  readonly early: Observable<EarlyList | null>
  /** Somebody rang or moved, and the clip is on its way. */
  readonly visits: Observable<readonly Visit[]>
  readonly stream: HouseholdStream
  /** What this phone thinks of each clip. */
  readonly verdicts: Observable<Verdicts>
  readonly faces: FaceMaker
  readonly items: ItemOpener
  readonly role: Member['role']
  /** Has a clip kept for as long as the relay keeps any, or no longer than others. @throws whatever the relay refuses */
  keep(clip: string, kept: boolean): Promise<void>
  /** Deletes a clip for the whole household. @throws whatever the relay refuses */
  delete(clip: string): Promise<void>
}

function listedPlace(feed: ClipFeed, clip: string): ClipPlace | null {
  const listed = feed.state.value.clips.find((one) => one.clip === clip)
  return listed === undefined ? null : placeOf(listed)
}

/** What ended before this had its time, unless somebody keeps or shares it. */
const usualFrom = ({ days }: FeedState): Pick<JudgeContext, 'usualFromMs'> =>
  days === null ? {} : { usualFromMs: nowMs() - days.usual * DAY_MS }

async function start(home: Home, database: Database, signal: AbortSignal): Promise<ClipsSession> {
  const [client, openers, kept] = await Promise.all([memberClient(home), openersOf(home), loadKeptList(database)])
  const items = createItemOpener({ client, openers, database })
  // What had its time goes from this phone too, whether or not the relay can say so.
  if (kept.over.size > 0) void Promise.all([forgetKept(database, kept.over), items.forget(kept.over)]).catch(() => {})
  const stream = householdStreamOf(client)
  const onWhole = (clips: ReadonlySet<string>): void => void items.keepOnly(clips).catch(() => {})
  const feed = createClipFeed({ client, isTold: stream.isLive, onWhole })
  const visits = createVisits(feed.state)
  const judge = createClipJudge({
    feed: feed.state,
    loadContext: async () => ({ ...(await loadJudgeContext(home, database)), ...usualFrom(feed.state.value) }),
    remember: (seen) => rememberSeen(database, seen),
  })
  // A doorbell that somebody of the household does not trust any more: its clips are judged anew.
  const checkDoorbells = (): void => void loadDoorbells(home, database).then(judge.again, () => {})
  const follow = (fact: HouseholdFact | null): void => {
    if (fact?.type === 'deleted') feed.drop(fact.clip)
    else if (fact?.type === 'kept') feed.keep(fact.clip, fact.kept)
    else if (fact === null || fact.type === 'manifest' || fact.type === 'headers') feed.hurry()
    else if (fact.type === 'event') visits.take(fact)
    if (fact === null || fact.type === 'revocation') checkDoorbells()
  }
  signal.addEventListener('abort', stream.listen(follow))
  const faces = createFaceMaker({ feed: feed.state, verdicts: judge.verdicts, items })
  const role = (await ownRole(home)) ?? 'viewer'
  const sources = { feed: feed.state, verdicts: judge.verdicts, faces: faces.faces }
  const early = showKept(kept.list, { items, sources, signal })
  checkDoorbells()
  void feed.run(signal)
  void judge.run(signal)
  void faces.run(signal)
  void keepList(database, sources, signal)
  return {
    feed,
    early,
    visits: visits.waiting,
    stream,
    verdicts: judge.verdicts,
    faces,
    items,
    role,
    async keep(clip, kept) {
      await client.bytes(kept ? 'PUT' : 'DELETE', `/v1/clips/${clip}/kept`)
      feed.keep(clip, kept)
    },
    async delete(clip) {
      const place = listedPlace(feed, clip)
      await client.bytes('DELETE', `/v1/clips/${clip}`)
      if (place !== null) await rememberGone(database, place)
      feed.drop(clip)
      await forgetKept(database, new Set([clip]))
    },
  }
}

let running: {
  readonly keyset: string
  readonly end: AbortController
  readonly session: Promise<ClipsSession>
} | null = null

/** One per household and keyset; it goes on while other pages are shown. */
export function clipsSessionOf(home: Home, database: Database): Promise<ClipsSession> {
  if (running?.keyset !== home.keyset) {
    running?.end.abort()
    const end = new AbortController()
    running = { keyset: home.keyset, end, session: start(home, database, end.signal) }
  }
  return running.session
}
