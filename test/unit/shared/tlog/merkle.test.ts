import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../../../shared/src/bytes/bytes.ts'
import { appendLeaf, EMPTY_FRONTIER, frontierRanges, frontierRoot } from '../../../../shared/src/tlog/frontier.ts'
import {
  consistencyProof,
  consistencyRanges,
  hashLeaf,
  inclusionProof,
  inclusionRanges,
  rootOfLeaves,
  verifyConsistency,
  verifyInclusion,
} from '../../../../shared/src/tlog/merkle.ts'
import vector from '../../../vectors/rfc6962-tree.json' with { type: 'json' }
import { codeThrown } from '../../../support/damage.ts'
import { leafHashesOf } from '../../../support/log-leaves.ts'

const SIZES = 70
const leaves = leafHashesOf(SIZES)
const roots = Array.from({ length: SIZES + 1 }, (_, size) => rootOfLeaves(leaves.slice(0, size)))
const headOf = (size: number) => ({ size, root: roots[size]! })

describe('the reference tree of certificate transparency', () => {
  const reference = vector.leaves.map((leaf) => hashLeaf(fromHex(leaf)))

  test('has the published root at every size, built at once and leaf by leaf', () => {
    const appended = reference.reduce((states, leaf) => [...states, appendLeaf(states.at(-1)!, leaf)], [EMPTY_FRONTIER])
    expect(vector.roots.map((_, size) => toHex(rootOfLeaves(reference.slice(0, size))))).toEqual(vector.roots)
    expect(appended.map((state) => toHex(frontierRoot(state)))).toEqual(vector.roots)
  })

  test.each(vector.inclusion)('has the published inclusion proof of $index in $size', ({ index, size, hashes }) => {
    expect(inclusionProof(reference.slice(0, size), index).map(toHex)).toEqual(hashes)
    const claim = { index, leafHash: reference[index]!, hashes: hashes.map(fromHex) }
    expect(verifyInclusion(claim, { size, root: fromHex(vector.roots[size]!) })).toBe(true)
  })

  test.each(vector.consistency)('has the published consistency proof $first to $second', (item) => {
    const { first, second, hashes } = item
    expect(consistencyProof(reference.slice(0, second), first).map(toHex)).toEqual(hashes)
    const head = (size: number) => ({ size, root: fromHex(vector.roots[size]!) })
    expect(verifyConsistency(head(first), head(second), hashes.map(fromHex))).toBe(true)
  })
})

