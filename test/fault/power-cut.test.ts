import { clipManifest, digestOf, openFile } from '@latchkey/shared'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  type AgentRig,
  clipId,
  createMemoryRelay,
  createTestDevice,
  openAgentRig,
  recordClip,
  type TestDevice,
  uploadAll,
} from '../support/agent-rig.ts'
import { runs, tellSoak } from '../support/counts.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createPowerCutDisk, type PowerCutDisk, REMAINS } from '../support/power-cut-disk.ts'

const ITEMS = 3
const CLIPS = runs(2, 6)
/** Two seconds each: what was on its way when the power went. */
const MAY_BE_LOST = 2

/** What was promised by the time of each change. */
interface Promised {
  readonly atChange: number
  /** Items that the sink said it had taken, by clip. */
  readonly taken: ReadonlyMap<string, number>
  /** Clips that the relay has whole. */
  readonly left: ReadonlySet<string>
  /** Events recorded. */
  readonly events: number
}

/** Records clips, and lets the relay have the one before last, while the disk remembers. */
async function recordAll(disk: PowerCutDisk, folder: string, device: TestDevice): Promise<Promised[]> {
  await using rig = await openAgentRig({ folder, device, disk })
  const relay = createMemoryRelay()
  const taken = new Map<string, number>()
  const promised: Promised[] = []
  const left = new Set<string>()
  const promise = () =>
    promised.push({ atChange: disk.length, taken: new Map(taken), left: new Set(left), events: rig.outbox.last })
  promise()
  for (let n = 1; n <= CLIPS; n++) {
    await recordClip(rig.sealer, clipId(n), {
      items: ITEMS,
      onItem(index) {
        taken.set(clipId(n), index + 1)
        promise()
      },
    })
    promise()
    if (n !== CLIPS - 1) continue
    // From here on they may be gone from the disk at any moment: the relay has them.
    for (const clip of taken.keys()) left.add(clip)
    promise()
    await uploadAll(rig.spool, relay)
    promise()
  }
  return promised
}

/** Manifests and disk agree, everything opens, and nothing that was taken is missing but what may be. */
async function assertWhole(rig: AgentRig, folder: string, device: TestDevice, promised: Promised): Promise<number> {
  const { spool, outbox } = rig
  expect(spool.unfinished()).toEqual([])
  expect(spool.status().droppedClips).toBe(0)
  const clips = new Map(spool.clips().map((clip) => [clip.clip, clip]))
  let lost = 0
  for (const [clip, items] of promised.taken)
    if (!promised.left.has(clip)) lost += Math.max(0, items - (clips.get(clip)?.payload.latchkey.items ?? 0))
  for (const name of await readdir(join(folder, 'spool'))) {
    if (name === 'chain.json') continue
    const files = (await readdir(join(folder, 'spool', name))).filter((file) => file.endsWith('.age'))
    const { manifest, bodies } = JSON.parse(await readFile(join(folder, 'spool', name, 'manifest.json'), 'utf8')) as {
      manifest: string
      bodies: { sha256: string }[]
    }
    expect(clipManifest.parse(manifest).payload.latchkey).toMatchObject({ open: false, items: bodies.length })
    for (const file of files) {
      const body = await readFile(join(folder, 'spool', name, file))
      expect(digestOf(body)).toBe(bodies[Number(file.slice(0, 5))]?.sha256)
      expect(openFile(body, device.owner).length).toBeGreaterThan(0)
    }
  }
  expect(outbox.last).toBeGreaterThanOrEqual(promised.events)
  return lost
}

test(`a power cut after any write of ${CLIPS} clips loses at most ${MAY_BE_LOST} segments, and the index heals`, async () => {
  await using memory = await createTemporaryFolder()
  const device = createTestDevice()
  const recorded = join(memory.path, 'recorded')
  await mkdir(recorded)
  const disk = createPowerCutDisk(recorded)
  const promised = await recordAll(disk, recorded, device)
  let [cuts, worst] = [0, 0]
  const folder = join(memory.path, 'after')
  for (let count = 0; count <= disk.length; count++)
    for (const remains of REMAINS) {
      await rm(folder, { recursive: true, force: true })
      await mkdir(join(folder, 'spool'), { recursive: true })
      await disk.materialise(count, remains, folder)
      const before = promised.findLast(({ atChange }) => atChange <= count) ?? promised[0]!
      try {
        await using rig = await openAgentRig({ folder, device })
        worst = Math.max(worst, await assertWhole(rig, folder, device, before))
      } catch (cause) {
        throw new Error(`after change ${count} of ${disk.length}, with ${remains} left`, { cause })
      }
      cuts++
    }
  expect(worst).toBeLessThanOrEqual(MAY_BE_LOST)
  tellSoak({
    what: 'power cuts, one after every write, five ways each',
    count: cuts,
    outcome: `at most ${worst} segments lost, the index heals`,
  })
}, 120_000)

test('the harness notices a disk that says it synced and did not', async () => {
  await using memory = await createTemporaryFolder()
  const device = createTestDevice()
  const recorded = join(memory.path, 'recorded')
  await mkdir(recorded)
  const disk = createPowerCutDisk(recorded, { syncs: false })
  const promised = await recordAll(disk, recorded, device)
  const folder = join(memory.path, 'after')
  await mkdir(join(folder, 'spool'), { recursive: true })
  await disk.materialise(disk.length, 'names', folder)
  const survive = async (): Promise<void> => {
    await using rig = await openAgentRig({ folder, device })
    await assertWhole(rig, folder, device, promised.at(-1)!)
  }
  await expect(survive()).rejects.toThrow()
})
