import { createSigner, LatchkeyError, randomBytes, stored } from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { assertReceipt } from '../../device-agent/src/upload/receipt.ts'
import {
  clipId,
  createMemoryRelay,
  createTestDevice,
  openAgentRig,
  plainItem,
  recordClip,
  uploadAll,
} from '../support/agent-rig.ts'
import { codeThrown } from '../support/damage.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

const away = () => Promise.reject(new LatchkeyError('UNAVAILABLE', 'away'))

describe('upload', () => {
  test('sends the oldest clip first, and every item before the manifest that names it', async () => {
    await using folder = await createTemporaryFolder()
    await using rig = await openAgentRig({ folder: folder.path, device: createTestDevice() })
    for (let n = 1; n <= 2; n++) await recordClip(rig.sealer, clipId(n), { items: 3 })
    const relay = createMemoryRelay()
    await uploadAll(rig.spool, relay)
    const expected = [1, 2].flatMap((n) => [0, 1, 2, 'manifest'].map((part) => `${clipId(n)}/${part}`))
    const bySubject = (n: number) => relay.puts.filter((put) => put.startsWith(clipId(n)))
    expect(relay.puts.toSorted()).toEqual(expected.toSorted())
    for (const n of [1, 2]) expect(bySubject(n).at(-1)).toBe(`${clipId(n)}/manifest`)
    expect(rig.spool.status()).toMatchObject({ clips: 0, bytes: 0 })
  })

  test('of an open clip leaves what was recorded so far at the relay', async () => {
    await using folder = await createTemporaryFolder()
    await using rig = await openAgentRig({ folder: folder.path, device: createTestDevice() })
    const clip = clipId(1)
    await rig.sealer.start({ clip, event: clip, trigger: 'ring', triggerMs: 0, startMs: 0, monotonicStartMs: 0 })
    await rig.sealer.item(clip, plainItem(clip, 0))
    await rig.sealer.item(clip, plainItem(clip, 1))
    const relay = createMemoryRelay()
    await uploadAll(rig.spool, relay)
    expect(relay.clips.get(clip)).toMatchObject({ open: true })
    expect(relay.clips.get(clip)!.descriptors).toHaveLength(2)
    expect(rig.spool.status()).toMatchObject({ clips: 1, items: 0 })
  })

  test('keeps everything while the relay is away, and sends each thing once when it is back', async () => {
    await using folder = await createTemporaryFolder()
    await using rig = await openAgentRig({ folder: folder.path, device: createTestDevice() })
    for (let n = 1; n <= 3; n++) await recordClip(rig.sealer, clipId(n), { items: 2 })
    const relay = createMemoryRelay()
    let failures = 12
    const flaky: typeof relay = {
      ...relay,
      putItem: (clip, item) => (failures-- > 0 ? away() : relay.putItem(clip, item)),
    }
    await uploadAll(rig.spool, flaky)
    expect(relay.puts).toHaveLength(9)
    expect(new Set(relay.puts).size).toBe(9)
    expect(rig.spool.status().clips).toBe(0)
  })

  test('sets aside a clip that the relay refuses for good, and goes on with the others', async () => {
    await using folder = await createTemporaryFolder()
    const device = createTestDevice()
    await using rig = await openAgentRig({ folder: folder.path, device })
    for (let n = 1; n <= 3; n++) await recordClip(rig.sealer, clipId(n), { items: 2 })
    const relay = createMemoryRelay()
    const strict: typeof relay = {
      ...relay,
      putItem: (clip, item) =>
        clip === clipId(2) ? Promise.reject(new LatchkeyError('ITEM_CONFLICT', 'refused')) : relay.putItem(clip, item),
    }
    await expect(uploadAll(rig.spool, strict)).rejects.toThrow('upload did not end')
    expect([...relay.clips.keys()]).toEqual([clipId(1), clipId(3)])
    expect(rig.spool.clips().map((clip) => clip.clip)).toEqual([clipId(2)])
    // It stays, and the next start tries again: the chain is whole in the end.
    await using after = await openAgentRig({ folder: folder.path, device })
    await uploadAll(after.spool, relay)
    const chain = [...relay.clips.values()].sort((a, b) => a.sequence - b.sequence)
    expect(chain.map((clip) => clip.previous)).toEqual([null, chain[0]!.digest, chain[1]!.digest])
    expect(after.spool.head()).toEqual({ sequence: 3, digest: chain[2]!.digest })
  })

  test('sends items again that the relay forgot before the manifest came', async () => {
    await using folder = await createTemporaryFolder()
    await using rig = await openAgentRig({ folder: folder.path, device: createTestDevice() })
    await recordClip(rig.sealer, clipId(1), { items: 2 })
    const relay = createMemoryRelay()
    let forgotten = false
    const forgetful: typeof relay = {
      ...relay,
      putManifest(clip) {
        if (!forgotten) relay.clips.get(clip.clip)!.items.clear()
        forgotten = true
        return relay.putManifest(clip)
      },
    }
    await uploadAll(rig.spool, forgetful)
    expect(relay.clips.get(clipId(1))).toMatchObject({ open: false })
    expect(relay.puts.filter((put) => put.endsWith('/0'))).toHaveLength(2)
  })
})

describe('an upload receipt', () => {
  const [relayKey, device] = [createSigner(randomBytes(32)), createSigner(randomBytes(32))]
  const trust = { relay: 'https://relay.example', relayJwk: relayKey.jwk, device: device.urn }
  const expected = { kind: 'item' as const, clip: clipId(1), index: 3, sha256: clipId(1).padEnd(43, 'A') }
  const receiptOf = (change: object = {}, signer = relayKey, parties: object = {}) =>
    stored.encode(
      {
        iss: trust.relay,
        aud: device.urn,
        iat: 1,
        latchkey: { v: 1, ...expected, receivedMs: 1, ...change },
        ...parties,
      },
      signer,
    )

  test('counts when the pinned relay signed it for exactly this', async () => {
    const raw = await receiptOf()
    expect(codeThrown(() => assertReceipt(raw, expected, trust))).toBeNull()
  })

  test.each([
    ['another index', { index: 4 }],
    ['another clip', { clip: clipId(2) }],
    ['another kind', { kind: 'manifest' }],
    ['other bytes', { sha256: clipId(2).padEnd(43, 'A') }],
  ])('for %s counts for nothing', async (_, change) => {
    const raw = await receiptOf(change)
    expect(codeThrown(() => assertReceipt(raw, expected, trust))).toBe('RECEIPT_INVALID')
  })

  test('by another key, relay or for another device counts for nothing', async () => {
    const wrong = [
      await receiptOf({}, createSigner(randomBytes(32))),
      await receiptOf({}, relayKey, { iss: 'https://other.example' }),
      await receiptOf({}, relayKey, { aud: relayKey.urn }),
      'no receipt at all',
    ]
    expect(wrong.map((raw) => codeThrown(() => assertReceipt(raw, expected, trust)))).toEqual(
      wrong.map(() => 'RECEIPT_INVALID'),
    )
  })
})
