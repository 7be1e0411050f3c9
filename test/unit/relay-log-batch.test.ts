import { encodeBase64url, hashLeaf, parseLeaf } from '@latchkey/shared'
import { describe, expect, it } from 'vitest'
import { sealedBatchSize, sequencePublic, sequenceSealed } from '../../relay/src/log/batch.ts'

const queued = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    ticket: n + 1,
    content: { type: 'sealed' as const, data: encodeBase64url(new Uint8Array(32).fill(n)) },
  }))

describe('a batch of sealed leaves', () => {
  it.each([
    [0, 0],
    [1, 8],
    [8, 8],
    [9, 16],
    [16, 16],
    [17, 32],
    [256, 256],
  ])('hides %i leaves in %i', (count, size) => {
    expect([sealedBatchSize(count), sequenceSealed(queued(count), 5).length]).toEqual([size, size])
  })

  it('holds every leaf once among fillings that look the same', () => {
    const leaves = sequenceSealed(queued(9), 5)
    expect(leaves.flatMap((leaf) => leaf.ticket ?? []).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(new Set(leaves.map((leaf) => leaf.bytes.length)).size).toBe(1)
    expect(leaves.every((leaf) => parseLeaf(leaf.bytes).hour === 5)).toBe(true)
    expect(leaves.every((leaf) => Buffer.compare(leaf.leafHash, hashLeaf(leaf.bytes)) === 0)).toBe(true)
  })

  it('keeps no order of arrival', () => {
    const orders = Array.from({ length: 20 }, () =>
      sequenceSealed(queued(8), 5)
        .map((leaf) => leaf.ticket)
        .join(),
    )
    expect(new Set(orders).size).toBeGreaterThan(1)
  })
})

describe('public leaves', () => {
  it('keep their order', () => {
    expect(sequencePublic(queued(3), 5).map((leaf) => leaf.ticket)).toEqual([1, 2, 3])
  })
})
