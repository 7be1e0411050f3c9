import { equalBytes } from '../bytes/bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import { LatchkeyError } from '../errors.ts'

/** A Merkle tree hash: 32 bytes of SHA-256. */
export type TreeHash = Uint8Array

/** Leaves `start` (inclusive) … `end` (exclusive) of a log. */
export interface LeafRange {
  readonly start: number
  readonly end: number
}

/** Bytes of one tree hash. */
export const HASH_BYTES = 32
/** A path in a tree of at most 2^53 leaves is never longer, so longer proofs are refused unread. */
export const MAX_PROOF_HASHES = 64

const LEAF_PREFIX = Uint8Array.of(0x00)
const NODE_PREFIX = Uint8Array.of(0x01)

/** Hash of the tree without leaves: SHA-256 of nothing. @see RFC 6962 §2.1 */
export function emptyTreeHash(): TreeHash {
  return sha256()
}

/** Hash of one leaf's bytes. @see RFC 6962 §2.1 */
export function hashLeaf(leaf: Uint8Array): TreeHash {
  return sha256(LEAF_PREFIX, leaf)
}

/** Hash of two neighbouring subtrees. @see RFC 6962 §2.1 */
export function hashNode(left: TreeHash, right: TreeHash): TreeHash {
  return sha256(NODE_PREFIX, left, right)
}

/** The largest power of two strictly below `size`; `size` ≥ 2. Arithmetic, not shifts: sizes pass 2^32. */
export function splitPoint(size: number): number {
  let k = 1
  while (k * 2 < size) k *= 2
  return k
}

/**
 * Tree hash of leaf hashes, in leaf order.
 * @see RFC 6962 §2.1
 */
export function rootOfLeaves(leafHashes: readonly TreeHash[]): TreeHash {
  const [first] = leafHashes
  if (first === undefined) return emptyTreeHash()
  if (leafHashes.length === 1) return first
  const k = splitPoint(leafHashes.length)
  return hashNode(rootOfLeaves(leafHashes.slice(0, k)), rootOfLeaves(leafHashes.slice(k)))
}

/**
 * The subtrees whose hashes prove leaf `index` in a tree of `size` leaves, from the leaf's sibling up to the root's child.
 * @throws LOG_RANGE when the tree has no such leaf
 * @see RFC 6962 §2.1.1
 */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  assertSize(size)
  if (!Number.isSafeInteger(index) || index < 0 || index >= size)
    throw new LatchkeyError('LOG_RANGE', `leaf ${index} is not in a tree of ${size}`)
  const ranges: LeafRange[] = []
  let [start, end] = [0, size]
  while (end - start > 1) {
    const middle = start + splitPoint(end - start)
    if (index < middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  return ranges.reverse()
}

/**
 * The subtrees whose hashes prove that the tree of `first` leaves is a prefix of the tree of `second`, in proof order.
 * Empty for equal sizes and for `first` 0 (every tree extends the empty one).
 * @throws LOG_RANGE when `first` > `second`
 * @see RFC 6962 §2.1.2
 */
export function consistencyRanges(first: number, second: number): LeafRange[] {
  assertSize(first)
  assertSize(second)
  if (first > second) throw new LatchkeyError('LOG_RANGE', `a tree of ${first} is not a prefix of one of ${second}`)
  const ranges: LeafRange[] = []
  if (first === 0 || first === second) return ranges
  let [start, end] = [0, second]
  let known = true
  while (first !== end) {
    const middle = start + splitPoint(end - start)
    if (first <= middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
      known = false
    }
  }
  // Once we went right the old tree's last subtree is no longer its whole root, so the verifier must be told it.
  if (!known) ranges.push({ start, end })
  return ranges.reverse()
}

/** Inclusion proof of leaf `index` among all leaf hashes of a tree. @throws LOG_RANGE @see RFC 6962 §2.1.1 */
export function inclusionProof(leafHashes: readonly TreeHash[], index: number): TreeHash[] {
  return inclusionRanges(index, leafHashes.length).map((range) => rootOfRange(leafHashes, range))
}

/** Consistency proof from the tree of the first `first` leaves to the tree of all. @throws LOG_RANGE @see RFC 6962 §2.1.2 */
export function consistencyProof(leafHashes: readonly TreeHash[], first: number): TreeHash[] {
  return consistencyRanges(first, leafHashes.length).map((range) => rootOfRange(leafHashes, range))
}

function rootOfRange(leafHashes: readonly TreeHash[], { start, end }: LeafRange): TreeHash {
  return rootOfLeaves(leafHashes.slice(start, end))
}

/** A tree head without signatures. */
export interface TreeHead {
  readonly size: number
  readonly root: TreeHash
}

/** What an inclusion proof claims. */
export interface InclusionClaim {
  readonly index: number
  readonly leafHash: TreeHash
  readonly hashes: readonly TreeHash[]
}

/**
 * Does the proof lead from the leaf to the head's root?
 * Untrusted: every argument. Never throws.
 * @see RFC 9162 §2.1.3.2
 */
export function verifyInclusion(claim: InclusionClaim, head: TreeHead): boolean {
  const { index, hashes } = claim
  if (!isSize(head.size) || !isSize(index) || index >= head.size) return false
  if (!areHashes([claim.leafHash, head.root, ...hashes])) return false
  let [node, last] = [index, head.size - 1]
  let hash = claim.leafHash
  for (const sibling of hashes) {
    if (last === 0) return false
    if (isOdd(node) || node === last) {
      hash = hashNode(sibling, hash)
      while (!isOdd(node) && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)]
    } else {
      hash = hashNode(hash, sibling)
    }
    ;[node, last] = [Math.floor(node / 2), Math.floor(last / 2)]
  }
  return last === 0 && equalBytes(hash, head.root)
}

