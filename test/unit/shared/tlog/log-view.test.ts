import { describe, expect, test } from 'vitest'
import { createSigner } from '../../../../shared/src/crypto/keys.ts'
import { openCheckpoint, signCheckpoint } from '../../../../shared/src/tlog/checkpoint.ts'
import { acceptCheckpoint } from '../../../../shared/src/tlog/log-view.ts'
import { consistencyProof, rootOfLeaves, type TreeHash } from '../../../../shared/src/tlog/merkle.ts'
import { createNoteSigner } from '../../../../shared/src/tlog/note-key.ts'
import { leafHashesOf } from '../../../support/log-leaves.ts'

const log = createNoteSigner('relay.example/log', createSigner(new Uint8Array(32).fill(1)))
const other = createNoteSigner('other.example/log', createSigner(new Uint8Array(32).fill(2)))
const trust = { logs: [log.key, other.key] }
const leaves = leafHashesOf(20)
const lie = leaves.with(3, leaves[4]!)

const signed = (hashes: readonly TreeHash[], signer = log) =>
  signCheckpoint({ origin: signer.key.name, size: hashes.length, root: rootOfLeaves(hashes) }, signer)

async function held(size: number) {
  return openCheckpoint(await signed(leaves.slice(0, size)), trust)
}

describe('a held checkpoint', () => {
  test('is the first validly signed one', async () => {
    const raw = await signed(leaves)
    expect(acceptCheckpoint(null, { raw, consistency: [] }, trust)).toMatchObject({
      kind: 'accepted',
      checkpoint: { size: 20 },
    })
  })

  test('is replaced by a larger one that provably extends it', async () => {
    const raw = await signed(leaves)
    const step = acceptCheckpoint(await held(7), { raw, consistency: consistencyProof(leaves, 7) }, trust)
    expect(step).toMatchObject({ kind: 'accepted', checkpoint: { size: 20, raw } })
  })

  test('stays when the same tree is offered again', async () => {
    const before = await held(7)
    const step = acceptCheckpoint(before, { raw: await signed(leaves.slice(0, 7)), consistency: [] }, trust)
    expect(step).toEqual({ kind: 'unchanged', checkpoint: before })
  })

  test('stays, and both are kept as evidence, when two trees of one size are signed', async () => {
    const [before, raw] = [await held(20), await signed(lie)]
    expect(acceptCheckpoint(before, { raw, consistency: [] }, trust)).toMatchObject({
      kind: 'finding',
      reason: 'forked',
      code: 'LOG_PROOF_INVALID',
      held: before.raw,
      refused: raw,
    })
  })

  test.each([
    ['no proof', []],
    ['the proof of the tree it hides', consistencyProof(leaves, 7)],
    ['its own proof', consistencyProof(lie, 7)],
    ['a proof from another size', consistencyProof(leaves, 8)],
  ])('stays when a rewritten log comes with %s', async (_, consistency) => {
    const step = acceptCheckpoint(await held(7), { raw: await signed(lie), consistency }, trust)
    expect(step).toMatchObject({ kind: 'finding', reason: 'unproven', code: 'LOG_PROOF_INVALID' })
  })

  test('stays when a smaller one, another log, a stranger or noise is offered', async () => {
    const before = await held(7)
    const stranger = createNoteSigner('relay.example/log', createSigner(new Uint8Array(32).fill(9)))
    const offers = [
      ['smaller', await signed(leaves.slice(0, 6))],
      ['other-log', await signed(leaves, other)],
      ['unsigned', await signed(leaves, stranger)],
      ['unsigned', new Uint8Array(40)],
    ] as const
    for (const [reason, raw] of offers)
      expect(acceptCheckpoint(before, { raw, consistency: [] }, trust)).toMatchObject({
        kind: 'finding',
        reason,
        code: 'CHECKPOINT_INVALID',
        held: before.raw,
        refused: raw,
      })
  })

  test('is not set at all by a first checkpoint without the quorum', async () => {
    const step = acceptCheckpoint(null, { raw: await signed(leaves), consistency: [] }, { ...trust, quorum: 1 })
    expect(step).toMatchObject({ kind: 'finding', reason: 'unsigned', held: null })
  })
})
