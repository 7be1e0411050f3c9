import { LatchkeyError } from '../errors.ts'
import { emptyTreeHash, hashNode, type LeafRange, type TreeHash } from './merkle.ts'

/**
 * All that appending needs to know of a tree: the roots of its perfect subtrees, largest (leftmost) first; one for each
 * 1 bit of `size`. Immutable.
 */
export interface Frontier {
  readonly size: number
  readonly hashes: readonly TreeHash[]
}

/** The frontier of the tree without leaves. */
export const EMPTY_FRONTIER: Frontier = { size: 0, hashes: [] }

/**
 * The perfect subtrees of a tree of `size` leaves, largest first: the ranges of the frontier's hashes.
 * @see RFC 9162 §2.1.2
 */
export function frontierRanges(size: number): LeafRange[] {
  const ranges: LeafRange[] = []
  let [start, width] = [0, 2 ** 52]
  for (; width >= 1; width /= 2) {
    if (size - start < width) continue
    ranges.push({ start, end: start + width })
    start += width
  }
  return ranges
}

/** The frontier with one more leaf. O(log n). */
export function appendLeaf(frontier: Frontier, leafHash: TreeHash): Frontier {
  const hashes = [...frontier.hashes]
  let hash = leafHash
  for (let size = frontier.size; size % 2 === 1; size = (size - 1) / 2) {
    const left = hashes.pop()
    if (left === undefined) throw new LatchkeyError('INTERNAL', 'frontier has fewer hashes than its size says')
    hash = hashNode(left, hash)
  }
  return { size: frontier.size + 1, hashes: [...hashes, hash] }
}

/** Root of the frontier's tree. @see RFC 6962 §2.1 */
export function frontierRoot(frontier: Frontier): TreeHash {
  const [last, ...rest] = frontier.hashes.toReversed()
  if (last === undefined) return emptyTreeHash()
  return rest.reduce((right, left) => hashNode(left, right), last)
}
