import { expect, test } from 'vitest'
import { nextDailyMs } from '../../../relay/src/push/daily-times.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Midnight, UTC. */
const MIDNIGHT = 20_000 * DAY_MS

test('the next push is today while the minute lies ahead, else tomorrow', () => {
  expect(nextDailyMs(600, { nowMs: MIDNIGHT, lastMs: null })).toBe(MIDNIGHT + 10 * HOUR_MS)
  expect(nextDailyMs(600, { nowMs: MIDNIGHT + 10 * HOUR_MS, lastMs: null })).toBe(MIDNIGHT + 34 * HOUR_MS)
  expect(nextDailyMs(0, { nowMs: MIDNIGHT, lastMs: null })).toBe(MIDNIGHT + DAY_MS)
  expect(nextDailyMs(1_439, { nowMs: MIDNIGHT, lastMs: null })).toBe(MIDNIGHT + DAY_MS - 60_000)
})

test('whoever moves the minute gets none twice a day, and is left out for less than two', () => {
  for (let last = 0; last < 1_440; last += 37)
    for (let minute = 0; minute < 1_440; minute += 41) {
      const lastMs = MIDNIGHT + last * 60_000
      const nextMs = nextDailyMs(minute, { nowMs: lastMs, lastMs })
      expect(nextMs - lastMs).toBeGreaterThan(20 * HOUR_MS)
      expect(nextMs - lastMs).toBeLessThanOrEqual(44 * HOUR_MS)
      expect(((nextMs / 60_000) % 1_440) - minute).toBe(0)
    }
})

test('the same minute comes every day, however late the last one was handed over', () => {
  const due = MIDNIGHT + 10 * HOUR_MS
  for (const lateMs of [0, 30_000, 3 * HOUR_MS, 23 * HOUR_MS])
    expect(nextDailyMs(600, { nowMs: due + lateMs, lastMs: null })).toBe(due + DAY_MS)
})
