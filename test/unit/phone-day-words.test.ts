/** What an owner reads of a doorbell's days: as far as it signed them, and trouble marked as such. */
import type { DayRecord, WatchState } from '@latchkey/shared'
import { expect, test } from 'vitest'
import { daySentences } from '../../relay/web/owner/doorbells/day-words.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** A midnight of this machine's zone, of days without a change of summer time. */
const MIDNIGHT_MS = new Date(2026, 10, 23).getTime()
const NOW_MS = MIDNIGHT_MS + 18 * HOUR_MS

type Said = readonly [fromMs: number, toMs: number, state?: WatchState]

/** Times count from today's midnight. */
function recordOf(...said: readonly Said[]): DayRecord {
  const watching = said.map(([fromMs, toMs, state = 'on']) => ({
    fromMs: MIDNIGHT_MS + fromMs,
    toMs: MIDNIGHT_MS + toMs,
    state,
  }))
  return { latchkey: { watching, toMs: watching.at(-1)!.toMs } } as unknown as DayRecord
}
const linesOf = (records: readonly DayRecord[], pairedMs = 0) => daySentences(records, { pairedMs, nowMs: NOW_MS })
const textsOf = (...given: Parameters<typeof linesOf>) => linesOf(...given).map(({ text }) => text)

test('a day is told as far as it was signed, the newest first', () => {
  const records = [recordOf([-2 * DAY_MS, -DAY_MS + 9 * HOUR_MS]), recordOf([-DAY_MS + 9 * HOUR_MS, 9 * HOUR_MS])]
  const [today, yesterday, before, ...more] = textsOf(records, MIDNIGHT_MS - 2 * DAY_MS)
  expect(today).toMatch(/^Monday.* 23.*, until 0?9:00.*: watched all the time\.$/)
  expect(yesterday).toMatch(/^Sunday.* 22[^,]*: watched all the time\.$/)
  expect(before).toMatch(/^Saturday.* 21[^,]*: watched all the time\.$/)
  expect(more).toEqual([])
})

test('a camera that was lost, and time of which nothing is known, is trouble; what somebody chose is none', () => {
  const chosen = recordOf(
    [0, HOUR_MS, 'privacy'],
    [HOUR_MS, 9 * HOUR_MS],
    [9 * HOUR_MS, 10 * HOUR_MS + MINUTE_MS, 'stopped'],
  )
  expect(linesOf([chosen], MIDNIGHT_MS)).toEqual([
    {
      text: expect.stringMatching(
        /: watched for 8 hours, switched off on purpose for 1 hour, not running for 1 hour 1 minute\.$/,
      ),
      wrong: false,
    },
  ])
  const lost = recordOf([0, HOUR_MS], [HOUR_MS, 80 * MINUTE_MS, 'camera-lost'], [80 * MINUTE_MS, 2 * HOUR_MS])
  expect(linesOf([lost], MIDNIGHT_MS)).toEqual([
    {
      text: expect.stringMatching(/: watched for 1 hour 40 minutes, without its camera for 20 minutes\.$/),
      wrong: true,
    },
  ])
  const hole = [recordOf([0, HOUR_MS]), recordOf([4 * HOUR_MS, 5 * HOUR_MS])]
  expect(linesOf(hole, MIDNIGHT_MS)).toEqual([
    { text: expect.stringMatching(/: watched for 2 hours, nothing is known of 3 hours\.$/), wrong: true },
  ])
})

test('a restart of a moment is not told, nor anything from before its owner vouched for it', () => {
  const record = recordOf([0, HOUR_MS], [HOUR_MS, HOUR_MS + MINUTE_MS, 'stopped'], [HOUR_MS + MINUTE_MS, 2 * HOUR_MS])
  expect(textsOf([record], MIDNIGHT_MS)).toEqual([expect.stringMatching(/: watched all the time\.$/)])
  expect(textsOf([record], MIDNIGHT_MS + 3 * HOUR_MS)).toEqual([])
  expect(textsOf([])).toEqual([])
})

test('where little was signed at all, little is told', () => {
  const record = recordOf([0, 1_000], [1_000, 60_000, 'stopped'])
  expect(textsOf([record], MIDNIGHT_MS)).toEqual([
    expect.stringMatching(/: watched for less than a minute, not running for 1 minute\.$/),
  ])
})

test('a week is told, and no more', () => {
  expect(textsOf([recordOf([-30 * DAY_MS, 0])])).toHaveLength(6)
  expect(textsOf([recordOf([-30 * DAY_MS, HOUR_MS])])).toHaveLength(7)
})

test('a record of the future says nothing of what has not been', () => {
  expect(textsOf([recordOf([0, 30 * HOUR_MS])], MIDNIGHT_MS)).toEqual([
    expect.stringMatching(/, until .*: watched all the time\.$/),
  ])
})
