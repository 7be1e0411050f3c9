/** Judges everything that the relay lists, all of it together: one clip's papers say something about its neighbours'. */
import {
  type ClipProof,
  type ClipVerdict,
  judgeClips,
  type JudgeContext,
  proveClip,
  seenAfter,
  type SeenClip,
} from '@latchkey/shared'
import { nowMs, sleep } from '../../kernel/clock.ts'
import { createObservable, type Observable } from '../../kernel/observable.ts'
import type { FeedState } from './clip-feed.ts'
import type { ListedClip } from './listed-clip.ts'

/** Verdicts by clip: a clip without one was not judged yet. */
export type Verdicts = ReadonlyMap<string, ClipVerdict>

/** Judges whenever the list changes. */
export interface ClipJudge {
  readonly verdicts: Observable<Verdicts>
  /** What counts has changed: judges all anew. */
  again(): void
  run(signal: AbortSignal): Promise<void>
}

/** What it works with. */
export interface JudgeParts {
  readonly feed: Observable<FeedState>
  /** What counts now, with what this phone remembers. */
  loadContext(): Promise<JudgeContext>
  remember(seen: ReadonlyMap<string, SeenClip>): Promise<void>
}

/** A signature costs about a millisecond: after so many of them the page may draw. */
const SLICE_MS = 12
const RETRY_MS = 3_000
/** Whatever changes wakes it. */
const IDLE_MS = 60_000
/** The part of the list that is shown first is judged first. */
const FIRST = 50

const isSame = (a: ClipVerdict, b: ClipVerdict): boolean =>
  a.entry === b.entry &&
  a.faults.length === b.faults.length &&
  a.faults.every((fault, i) => fault === b.faults[i]) &&
  a.missing?.first === b.missing?.first &&
  a.missing?.last === b.missing?.last

const isNews = (before: ReadonlyMap<string, SeenClip>, after: ReadonlyMap<string, SeenClip>): boolean =>
  [...after].some(([clip, { digest }]) => before.get(clip)?.digest !== digest)

export function createClipJudge({ feed, loadContext, remember }: JudgeParts): ClipJudge {
  const verdicts = createObservable<Verdicts>(new Map())
  const proofs = new WeakMap<ListedClip['entry'], ClipProof>()

  async function prove(listed: readonly ListedClip[], { seen }: JudgeContext): Promise<void> {
    let startMs = nowMs()
    for (const { clip, entry, statement } of listed) {
      if (proofs.has(entry)) continue
      proofs.set(entry, proveClip(entry, { statement, seen: seen.get(clip) }))
      if (nowMs() - startMs < SLICE_MS) continue
      await sleep(0)
      startMs = nowMs()
    }
  }

  /** @returns verdicts as they are now, those that say the same unchanged */
  function judge(listed: readonly ListedClip[], context: JudgeContext): readonly ClipVerdict[] {
    const proofOf = (entry: ListedClip['entry']) => proofs.get(entry) ?? proveClip(entry)
    const entries = listed.map(({ entry }) => entry)
    const judged = judgeClips(entries, { ...context, proofOf }).map((verdict) => {
      const before = verdicts.value.get(verdict.entry.clip)
      return before !== undefined && isSame(before, verdict) ? before : verdict
    })
    verdicts.set(new Map(judged.map((verdict) => [verdict.entry.clip, verdict])))
    return judged
  }

  async function judgeAll(): Promise<void> {
    const { clips } = feed.value
    const context = await loadContext()
    if (clips.length > FIRST && verdicts.value.size === 0) {
      const first = clips.slice(0, FIRST)
      await prove(first, context)
      judge(first, context)
    }
    await prove(clips, context)
    const seen = seenAfter(new Map(), judge(clips, context))
    // A disk that is full keeps nothing; what is on the screen is judged all the same.
    if (isNews(context.seen, seen)) await remember(seen).catch(() => {})
  }

  let judged: FeedState['clips'] | null = null
  let wake = new AbortController()

  function again(): void {
    judged = null
    wake.abort()
  }

  return {
    verdicts,
    again,
    async run(signal) {
      const end = feed.listen(() => wake.abort())
      while (!signal.aborted) {
        wake = new AbortController()
        const { clips } = feed.value
        if (clips === judged) await sleep(IDLE_MS, AbortSignal.any([wake.signal, signal]))
        else {
          judged = clips
          // A phone that cannot read what it remembers now judges nothing, and tries again.
          await judgeAll().catch(() => sleep(RETRY_MS, signal).then(again))
        }
      }
      end()
    },
  }
}
