/** How much of a span a doorbell watched, by what it signed: never more than it says, and nothing where it says nothing. */
import { type DayRecord, watchedBetween, type WatchState } from '@latchkey/shared'
import { expect, test } from 'vitest'

type Said = readonly [fromMs: number, toMs: number, state: WatchState]

const recordOf = (...said: readonly Said[]): DayRecord => {
  const watching = said.map(([fromMs, toMs, state]) => ({ fromMs, toMs, state }))
  return { latchkey: { watching } } as unknown as DayRecord
}
const span = { fromMs: 100, toMs: 200 }
const NONE = { on: 0, privacy: 0, 'camera-lost': 0, stopped: 0, unknown: 0 }

test('every millisecond of a span is told once', () => {
  const records = [
    recordOf([0, 120, 'on'], [120, 130, 'privacy'], [130, 150, 'on']),
    recordOf([150, 151, 'stopped'], [151, 170, 'camera-lost'], [170, 400, 'on']),
  ]
  const told = { ...NONE, on: 70, privacy: 10, 'camera-lost': 19, stopped: 1 }
  expect(watchedBetween(records, span)).toEqual(told)
  expect(watchedBetween(records.toReversed(), span)).toEqual(told)
})

test('what no record tells of is unknown: all of it, its beginning, its middle, its end', () => {
  expect(watchedBetween([], span)).toEqual({ ...NONE, unknown: 100 })
  expect(watchedBetween([recordOf([0, 100, 'on'], [200, 300, 'on'])], span)).toEqual({ ...NONE, unknown: 100 })
  const records = [recordOf([110, 120, 'on']), recordOf([150, 190, 'on'])]
  expect(watchedBetween(records, span)).toEqual({ ...NONE, on: 50, unknown: 50 })
})

test('where records contradict each other, the one counts that claims less', () => {
  const states: readonly WatchState[] = ['on', 'privacy', 'camera-lost', 'stopped']
  for (const [i, less] of states.entries())
    for (const more of states.slice(0, i)) {
      const records = [recordOf([100, 200, more]), recordOf([100, 140, less])]
      expect(watchedBetween(records, span)).toEqual({ ...NONE, [less]: 40, [more]: 60 })
    }
  expect(watchedBetween([recordOf([0, 300, 'on'], [0, 300, 'on'])], span)).toEqual({ ...NONE, on: 100 })
})

test('a stretch that ends before it begins is none', () => {
  expect(watchedBetween([recordOf([180, 120, 'on'])], span)).toEqual({ ...NONE, unknown: 100 })
})
