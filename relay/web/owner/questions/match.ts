/** Does a question concern this door and these recordings? Decided here, so that nobody else has to know. */
import { type ClipEntry, defaultItems, polygonContains } from '@latchkey/shared'
import type { Offer } from '../decide/decide-page.tsx'
import type { Place } from '../household/home.ts'
import type { Question } from './load-questions.ts'

/** A question and what this household could answer it with. */
export interface Match {
  readonly question: Question
  /** Newest first, at least one. */
  readonly offers: readonly Offer[]
}

function offerOf(clip: ClipEntry, question: Question): Offer | null {
  const items = new Set(defaultItems(clip.descriptors, question.request.payload))
  const pieces = clip.descriptors.filter(({ kind, index }) => kind === 'media' && items.has(index))
  return pieces.length === 0 ? null : { clip, pieces }
}

/** Questions about an area that holds the door, in minutes from which a clip is left; the newest question first. */
export function matchQuestions(asked: readonly Question[], door: Place, clips: readonly ClipEntry[]): Match[] {
  return asked
    .filter(({ request }) => polygonContains(request.payload.authorization_details[0]!.area, door))
    .map((question) => ({
      question,
      offers: clips.map((clip) => offerOf(clip, question)).filter((offer) => offer !== null),
    }))
    .filter(({ offers }) => offers.length > 0)
    .sort((a, b) => b.question.request.payload.iat - a.question.request.payload.iat)
}
