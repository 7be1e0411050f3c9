import { wordChanges } from '@latchkey/shared'
import { expect, test } from 'vitest'
import { createSeededRandom } from '../../../support/counts.ts'

const shown = (before: string, after: string): string =>
  wordChanges(before, after)
    .map(({ kind, text }) => ({ kept: text, added: `+${text}+`, 'left-out': `-${text}-` })[kind])
    .join(' ')

test.each([
  ['a b c', 'a b c', 'a b c'],
  ['', '', ''],
  ['', 'a b', '+a b+'],
  ['a b', '', '-a b-'],
  ['a b c', 'a x c', 'a -b- +x+ c'],
  ['a b c', 'a b c d e', 'a b c +d e+'],
  ['a b c d', 'b d', '-a- b -c- d'],
  ['a b', 'b a', '-a- b +a+'],
  ['  a \n b ', 'a b', 'a b'],
  ['Owner', 'owner', '-Owner- +owner+'],
])('from “%s” to “%s”: %s', (before, after, changes) => {
  expect(shown(before, after)).toBe(changes)
})

/** Length of the longest common subsequence, from its recursive definition. */
function commonLength(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return 0
  const [restA, restB] = [a.slice(1), b.slice(1)]
  if (a[0] === b[0]) return 1 + commonLength(restA, restB)
  return Math.max(commonLength(restA, b), commonLength(a, restB))
}

test('both texts can be read from the changes, and no fewer words could be changed', () => {
  const random = createSeededRandom(7)
  const draw = () => Array.from({ length: random(8) }, () => 'abcd'[random(4)]!)
  for (let round = 0; round < 500; round++) {
    const [a, b] = [draw(), draw()]
    const changes = wordChanges(a.join(' '), b.join(' '))
    const without = (kind: string) =>
      changes.filter((change) => change.kind !== kind).flatMap(({ text }) => text.split(' '))
    expect(without('added')).toEqual(a)
    expect(without('left-out')).toEqual(b)
    const kept = changes.filter(({ kind }) => kind === 'kept').flatMap(({ text }) => text.split(' '))
    expect(kept.length, `${a.join(' ')} | ${b.join(' ')}`).toBe(commonLength(a, b))
  }
})
