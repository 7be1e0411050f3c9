import { randomBytes } from '@latchkey/shared'
import { open, readdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDataDisk } from '../../device-agent/src/kernel/data-disk.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import {
  type AgentRig,
  clipId,
  createMemoryRelay,
  createTestDevice,
  openAgentRig,
  recordClip,
  uploadAll,
} from '../support/agent-rig.ts'
import { runs, tellSoak } from '../support/counts.ts'
import { CAN_MOUNT, createRealDisk } from '../support/real-disk.ts'

const SIZE_MIB = 64
const ITEMS = 4
/** Of an item: two seconds at 4 Mbit/s. */
const ITEM_BYTES = 1_000_000
/** Some twice what it holds. */
const CLIPS = runs(30, 1_000)

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

/** Every byte that is left goes to somebody else. */
async function fillUp(path: string): Promise<void> {
  await using file = await open(path, 'w')
  for (let sizeBytes = 1 << 20; sizeBytes >= 512;)
    await file.write(randomBytes(sizeBytes)).catch(() => (sizeBytes >>= 1))
}

/** The newest clip is whole: every item that was handed over is there, and nothing is said to be missing. */
async function assertNewestIsWhole({ spool }: AgentRig, clip: string): Promise<void> {
  const newest = spool.clips().at(-1)!
  expect(newest.clip).toBe(clip)
  expect(newest.payload.latchkey).toMatchObject({ items: ITEMS, gaps: [], open: false })
  for (let index = 0; index < ITEMS; index++) await spool.readItem(clip, index)
}

test.runIf(CAN_MOUNT)(
  `a disk of ${SIZE_MIB} MiB that is full takes every new clip, and what it gives up is counted`,
  async () => {
    await using real = await createRealDisk(SIZE_MIB)
    const device = createTestDevice()
    const { thumbprint } = device.signer
    await using disk = await openDataDisk({ directory: real.path, device: thumbprint, clock: systemClock })
    const told: boolean[] = []
    const minimumFreeBytes = (SIZE_MIB * 1024 ** 2) / 8
    await using rig = await openAgentRig({
      folder: real.path,
      device,
      disk,
      minimumFreeBytes,
      freeBytes: () => freeBytes(real.path),
      onFull: (full) => told.push(full),
    })
    const { spool } = rig
    let count = 0
    async function record(): Promise<void> {
      const clip = Buffer.from(clipId(0), 'base64url')
      clip.writeUInt32BE(++count)
      const id = clip.toString('base64url')
      await recordClip(rig.sealer, id, { items: ITEMS, sizeBytes: ITEM_BYTES })
      await assertNewestIsWhole(rig, id)
    }

    // Nobody takes anything: the oldest go.
    while (count < CLIPS) await record()
    const held = spool.status().clips
    expect(rig.dropped).toHaveLength(CLIPS - held)
    expect(spool.status().droppedClips).toBe(CLIPS - held)
    expect(spool.clips().map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: held }, (_, i) => CLIPS - held + 1 + i),
    )
    expect(told).toEqual([true])
    expect(await freeBytes(real.path)).toBeGreaterThanOrEqual(minimumFreeBytes - 64 * 1024)

    // What the relay has goes first.
    for (const { clip } of spool.clips().slice(2, 5))
      for (let index = 0; index < ITEMS; index++) spool.keepItemReceipt(clip, index, spool.clips()[0]!.manifest)
    const dropped = rig.dropped.length
    for (let more = 0; more < 3; more++) await record()
    expect(rig.dropped).toHaveLength(dropped)

    // Another program takes all the rest, the reserve included.
    await fillUp(join(real.path, 'junk'))
    expect(await freeBytes(real.path)).toBeLessThan(4096)
    await record()
    await fillUp(join(real.path, 'more-junk'))
    await record()
    expect(rig.dropped.length).toBeGreaterThan(dropped)
    expect(rig.outbox.last).toBe(count)

    // And gives it back; the relay too.
    for (const name of ['junk', 'more-junk']) await rm(join(real.path, name))
    await uploadAll(spool, createMemoryRelay())
    await spool.mend()
    expect(told).toEqual([true, false])
    expect(spool.status()).toMatchObject({ clips: 0, droppedClips: rig.dropped.length })
    expect((await readdir(join(real.path, 'spool'))).sort()).toEqual(['chain.json'])
    expect(disk.state).toBe('ok')
    tellSoak({
      what: `clips onto a full disk of ${SIZE_MIB} MiB (ext4)`,
      count,
      outcome: `0 failed writes, ${rig.dropped.length} oldest given up and counted`,
    })
  },
  runs(60_000, 600_000),
)
