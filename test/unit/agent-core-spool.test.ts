import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { clipManifest, openFile, recoverFileKey, decodeBase64url, splitAgeFile, openCommitted } from '@latchkey/shared'
import { type Disk, plainDisk } from '../../device-agent/src/kernel/disk.ts'
import { itemsRootOf } from '../../device-agent/src/seal/clip-manifest.ts'
import {
  clipId,
  createMemoryRelay,
  createTestDevice,
  openAgentRig,
  plainItem,
  recordClip,
  uploadAll,
} from '../support/agent-rig.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

describe('seal and spool', () => {
  test('keep what every commitment of the manifest says, for every recipient', async () => {
    await using folder = await createTemporaryFolder()
    const device = createTestDevice()
    await using rig = await openAgentRig({ folder: folder.path, device })
    await recordClip(rig.sealer, clipId(1), { items: 3, sizeBytes: 70_000 })
    const [clip] = rig.spool.clips()
    const { latchkey } = clipManifest.parse(clip!.manifest).payload
    expect(latchkey).toMatchObject({ items: 3, open: false, revision: 4, sequence: 1, previous: null })
    expect(latchkey.itemsRoot).toBe(itemsRootOf(clip!.descriptors))
    for (const descriptor of clip!.descriptors) {
      const { header, payload } = splitAgeFile(await rig.spool.readItem(clip!.clip, descriptor.index))
      const committed = {
        nonce: payload.subarray(0, 16),
        keyCommitment: decodeBase64url(descriptor.keyCommitment),
        plaintextCommitment: decodeBase64url(descriptor.plaintextCommitment),
      }
      const fileKey = recoverFileKey(header, device.owner, committed)
      const plaintext = openCommitted(fileKey, payload, committed)
      expect(Buffer.from(plaintext)).toEqual(plainItem(clip!.clip, descriptor.index, 70_000).bytes)
    }
  })

  test('sign a revision per item, each extending the one before', async () => {
    await using folder = await createTemporaryFolder()
    await using rig = await openAgentRig({ folder: folder.path, device: createTestDevice() })
    const clip = clipId(1)
    const start = { clip, event: clipId(2), trigger: 'ring' as const, triggerMs: 0, startMs: 5, monotonicStartMs: 0.4 }
    await rig.sealer.start(start)
    const revisions: number[] = []
    for (let index = 0; index < 3; index++) {
      await rig.sealer.item(clip, plainItem(clip, index))
      const { open, revision, items, previous } = rig.spool.clips()[0]!.payload.latchkey
      expect({ open, previous, items }).toEqual({ open: true, previous: null, items: index + 1 })
      revisions.push(revision)
    }
    expect(revisions).toEqual([1, 2, 3])
  })

  test('leave no trace of a clip that got no item, and give its number to the next', async () => {
    await using folder = await createTemporaryFolder()
    await using rig = await openAgentRig({ folder: folder.path, device: createTestDevice() })
    await recordClip(rig.sealer, clipId(1), { items: 0 })
    await recordClip(rig.sealer, clipId(2), { items: 1 })
    expect(rig.spool.clips().map((clip) => [clip.clip, clip.sequence])).toEqual([[clipId(2), 1]])
    expect(rig.outbox.last).toBe(1)
  })

  test('take a clip away later that got no item and that the disk would not let go', async () => {
    await using folder = await createTemporaryFolder()
    let readOnly = false
    const refuse = (): Promise<never> =>
      Promise.reject(Object.assign(new Error('read-only'), { code: 'EROFS', errno: -30 }))
    const disk: Disk = {
      ...plainDisk,
      create: (path, mode) => (readOnly ? refuse() : plainDisk.create(path, mode)),
      rename: (from, to) => (readOnly ? refuse() : plainDisk.rename(from, to)),
      createDirectory: (path) => (readOnly ? refuse() : plainDisk.createDirectory(path)),
    }
    await using rig = await openAgentRig({ folder: folder.path, device: createTestDevice(), disk })
    await recordClip(rig.sealer, clipId(1), { items: 1, onStart: () => void (readOnly = true) })
    expect(rig.spool.status().clips).toBe(1)
    await recordClip(rig.sealer, clipId(2), { items: 1 })
    readOnly = false
    await rig.sealer.mend()
    expect(rig.spool.status()).toMatchObject({ clips: 0, items: 0 })
    await recordClip(rig.sealer, clipId(3), { items: 1 })
    expect(rig.spool.clips().map((clip) => [clip.clip, clip.sequence])).toEqual([[clipId(3), 1]])
    expect(rig.spool.status()).toMatchObject({ clips: 1, droppedClips: 2 })
  })

  test('give up the oldest finished clip when full, count it, and go on recording', async () => {
    await using folder = await createTemporaryFolder()
    const device = createTestDevice()
    await using rig = await openAgentRig({ folder: folder.path, device, maximumBytes: 10_000 })
    for (let n = 1; n <= 4; n++) await recordClip(rig.sealer, clipId(n), { items: 3, sizeBytes: 1_000 })
    expect(rig.dropped).toEqual([clipId(1), clipId(2)])
    expect(rig.spool.clips().map((clip) => clip.clip)).toEqual([clipId(3), clipId(4)])
    expect(rig.spool.status()).toMatchObject({ droppedClips: 2 })
    const relay = createMemoryRelay()
    await uploadAll(rig.spool, relay)
    // The hole shows: the third names a second that nobody has.
    expect([...relay.clips.values()].map((clip) => clip.sequence)).toEqual([3, 4])
    expect(relay.clips.get(clipId(3))!.previous).not.toBeNull()
    await using after = await openAgentRig({ folder: folder.path, device })
    expect(after.spool.status().droppedClips).toBe(2)
  })

  test('let what the relay has go first when full', async () => {
    await using folder = await createTemporaryFolder()
    const free = [1_200]
    const freeBytes = () => Promise.resolve(recording ? (free.shift() ?? 1 << 30) : 1 << 30)
    let recording = false
    const device = createTestDevice()
    await using rig = await openAgentRig({ folder: folder.path, device, freeBytes, minimumFreeBytes: 1_000 })
    await recordClip(rig.sealer, clipId(1), { items: 2 })
    await recordClip(rig.sealer, clipId(2), { items: 2 })
    rig.spool.keepItemReceipt(clipId(2), 0, rig.spool.clips()[0]!.manifest)
    recording = true
    await recordClip(rig.sealer, clipId(3), { items: 1 })
    expect(rig.dropped).toEqual([])
    expect(rig.spool.status()).toMatchObject({ clips: 3, items: 4, droppedClips: 0 })
    await expect(rig.spool.readItem(clipId(2), 0)).rejects.toMatchObject({ code: 'ITEM_INVALID' })
  })

  test('tell of the stretch that found no room, and of nothing else', async () => {
    await using folder = await createTemporaryFolder()
    let free = 1 << 30
    await using rig = await openAgentRig({
      folder: folder.path,
      device: createTestDevice(),
      minimumFreeBytes: 1_000,
      freeBytes: () => Promise.resolve(free),
    })
    const clip = clipId(1)
    const start = { clip, event: clip, trigger: 'motion' as const, triggerMs: 0, startMs: 0, monotonicStartMs: 0 }
    await rig.sealer.start(start)
    for (let index = 0; index < 5; index++) {
      free = index === 2 || index === 3 ? 0 : 1 << 30
      await rig.sealer.item(clip, plainItem(clip, index))
    }
    await rig.sealer.end({ clip, endMs: 1_700_000_010_000, gaps: [] })
    const { gaps, items } = rig.spool.clips()[0]!.payload.latchkey
    const [from, to] = [plainItem(clip, 2).startMs, plainItem(clip, 4).startMs]
    expect(gaps).toEqual([{ startMs: from, endMs: to, reason: 'disk-full' }])
    expect(items).toBe(3)
    expect(rig.spool.clips()[0]!.descriptors.map(({ index }) => index)).toEqual([0, 1, 2])
  })

  test('give up a clip whose bytes the disk changed, and say so', async () => {
    await using folder = await createTemporaryFolder()
    const device = createTestDevice()
    await using rig = await openAgentRig({ folder: folder.path, device })
    for (let n = 1; n <= 3; n++) await recordClip(rig.sealer, clipId(n), { items: 2 })
    await writeFile(`${folder.path}/spool/000000000002-${clipId(2)}/00001.age`, 'rot')
    await using after = await openAgentRig({ folder: folder.path, device })
    expect(after.dropped).toEqual([clipId(2)])
    const relay = createMemoryRelay()
    await uploadAll(after.spool, relay)
    expect([...relay.clips.keys()]).toEqual([clipId(1), clipId(3)])
    const body = relay.clips.get(clipId(3))!.items.get(0)!
    expect(Buffer.from(openFile(body, device.owner)).toString().startsWith(clipId(3))).toBe(true)
  })
})
