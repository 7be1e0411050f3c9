import { LatchkeyError } from '../errors.ts'
import { MAX_ITEMS } from '../wire/clip.ts'

/** Inclusive range of item indexes. */
export type ItemRange = [first: number, last: number]

/** Sorted, disjoint, not adjacent: one set of items has one spelling. */
export function areCanonicalRanges(ranges: readonly (readonly [number, number])[]): boolean {
  let next = 0
  for (const [first, last] of ranges) {
    if (first > last || first < next || last >= MAX_ITEMS) return false
    next = last + 2
  }
  return ranges.length > 0
}

/** Ranges → indexes in order. @throws CONSENT_INVALID unless canonical */
export function indexesOf(ranges: readonly (readonly [number, number])[]): number[] {
  if (!areCanonicalRanges(ranges))
    throw new LatchkeyError('CONSENT_INVALID', 'item ranges are not sorted, disjoint and joined')
  return ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i))
}

/** Indexes (any order) → canonical ranges. */
export function rangesOf(indexes: Iterable<number>): ItemRange[] {
  const ranges: ItemRange[] = []
  for (const index of [...new Set(indexes)].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last && last[1] === index - 1) last[1] = index
    else ranges.push([index, index])
  }
  return ranges
}
