import { formatTime } from '../consent/notice.ts'
import type { BundleFacts } from './verify-bundle.ts'

/** Beyond a year an uncertainty says that nothing is known. */
const UNKNOWN_MS = 366 * 86_400_000

function inWords(uncertaintyMs: number): string {
  if (uncertaintyMs > UNKNOWN_MS) return 'by an unknown amount'
  return uncertaintyMs < 10_000 ? `by up to ${uncertaintyMs} ms` : `by up to ${Math.ceil(uncertaintyMs / 1000)} s`
}

function sourceLine({ clock }: BundleFacts): string {
  const { source, uncertaintyMs, checkedMs } = clock
  if (source === 'none')
    return `Its clock was not synchronised: the times are its own and may be wrong ${inWords(uncertaintyMs)}.`
  return `Its clock came from ${source}, uncertain ${inWords(uncertaintyMs)}, last compared ${formatTime(checkedMs, 0)}.`
}

/**
 * What a manifest says of its times, for people: as recorded, what the device knew of its clock, and, where the clock was
 * set after the recording began, the corrected times. Pure.
 * @see spec/time.md
 */
export function clockLines(facts: BundleFacts): readonly string[] {
  const { startMs, endMs, clock } = facts
  const span = (offsetMs: number): string =>
    `${formatTime(startMs + offsetMs, 0)} to ${formatTime(endMs + offsetMs, 0)}`
  const lines = [`Recorded ${span(0)} by the device’s clock.`, sourceLine(facts)]
  if (clock.offsetMs === 0) return [...lines, 'Times were not corrected.']
  const wrong = `Its clock was off by ${clock.offsetMs} ms. Corrected by that it was ${span(clock.offsetMs)}, uncertain`
  return [...lines, `${wrong} ${inWords(clock.uncertaintyMs)}. The times in the files are the recorded ones.`]
}