/**
 * Is the second tree the first one with leaves appended?
 * Untrusted: every argument. Never throws.
 * @see RFC 9162 §2.1.4.2
 */
export function verifyConsistency(first: TreeHead, second: TreeHead, hashes: readonly TreeHash[]): boolean {
  if (!isSize(first.size) || !isSize(second.size) || first.size > second.size) return false
  if (!areHashes([first.root, second.root, ...hashes])) return false
  if (first.size === second.size) return hashes.length === 0 && equalBytes(first.root, second.root)
  if (first.size === 0) return hashes.length === 0 && equalBytes(first.root, emptyTreeHash())
  // A whole first tree is its own first subtree: the proof leaves out what the verifier holds.
  const path = isPowerOfTwo(first.size) ? [first.root, ...hashes] : hashes
  return walkConsistency(first, second, path)
}

function walkConsistency(first: TreeHead, second: TreeHead, path: readonly TreeHash[]): boolean {
  let [node, last] = [first.size - 1, second.size - 1]
  while (isOdd(node)) [node, last] = [Math.floor(node / 2), Math.floor(last / 2)]
  const [seed, ...rest] = path
  if (seed === undefined) return false
  let [oldHash, newHash] = [seed, seed]
  for (const sibling of rest) {
    if (last === 0) return false
    if (isOdd(node) || node === last) {
      oldHash = hashNode(sibling, oldHash)
      newHash = hashNode(sibling, newHash)
      while (!isOdd(node) && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)]
    } else {
      newHash = hashNode(newHash, sibling)
    }
    ;[node, last] = [Math.floor(node / 2), Math.floor(last / 2)]
  }
  return last === 0 && equalBytes(oldHash, first.root) && equalBytes(newHash, second.root)
}

const isOdd = (value: number): boolean => value % 2 === 1
const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

function isPowerOfTwo(value: number): boolean {
  // Not by logarithm: that rounds, and 2^52 - 1 would pass.
  let rest = value
  while (rest > 1 && !isOdd(rest)) rest /= 2
  return rest === 1
}

function areHashes(hashes: readonly TreeHash[]): boolean {
  return hashes.length <= MAX_PROOF_HASHES + 2 && hashes.every((hash) => hash.length === HASH_BYTES)
}

function assertSize(size: number): void {
  if (!isSize(size)) throw new LatchkeyError('LOG_RANGE', 'a tree size is a whole number from 0 to 2^53 - 1')
}
