/** What a clip's papers say, in sentences. */
import type { ClipMeta, ClipVerdict } from '@latchkey/shared'
import { DAY_MS, nowMs } from '../../kernel/clock.ts'
import { clockWords, dayKey, dayWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import type { Piece } from './clip-pieces.ts'
import { type ClipClaims, timesOf } from './listed-clip.ts'

/** Beyond a year an uncertainty says that nothing is known. */
const UNKNOWN_MS = 366 * DAY_MS
const say = words.clips

/** “Today, Monday, 23 November”. */
export function dayTitle(ms: number): string {
  const key = dayKey(ms)
  if (key === dayKey(nowMs())) return `${say.today}, ${dayWords(ms)}`
  if (key === dayKey(nowMs() - DAY_MS)) return `${say.yesterday}, ${dayWords(ms)}`
  return dayWords(ms)
}

/** “24 seconds”, never less than one. */
export const lengthWords = ({ startMs, endMs }: Pick<ClipClaims, 'startMs' | 'endMs'>): string =>
  say.seconds(Math.max(1, Math.round((endMs - startMs) / 1000)))

/** Why there is a clip. */
export const reasonWords = (meta: ClipMeta | null): string =>
  meta === null ? say.triggerUnknown : say.trigger[meta.trigger]

function spanWords(ms: number): string {
  const { within } = say
  if (ms < 1000) return within.ms(ms)
  if (ms < 120_000) return within.s(Math.ceil(ms / 1000))
  return ms < 7_200_000 ? within.minutes(Math.ceil(ms / 60_000)) : within.hours(Math.ceil(ms / 3_600_000))
}

function clockSentences({ clock }: ClipClaims): string[] {
  const { source, uncertaintyMs, offsetMs } = clock
  const sure = uncertaintyMs > UNKNOWN_MS ? say.clock.unknown : say.clock[source](spanWords(uncertaintyMs))
  return offsetMs === 0 ? [sure] : [sure, say.clock.corrected(spanWords(Math.abs(offsetMs)))]
}

/** “14:05:09 to 14:05:33”, corrected. */
function between(claims: ClipClaims, fromMs: number, toMs: number): string {
  const { offsetMs } = claims.clock
  return say.span(clockWords(fromMs + offsetMs), clockWords(toMs + offsetMs))
}

function maskSentences(claims: ClipClaims, meta: ClipMeta | null): string[] {
  if (claims.masks === null) return []
  return [meta === null ? say.masked : say.masks(Object.keys(meta.masks).join(', '))]
}

/** Everything that a judged clip says of itself, most important first. */
export function clipSentences(claims: ClipClaims, meta: ClipMeta | null): readonly string[] {
  const { startMs, endMs } = timesOf(claims)
  const gaps = claims.gaps.map((gap) => say.gap[gap.reason](between(claims, gap.startMs, gap.endMs)))
  return [
    say.recorded(clockWords(startMs), clockWords(endMs)),
    ...clockSentences(claims),
    ...(gaps.length === 0 ? [say.noGap] : gaps),
    ...maskSentences(claims, meta),
    ...(meta !== null && meta.zones.length > 0 ? [say.zones(meta.zones.join(', '))] : []),
  ]
}

/** Everything that is wrong with a clip, or with the clips around it, each said once. */
export const faultSentences = ({ faults, missing }: ClipVerdict): readonly string[] =>
  faults.map((fault) =>
    fault === 'clip-missing' && missing !== null
      ? say.missing(missing.last - missing.first + 1)
      : say.faults[fault].sentence,
  )

/** The same in a few words for a list: the worst of it. `null` when nothing is wrong. */
export function noteWords({ faults }: Pick<ClipVerdict, 'faults'>): string | null {
  const [worst] = faults
  return worst === undefined ? null : say.faults[worst].note
}

/** When the pieces that were left out would have played. */
export function refusedSentence(claims: ClipClaims, pieces: readonly Piece[]): string {
  const spans = pieces.map(({ descriptor: { startMs, durationMs } }) => between(claims, startMs, startMs + durationMs))
  return say.refused(spans.join(', '))
}
