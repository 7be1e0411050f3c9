/** Which questions concern this household, by its own judgement of its own clips. */
import {
  type ClipEntry,
  judgeClips,
  type JudgeContext,
  matchRequests,
  type OwnClip,
  type SettingsChoices,
} from '@latchkey/shared'
import type { Offer } from '../decide/offer.ts'
import { nowMs } from '../../kernel/clock.ts'
import type { Question } from './load-questions.ts'

/** A question and what this household could answer it with. */
export interface Match {
  readonly question: Question
  /** Earliest first, at least one. */
  readonly offers: readonly Offer[]
}

type Judged = OwnClip & { readonly entry: ClipEntry }

/** Whole clips that a doorbell of this household signed: nothing else is ever put into a consent. Untrusted: `clips`. */
function genuineClips(clips: readonly ClipEntry[], context: JudgeContext): Judged[] {
  return judgeClips(clips, context).flatMap(({ entry, isGenuine, statement }) => {
    if (!isGenuine || statement === null || statement.manifest.payload.latchkey.open) return []
    const { clock } = statement.manifest.payload.latchkey
    const { device } = statement.certificate.payload.latchkey
    return [{ entry, clip: entry.clip, device, clock, descriptors: entry.descriptors }]
  })
}

/** The newest question first. @param context what this phone judges its clips by */
export function matchQuestions(
  choices: SettingsChoices,
  given: { readonly asked: readonly Question[]; readonly clips: readonly ClipEntry[] },
  context: JudgeContext,
): Match[] {
  const questions = new Map(given.asked.map((question) => [question.request.digest, question]))
  const clips = genuineClips(given.clips, context)
  const entries = new Map(clips.map(({ clip, entry }) => [clip, entry]))
  const requests = given.asked.map(({ request }) => request)
  return matchRequests({ requests, choices, clips, nowMs: nowMs() }).map(({ request, offers }) => ({
    question: questions.get(request.digest)!,
    offers: offers.map(({ clip, items }) => ({
      clip: entries.get(clip.clip)!,
      pieces: clip.descriptors.filter(({ kind, index }) => kind === 'media' && items.includes(index)),
    })),
  }))
}