describe('inclusion', () => {
  test('verifies for every leaf of every size up to 70, and only at its own index and size', () => {
    for (let size = 1; size <= SIZES; size++) {
      const tree = leaves.slice(0, size)
      for (let index = 0; index < size; index++) {
        const claim = { index, leafHash: leaves[index]!, hashes: inclusionProof(tree, index) }
        expect(verifyInclusion(claim, headOf(size))).toBe(true)
        expect(verifyInclusion({ ...claim, index: (index + 1) % (size + 1) }, headOf(size))).toBe(false)
        if (size < SIZES) expect(verifyInclusion(claim, { ...headOf(size + 1), size })).toBe(false)
      }
    }
  })

  test('is refused with a hash more, less, changed or of another length', () => {
    const hashes = inclusionProof(leaves, 20)
    const claim = { index: 20, leafHash: leaves[20]!, hashes }
    for (const [i, hash] of hashes.entries()) {
      const changed = hash.with(0, hash[0]! ^ 1)
      expect(verifyInclusion({ ...claim, hashes: hashes.with(i, changed) }, headOf(SIZES))).toBe(false)
      expect(verifyInclusion({ ...claim, hashes: hashes.toSpliced(i, 1) }, headOf(SIZES))).toBe(false)
      expect(verifyInclusion({ ...claim, hashes: hashes.with(i, hash.subarray(1)) }, headOf(SIZES))).toBe(false)
    }
    expect(verifyInclusion({ ...claim, hashes: [...hashes, leaves[0]!] }, headOf(SIZES))).toBe(false)
    expect(verifyInclusion({ ...claim, hashes: Array.from({ length: 100 }, () => leaves[0]!) }, headOf(SIZES))).toBe(
      false,
    )
  })

  test('is refused when the proof ends before the size is used up', () => {
    const claim = { index: 0, leafHash: leaves[0]!, hashes: inclusionProof(leaves.slice(0, 4), 0) }
    expect(verifyInclusion(claim, { size: 4, root: roots[4]! })).toBe(true)
    expect(verifyInclusion(claim, { size: 8, root: roots[4]! })).toBe(false)
    const proof = consistencyProof(leaves.slice(0, 4), 2)
    expect(verifyConsistency(headOf(2), { size: 8, root: roots[4]! }, proof)).toBe(false)
  })

  test('is refused, not thrown, for impossible numbers', () => {
    const claim = { leafHash: leaves[0]!, hashes: [] }
    for (const index of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      expect(verifyInclusion({ ...claim, index }, headOf(1))).toBe(false)
    for (const size of [-1, 0, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      expect(verifyInclusion({ ...claim, index: 0 }, { size, root: roots[1]! })).toBe(false)
  })
})

describe('consistency', () => {
  test('verifies between all sizes up to 70, and not between any other pair of trees', () => {
    for (let second = 0; second <= SIZES; second++) {
      const tree = leaves.slice(0, second)
      for (let first = 0; first <= second; first++) {
        const proof = consistencyProof(tree, first)
        expect(verifyConsistency(headOf(first), headOf(second), proof)).toBe(true)
        if (first === 0 || first === second) continue
        expect(verifyConsistency({ size: first, root: roots[first - 1]! }, headOf(second), proof)).toBe(false)
        expect(verifyConsistency(headOf(first), { size: second, root: roots[second - 1]! }, proof)).toBe(false)
        expect(verifyConsistency(headOf(first), headOf(second), [...proof, leaves[0]!])).toBe(false)
        expect(verifyConsistency(headOf(first), headOf(second), proof.slice(1))).toBe(false)
      }
    }
  })

  test('is refused from a larger tree, and from an empty tree with another root', () => {
    expect(verifyConsistency(headOf(5), headOf(4), [])).toBe(false)
    expect(verifyConsistency({ size: 0, root: roots[1]! }, headOf(4), [])).toBe(false)
    expect(verifyConsistency(headOf(4), { size: 4, root: roots[5]! }, [])).toBe(false)
  })
})

describe('ranges', () => {
  test.each([255, 256, 257, 65_536, 2 ** 33 + 3, 2 ** 53 - 1])('cover a tree of %d leaves exactly', (size) => {
    for (const index of [0, 1, Math.floor(size / 3), size - 1]) {
      const covered = [...inclusionRanges(index, size), { start: index, end: index + 1 }].sort(
        (a, b) => a.start - b.start,
      )
      expect(covered[0]?.start).toBe(0)
      expect(covered.at(-1)?.end).toBe(size)
      expect(covered.slice(1).every((range, i) => range.start === covered[i]!.end)).toBe(true)
    }
    expect(frontierRanges(size).reduce((sum, { start, end }) => sum + (end - start), 0)).toBe(size)
    expect(consistencyRanges(size - 1, size).length).toBeLessThan(64)
  })

  test('are LOG_RANGE outside the tree', () => {
    expect(codeThrown(() => inclusionRanges(5, 5))).toBe('LOG_RANGE')
    expect(codeThrown(() => inclusionRanges(-1, 5))).toBe('LOG_RANGE')
    expect(codeThrown(() => inclusionRanges(0, 2 ** 53))).toBe('LOG_RANGE')
    expect(codeThrown(() => consistencyRanges(6, 5))).toBe('LOG_RANGE')
    expect(codeThrown(() => consistencyRanges(1.5, 5))).toBe('LOG_RANGE')
  })
})
