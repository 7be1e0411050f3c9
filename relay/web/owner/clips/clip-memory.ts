/** What this phone remembers of clips, so that a relay cannot go back behind it: the newest papers that it believed. */
import { type ClipPlace, type JudgeContext, type SeenClip } from '@latchkey/shared'
import { loadRevoked } from '../doorbells/known-doorbells.ts'
import type { Home } from '../household/home.ts'
import { DAY_MS, nowMs } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import { judgeContextOf } from './listed-clip.ts'

/** What is kept. */
interface KeptMemory {
  readonly v: 1
  /** By clip; `listedMs` is when the relay listed it last. */
  readonly seen: ReadonlyMap<string, SeenClip & { readonly listedMs: number }>
  /** Places of clips that this phone deleted itself: what is missing there is missed by nobody. */
  readonly gone: readonly string[]
}

const RECORD = 'seen-clips'
/** No clip is kept for longer than 30 days and the life of a consent: after twice that a relay has nothing to go back to. */
const FORGET_MS = 60 * DAY_MS
/** The oldest are behind the oldest clip that is listed. */
const MAX_GONE = 5_000

const nameOf = ({ device, epoch, sequence }: ClipPlace): string => `${device} ${epoch} ${sequence}`

const keptOf = (record: unknown): KeptMemory =>
  (record as KeptMemory | undefined) ?? { v: 1, seen: new Map(), gone: [] }

/** What this phone pins of its household and remembers of its clips, to judge them by. */
export async function loadJudgeContext(home: Home, database: Database): Promise<JudgeContext> {
  const [{ seen, gone }, revoked] = await Promise.all([database.load(RECORD).then(keptOf), loadRevoked(database)])
  const places = new Set(gone)
  return {
    ...judgeContextOf(home),
    seen,
    revoked,
    isGone: (place) => places.has(nameOf(place)),
  }
}

function withSeen(kept: KeptMemory, seen: ReadonlyMap<string, SeenClip>): KeptMemory {
  const at = nowMs()
  const next = new Map([...kept.seen].filter(([, { listedMs }]) => listedMs > at - FORGET_MS))
  for (const [clip, { revision, digest }] of seen) {
    const before = next.get(clip)
    const newer = before !== undefined && before.revision > revision ? before : { revision, digest }
    next.set(clip, { ...newer, listedMs: at })
  }
  return { ...kept, seen: next }
}

/** Keeps what was seen. Another tab may have seen more meanwhile: the higher revision stays. */
export const rememberSeen = (database: Database, seen: ReadonlyMap<string, SeenClip>): Promise<void> =>
  database.update(RECORD, (kept) => withSeen(keptOf(kept), seen))

/** This phone deleted the clip that stood here. */
export const rememberGone = (database: Database, place: ClipPlace): Promise<void> =>
  database.update(RECORD, (record) => {
    const kept = keptOf(record)
    const gone = [...kept.gone.filter((name) => name !== nameOf(place)), nameOf(place)].slice(-MAX_GONE)
    return { ...kept, gone } satisfies KeptMemory
  })
