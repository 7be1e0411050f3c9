/** Words in a row that stand in both texts, in the first alone, or in the second alone. */
export interface WordChange {
  readonly kind: 'kept' | 'left-out' | 'added'
  /** One space between two words. */
  readonly text: string
}

const wordsOf = (text: string): string[] => text.split(/\s+/u).filter(Boolean)

/** Length of the longest common run of words of `a` from i and `b` from j on, at [i][j]. */
function commonLengths(a: readonly string[], b: readonly string[]): number[][] {
  const lengths = Array.from({ length: a.length + 1 }, () => Array<number>(b.length + 1).fill(0))
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i]![j] = a[i] === b[j] ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!)
  return lengths
}

/**
 * What was changed from one text to the other, by words, with as few words changed as can be. Kept and left out together are the
 * first text; kept and added, the second.
 * Quadratic in words: for texts of a request, which have 600 characters at most.
 */
export function wordChanges(before: string, after: string): WordChange[] {
  const [a, b] = [wordsOf(before), wordsOf(after)]
  const common = commonLengths(a, b)
  const changes: { kind: WordChange['kind']; words: string[] }[] = []
  function put(kind: WordChange['kind'], word: string): void {
    const last = changes.at(-1)
    if (last?.kind === kind) last.words.push(word)
    else changes.push({ kind, words: [word] })
  }
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      put('kept', a[i++]!)
      j++
    } else if (i < a.length && (j === b.length || common[i + 1]![j]! >= common[i]![j + 1]!)) put('left-out', a[i++]!)
    else put('added', b[j++]!)
  }
  return changes.map(({ kind, words }) => ({ kind, text: words.join(' ') }))
}
