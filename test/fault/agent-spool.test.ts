import { clipManifest, digestOf, openFile } from '@latchkey/shared'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { armFailpoint } from '../../device-agent/src/kernel/failpoint.ts'
import { OUTBOX_FAILPOINTS } from '../../device-agent/src/link/disk-outbox.ts'
import { SPOOL_FAILPOINTS } from '../../device-agent/src/spool/disk-spool.ts'
import {
  type AgentRig,
  clipId,
  createMemoryRelay,
  createTestDevice,
  type MemoryRelay,
  openAgentRig,
  recordClip,
  type TestDevice,
  uploadAll,
} from '../support/agent-rig.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

const ITEMS = 4
const CLIPS = 3

/** Records three clips and uploads after the second, until the armed failpoint ends it. Items taken, by clip. */
async function runUntilCrash(
  rig: AgentRig,
  { relay, taken, crashed }: { relay: MemoryRelay; taken: Map<string, number>; crashed: () => boolean },
): Promise<void> {
  try {
    for (let n = 1; n <= CLIPS; n++) {
      await recordClip(rig.sealer, clipId(n), {
        items: ITEMS,
        onItem: (index) => taken.set(clipId(n), index + 1),
      })
      if (n === 2) await uploadAll(rig.spool, relay, crashed)
    }
  } catch {
    // The crash. What matters is what the next start finds.
  }
}

/** Every final-named file is complete and named by a revision that records its hash; nothing else is there. */
async function assertDiskIsClean(folder: string, device: TestDevice): Promise<void> {
  const spool = join(folder, 'spool')
  for (const name of await readdir(spool)) {
    const path = join(spool, name)
    if (!(await stat(path)).isDirectory()) {
      expect(name).toBe('chain.json')
      continue
    }
    expect(name).toMatch(/^\d{12}-/)
    const record = JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8')) as {
      manifest: string
      bodies: { sha256: string }[]
    }
    expect(clipManifest.parse(record.manifest).payload.latchkey.open).toBe(false)
    for (const file of await readdir(path)) {
      if (file.endsWith('.json')) continue
      expect(file).toMatch(/^\d{5}\.age$/)
      const body = await readFile(join(path, file))
      expect(digestOf(body)).toBe(record.bodies[Number(file.slice(0, 5))]?.sha256)
      expect(openFile(body, device.owner).length).toBeGreaterThan(0)
    }
  }
}

/** What a clean run could have reached: a whole chain, every taken item, every clip told of exactly once. */
function assertRelayIsWhole(relay: MemoryRelay, taken: ReadonlyMap<string, number>, device: TestDevice): void {
  const finals = [...relay.clips.values()].sort((a, b) => a.sequence - b.sequence)
  expect(finals.map((clip) => clip.open)).toEqual(finals.map(() => false))
  expect(finals.map((clip) => clip.sequence)).toEqual(finals.map((_, i) => i + 1))
  expect(finals.map((clip) => clip.previous)).toEqual([null, ...finals.slice(0, -1).map((clip) => clip.digest)])
  for (const [clip, items] of taken) {
    const held = relay.clips.get(clip)!
    // At most the one item that was on its way is more than what the sink had said it took.
    expect([items, items + 1]).toContain(held.descriptors.length)
    for (const { index } of held.descriptors) {
      const text = Buffer.from(openFile(held.items.get(index)!, device.owner)).toString('utf8')
      expect(text.startsWith(`${clip}/${index} `)).toBe(true)
    }
  }
}

const points = [...SPOOL_FAILPOINTS, ...OUTBOX_FAILPOINTS].flatMap((name) => [0, 3].map((skip) => ({ name, skip })))

describe('a crash of the agent', () => {
  test.each(points)('at $name (after $skip) leaves a spool that recovers whole', async ({ name, skip }) => {
    await using folder = await createTemporaryFolder()
    const device = createTestDevice()
    const relay = createMemoryRelay()
    const taken = new Map<string, number>()
    const failpoints = armFailpoint(name, 'throw', skip)
    const rig = await openAgentRig({ folder: folder.path, device, failpoints }).catch(() => null)
    if (rig) await runUntilCrash(rig, { relay, taken, crashed: () => failpoints.reached })

    await using after = await openAgentRig({ folder: folder.path, device })
    await assertDiskIsClean(folder.path, device)
    expect(after.spool.unfinished()).toEqual([])
    await recordClip(after.sealer, clipId(9), { items: ITEMS })
    taken.set(clipId(9), ITEMS)
    await uploadAll(after.spool, relay)
    assertRelayIsWhole(relay, taken, device)
    expect(after.spool.status()).toMatchObject({ clips: 0, items: 0, droppedClips: 0 })
    const told = after.outbox.after(0).map((event) => (event.type === 'clip' ? event.clip : ''))
    expect(told.sort()).toEqual([...relay.clips.keys()].sort())
  })

  test('at every point is one that the script reaches', async () => {
    for (const name of [...SPOOL_FAILPOINTS, ...OUTBOX_FAILPOINTS]) {
      await using folder = await createTemporaryFolder()
      const failpoints = armFailpoint(name, 'throw')
      const options = { folder: folder.path, device: createTestDevice(), failpoints }
      const rig = await openAgentRig(options).catch(() => null)
      const crashed = () => failpoints.reached
      if (rig) await runUntilCrash(rig, { relay: createMemoryRelay(), taken: new Map(), crashed })
      expect({ name, reached: failpoints.reached }).toEqual({ name, reached: true })
    }
  })

  test('during recovery itself is recovered from', async () => {
    for (const name of SPOOL_FAILPOINTS) {
      await using folder = await createTemporaryFolder()
      const device = createTestDevice()
      const relay = createMemoryRelay()
      const taken = new Map<string, number>()
      const first = armFailpoint('spool.manifest.5', 'throw', 7)
      const rig = await openAgentRig({ folder: folder.path, device, failpoints: first })
      await runUntilCrash(rig, { relay, taken, crashed: () => first.reached })
      await openAgentRig({ folder: folder.path, device, failpoints: armFailpoint(name, 'throw') }).catch(() => null)
      await using after = await openAgentRig({ folder: folder.path, device })
      await assertDiskIsClean(folder.path, device)
      await uploadAll(after.spool, relay)
      assertRelayIsWhole(relay, taken, device)
    }
  })
})
