import { describe, expect, test } from 'vitest'
import { countPresence, joinSightings, scoreOf, sumCounts } from '../../infra/bench/presence-score.ts'

const truth = { fromS: 0, seconds: 60, visits: [{ fromS: 10, toS: 20 }] }

describe('the score of a motion detector', () => {
  test('is full for the truth itself, and for one that is off by less than the labels are', () => {
    for (const off of [0, 0.4, -0.4]) {
      const counts = countPresence(truth, [{ fromS: 10 + off, toS: 20 + off }])
      expect(scoreOf(counts)).toMatchObject({ precision: 1, recall: 1, f1: 1 })
      expect(counts).toMatchObject({
        visits: 1,
        missed: 0,
        falseAlarms: 0,
        latenciesS: [expect.closeTo(Math.max(0, off))],
      })
    }
  })

  test('is nothing for a detector that sees nothing, and no recall is no precision either', () => {
    expect(scoreOf(countPresence(truth, []))).toMatchObject({ precision: null, recall: 0, f1: 0 })
  })

  test('counts seconds: half a visit is half the recall, as much beside it is half the precision', () => {
    const half = scoreOf(countPresence(truth, [{ fromS: 15, toS: 20 }]))
    expect(half.recall).toBeCloseTo(0.5, 1)
    expect(half).toMatchObject({ precision: 1, medianLatencyS: 5 })
    const wide = scoreOf(countPresence(truth, [{ fromS: 10, toS: 29.5 }]))
    expect(wide.precision).toBeCloseTo(0.5, 1)
  })

  test('takes sightings three seconds apart for one, and no farther', () => {
    const at = (fromS: number) => ({ fromS, toS: fromS + 1 })
    expect(joinSightings([at(14), at(10), at(18.1)])).toEqual([{ fromS: 10, toS: 15 }, at(18.1)])
  })

  test('counts a sighting apart from every visit as a false alarm, and a visit without one as missed', () => {
    const counts = countPresence(truth, [{ fromS: 40, toS: 41 }])
    expect(counts).toMatchObject({ missed: 1, falseAlarms: 1, both: 0, seen: 10 })
  })

  test('leaves out what lies before its window', () => {
    const counts = countPresence({ ...truth, fromS: 30 }, [{ fromS: 10, toS: 20 }])
    expect(counts).toMatchObject({ seen: 0, visited: 0, visits: 0, falseAlarms: 0 })
  })

  test('adds up over videos', () => {
    const seen = countPresence(truth, [{ fromS: 10, toS: 20 }])
    const missed = countPresence(truth, [])
    expect(scoreOf(sumCounts([seen, missed])).recall).toBeCloseTo(0.5)
  })
})
