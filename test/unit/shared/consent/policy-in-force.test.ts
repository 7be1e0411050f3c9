import { policyInForceAt } from '@latchkey/shared'
import { expect, test } from 'vitest'

const POLICIES = [
  { digest: 'first', index: 0 },
  { digest: 'second', index: 7 },
]

test.each([
  [0, null],
  [1, 'first'],
  [7, 'first'],
  [8, 'second'],
  [1_000, 'second'],
])('entry %i of the log was judged by %s', (index, digest) => {
  expect(policyInForceAt(POLICIES, index)?.digest ?? null).toBe(digest)
})

test('nothing was judged before the first policy', () => {
  expect(policyInForceAt([], 5)).toBeNull()
})
