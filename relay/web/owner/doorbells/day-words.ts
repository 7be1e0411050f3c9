/** How a doorbell spent its days, one line each. */
import { type DayRecord, watchedBetween, type WatchedTime } from '@latchkey/shared'
import { DAY_MS, nextMidnightMs } from '../../kernel/clock.ts'
import { dayWords, minuteWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import type { StateSentence } from './doorbell-words.ts'

const MINUTE_MS = 60_000
/** As long as the relay keeps most clips. */
const DAYS = 7
/** A restart takes no longer; where little is told at all, a twentieth of it is little enough to be left out. */
const RESTART_MS = 2 * MINUTE_MS
const LITTLE = 0.05
/** Between an owner's signature and a doorbell's first record. */
const BEGINNING_MS = 3_000
const say = words.doorbells.days
/** What should not be: the order is that of the line. */
const TROUBLES = ['camera-lost', 'unknown'] as const
const PARTS = ['on', 'privacy', 'camera-lost', 'stopped', 'unknown'] as const

function spanWords(ms: number): string {
  const minutes = Math.round(ms / MINUTE_MS)
  if (minutes < 1) return say.moment
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60]
  return [hours > 0 ? say.hours(hours) : '', rest > 0 ? say.minutes(rest) : ''].filter((part) => part !== '').join(' ')
}

function toldOf(time: WatchedTime): (typeof PARTS)[number][] {
  const wholeMs = PARTS.reduce((sum, part) => sum + time[part], 0)
  const leastMs = Math.min(RESTART_MS, Math.max(BEGINNING_MS, wholeMs * LITTLE))
  return PARTS.filter((part) => time[part] > (part === 'on' ? 0 : leastMs))
}

function partsOf(time: WatchedTime): string[] {
  const told = toldOf(time)
  if (told.length === 1 && told[0] === 'on') return [say.always]
  return told.map((part) => say.part[part](spanWords(time[part])))
}

/** Midnights of this phone's zone around the last days, the newest day first. */
function lastDays(nowMs: number): { fromMs: number; toMs: number }[] {
  const days: { fromMs: number; toMs: number }[] = []
  for (let toMs = nextMidnightMs(nowMs); days.length < DAYS; toMs = days.at(-1)!.fromMs) {
    // Days of a change of summer time are longer or shorter: the midnight before is the one after a moment of the day before.
    days.push({ fromMs: nextMidnightMs(toMs - 1.5 * DAY_MS), toMs })
  }
  return days
}

function lineOf(records: readonly DayRecord[], day: { fromMs: number; toMs: number }, untilMs: number): StateSentence {
  const span = { fromMs: day.fromMs, toMs: Math.min(day.toMs, untilMs) }
  const time = watchedBetween(records, span)
  const name = dayWords(day.fromMs)
  const title = span.toMs < day.toMs ? say.until(name, minuteWords(span.toMs)) : name
  const told = toldOf(time)
  const wrong = TROUBLES.some((part) => told.includes(part))
  return { text: say.line(title, partsOf(time).join(', ')), wrong }
}

/**
 * The last seven days as far as the doorbell has signed them, the newest first: it does once a day, and when it starts or stops.
 * @param given.pairedMs before that it was nobody's, and says nothing
 */
export function daySentences(
  records: readonly DayRecord[],
  given: { readonly pairedMs: number; readonly nowMs: number },
): readonly StateSentence[] {
  const { pairedMs, nowMs } = given
  const signedMs = Math.min(nowMs, Math.max(0, ...records.map(({ latchkey }) => latchkey.toMs)))
  return lastDays(nowMs)
    .map(({ fromMs, toMs }) => ({ fromMs: Math.max(fromMs, pairedMs), toMs }))
    .filter(({ fromMs, toMs }) => fromMs < Math.min(toMs, signedMs))
    .map((day) => lineOf(records, day, signedMs))
}
