import { areCanonicalRanges, indexesOf, type ItemRange, MAX_ITEMS, rangesOf } from '@latchkey/shared'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

describe('item ranges', () => {
  test.each<[ItemRange[], boolean]>([
    [[[0, 0]], true],
    [[[0, 2], [4, 4]], true], // prettier-ignore
    [[[0, MAX_ITEMS - 1]], true],
    [[], false],
    [[[0, MAX_ITEMS]], false],
    [[[1, 0]], false],
    [[[-1, 0]], false],
    [[[0, 1], [1, 2]], false], // prettier-ignore
    [[[0, 1], [2, 3]], false], // prettier-ignore
    [[[4, 4], [0, 2]], false], // prettier-ignore
    [[[0, 0], [0, 0]], false], // prettier-ignore
  ])('%j are canonical: %j', (ranges, canonical) => {
    expect(areCanonicalRanges(ranges)).toBe(canonical)
    if (!canonical) expect(() => indexesOf(ranges)).toThrow('item ranges')
  })

  test('of any set of indexes are its one spelling', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(MAX_ITEMS - 1), { minLength: 1, maxLength: 60 }), (indexes) => {
        const ranges = rangesOf(indexes)
        expect(areCanonicalRanges(ranges)).toBe(true)
        expect(indexesOf(ranges)).toEqual(indexes.toSorted((a, b) => a - b))
      }),
      { seed: 1 },
    )
  })

  test('do not depend on order or repetition', () => {
    expect(rangesOf([5, 1, 2, 2, 1, 7, 6])).toEqual([
      [1, 2],
      [5, 7],
    ])
  })
})
