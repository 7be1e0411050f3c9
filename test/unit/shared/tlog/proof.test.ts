import { describe, expect, test } from 'vitest'
import { fromUtf8, utf8 } from '../../../../shared/src/bytes/bytes.ts'
import { createSigner } from '../../../../shared/src/crypto/keys.ts'
import { encodeBase64 } from '../../../../shared/src/tlog/base64.ts'
import { signCheckpoint } from '../../../../shared/src/tlog/checkpoint.ts'
import { hashLeaf, inclusionProof, rootOfLeaves } from '../../../../shared/src/tlog/merkle.ts'
import { createNoteSigner } from '../../../../shared/src/tlog/note-key.ts'
import { encodeTlogProof, openTlogProof, parseTlogProof } from '../../../../shared/src/tlog/proof.ts'
import { codeThrown, damagedCopies, valueOrCode } from '../../../support/damage.ts'

const ORIGIN = 'relay.example/log'
const log = createNoteSigner(ORIGIN, createSigner(new Uint8Array(32).fill(1)))
const trust = { logs: [log.key] }
const leaves = Array.from({ length: 11 }, (_, i) => utf8(`leaf ${i}`))
const hashes = leaves.map(hashLeaf)

async function proofOf(index: number, extra: Uint8Array | null = null) {
  const head = { origin: ORIGIN, size: leaves.length, root: rootOfLeaves(hashes) }
  const checkpoint = await signCheckpoint(head, log)
  return encodeTlogProof({ index, hashes: inclusionProof(hashes, index), extra, checkpoint })
}

describe('a tlog-proof file', () => {
  test('has the lines of the format, in order', async () => {
    const lines = fromUtf8(await proofOf(10, utf8('more'))).split('\n')
    expect(lines.slice(0, 3)).toEqual(['c2sp.org/tlog-proof@v1', 'extra bW9yZQ==', 'index 10'])
    expect(lines.slice(3, 5)).toEqual(inclusionProof(hashes, 10).map(encodeBase64))
    expect(lines.slice(5, 8)).toEqual(['', ORIGIN, '11'])
  })

  test('proves each leaf at its index, and no other leaf', async () => {
    for (const [index, leaf] of leaves.entries()) {
      const raw = await proofOf(index)
      expect(openTlogProof(raw, leaf, trust)).toMatchObject({ index, checkpoint: { size: 11 } })
      expect(codeThrown(() => openTlogProof(raw, utf8('other'), trust))).toBe('LOG_PROOF_INVALID')
    }
  })

  test('is written back byte for byte', async () => {
    for (const raw of [await proofOf(3), await proofOf(3, new Uint8Array(0)), await proofOf(0, utf8('x'))])
      expect(encodeTlogProof(parseTlogProof(raw))).toEqual(raw)
  })

  test('of a single leaf has no hashes', async () => {
    const checkpoint = await signCheckpoint({ origin: ORIGIN, size: 1, root: hashes[0]! }, log)
    const raw = encodeTlogProof({ index: 0, hashes: [], extra: null, checkpoint })
    expect(fromUtf8(raw).startsWith('c2sp.org/tlog-proof@v1\nindex 0\n\nrelay')).toBe(true)
    expect(openTlogProof(raw, leaves[0]!, trust).index).toBe(0)
  })

  test('says CHECKPOINT_INVALID for a log that is not trusted', async () => {
    const stranger = createNoteSigner(ORIGIN, createSigner(new Uint8Array(32).fill(2)))
    const raw = await proofOf(3)
    expect(codeThrown(() => openTlogProof(raw, leaves[3]!, { logs: [stranger.key] }))).toBe('CHECKPOINT_INVALID')
  })

  const hash = encodeBase64(new Uint8Array(32))
  test.each([
    ['nothing', ''],
    ['another header', 'c2sp.org/tlog-proof@v2\nindex 0\n\ncheckpoint\n'],
    ['no index', 'c2sp.org/tlog-proof@v1\n\ncheckpoint\n'],
    ['an index in words', 'c2sp.org/tlog-proof@v1\nindex one\n\ncheckpoint\n'],
    ['a negative index', 'c2sp.org/tlog-proof@v1\nindex -5\n\ncheckpoint\n'],
    ['a leading zero', 'c2sp.org/tlog-proof@v1\nindex 05\n\ncheckpoint\n'],
    ['an index of 2^53', 'c2sp.org/tlog-proof@v1\nindex 9007199254740992\n\ncheckpoint\n'],
    ['extra behind index', `c2sp.org/tlog-proof@v1\nindex 0\nextra ${hash}\n\ncheckpoint\n`],
    ['loose extra', 'c2sp.org/tlog-proof@v1\nextra !!\nindex 0\n\ncheckpoint\n'],
    ['a hash that is not base64', 'c2sp.org/tlog-proof@v1\nindex 0\n!!\n\ncheckpoint\n'],
    ['a short hash', 'c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\ncheckpoint\n'],
    ['65 hashes', `c2sp.org/tlog-proof@v1\nindex 0\n${`${hash}\n`.repeat(65)}\ncheckpoint\n`],
    ['no blank line', `c2sp.org/tlog-proof@v1\nindex 0\n${hash}\n`],
    ['carriage returns', 'c2sp.org/tlog-proof@v1\r\nindex 0\r\n\r\ncheckpoint\n'],
  ])('with %s is LOG_PROOF_INVALID', (_, text) => {
    expect(codeThrown(() => parseTlogProof(utf8(text)))).toBe('LOG_PROOF_INVALID')
  })

  test('cut or with a flipped bit is refused with a log code, except in the unauthenticated extra', async () => {
    const raw = await proofOf(6, utf8('extra'))
    const extraAt = fromUtf8(raw).indexOf('extra ') + 'extra '.length
    for (const { what, copy } of damagedCopies(raw)) {
      const outcome = valueOrCode(() => openTlogProof(copy, leaves[6]!, trust))
      if ('value' in outcome) {
        const changedAt = copy.findIndex((byte, i) => byte !== raw[i])
        expect([what, changedAt >= extraAt && changedAt < extraAt + 8]).toEqual([what, true])
      } else {
        expect(['LOG_PROOF_INVALID', 'CHECKPOINT_INVALID']).toContain(outcome.code)
      }
    }
  })
})
