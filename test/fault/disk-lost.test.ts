import { clipManifest, health, parseMqtt } from '@latchkey/shared'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Agent, createAgent } from '../../device-agent/src/agent.ts'
import { createLog } from '../../device-agent/src/kernel/log.ts'
import { createFakeRelay, type FakeRelay } from '../support/fake-relay.ts'
import { createHousehold, pairAsPhone } from '../support/household.ts'
import { makeBusyVideo } from '../support/kill-scene.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { eventually } from '../support/poll.ts'
import { CAN_MOUNT, createRealDisk, type RealDisk } from '../support/real-disk.ts'

/** An agent that watches and rings, on a disk that can go away, at a relay that takes no clips until it is asked to. */
interface Scene {
  readonly real: RealDisk
  readonly relay: FakeRelay
  readonly agent: Agent
  readonly log: { readonly lines: string[] }
}

let stack: AsyncDisposableStack
beforeEach(() => void (stack = new AsyncDisposableStack()))
afterEach(() => stack.disposeAsync())

async function openScene(): Promise<Scene> {
  const real = stack.use(await createRealDisk(64))
  const relay = stack.use(await createFakeRelay())
  const folder = stack.use(await createTemporaryFolder())
  relay.refuse = { path: /\/items\//, code: 'UNAVAILABLE' }
  const lines: string[] = []
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString())
      done()
    },
  })
  const config = {
    dataDir: real.path,
    camera: { source: await makeBusyVideo(folder.path, 1), name: 'Front door', loop: true },
    relay: { origin: relay.origin },
    clip: { preRollMs: 0, postRollMs: 500, maxClipMs: 2_000 },
    stopGraceMs: 0,
  }
  const log = createLog({ level: 'info', format: 'json', destination })
  const agent = stack.use(await createAgent(config, { pairingPollMs: 5, retryBaseMs: 20, log }))
  const url = await eventually(() => {
    const { pairing } = agent.status()
    return pairing.kind === 'unpaired' ? pairing.url : null
  }, 'a pairing code')
  await pairAsPhone(await createHousehold(), url)
  await eventually(
    () => agent.status().camera === 'on' && agent.status().connected,
    'the camera and the broker',
    20_000,
  )
  return { real, relay, agent, log: { lines } }
}

const clipsTold = ({ relay }: Scene): number => [...relay.events.values()].filter(({ type }) => type === 'clip').length

/** Somebody rings, and the relay hears of it at once. */
async function assertRingIsTold({ agent, relay }: Scene): Promise<void> {
  const event = await eventually(() => agent.ring(), 'the button to have settled')
  await eventually(
    () => relay.arrived.some((told) => told.type === 'ring' && told.event === event.event),
    'the ring at the relay',
  )
}

const statesTold = ({ relay }: Scene): string[] =>
  relay.arrived.flatMap((event) => (event.type === 'state' && event.state.startsWith('disk') ? [event.state] : []))
const healthOf = ({ relay }: Scene) => parseMqtt(health, Buffer.from(relay.retained.get('health')!), 'health')

/** What was finished is there, what is recorded now is kept, and the relay gets all of it as one whole chain. */
async function assertHealed(scene: Scene, finished: readonly string[]): Promise<void> {
  const { agent, relay } = scene
  await eventually(() => agent.status().storage === 'ok', 'the disk to be found again')
  const told = clipsTold(scene)
  await assertRingIsTold(scene)
  await eventually(() => clipsTold(scene) > told, 'a new clip', 20_000)
  await eventually(() => statesTold(scene).at(-1) === 'disk-ok', 'the end of it at the relay')
  await agent.setPrivacy(true)
  relay.refuse = null
  expect(await eventually(() => agent.drained(5_000), 'everything to leave', 20_000)).toBe(true)
  const chain = [...relay.clips.values()].map(({ manifest }) => clipManifest.parse(manifest!.raw).payload.latchkey)
  expect(chain.map(({ clip }) => clip)).toEqual(expect.arrayContaining([...finished]))
  // A clip that had begun when the disk went may be given up: a hole that is counted, not one that nobody tells of.
  const holes = Math.max(...chain.map(({ sequence }) => sequence)) - chain.length
  expect(new Set(chain.map(({ sequence }) => sequence)).size).toBe(chain.length)
  expect(holes).toBeLessThanOrEqual(agent.status().spool.droppedClips)
  expect(chain.filter(({ open }) => open)).toEqual([])
  expect(agent.status()).toMatchObject({ storage: 'ok', outboxEvents: 0, spool: { clips: 0 } })
}

async function recordOne(scene: Scene): Promise<string[]> {
  await assertRingIsTold(scene)
  await eventually(() => clipsTold(scene) >= 1, 'a finished clip', 20_000)
  return [...scene.relay.events.values()].flatMap((event) => (event.type === 'clip' ? [event.clip] : []))
}

test.runIf(CAN_MOUNT)(
  'a disk that turns read-only is told and survived, and heals when it is mounted again',
  async () => {
    const scene = await openScene()
    const { real, agent, log } = scene
    const finished = await recordOne(scene)
    await real.fail()
    await assertRingIsTold(scene)
    await eventually(() => agent.status().storage === 'read-only', 'the disk to be found read-only')
    await assertRingIsTold(scene)
    expect(agent.status().camera).toBe('on')
    await eventually(() => statesTold(scene).includes('disk-lost'), 'word of it at the relay')
    await eventually(() => healthOf(scene).storage === 'read-only', 'its health')
    expect(log.lines.filter((line) => line.includes('check it with fsck'))).toHaveLength(1)
    await real.comeBack()
    await assertHealed(scene, finished)
  },
)

test.runIf(CAN_MOUNT)(
  'a disk that vanishes is told and survived, nothing is written underneath, and it heals when it is back',
  async () => {
    const scene = await openScene()
    const { real, agent, log } = scene
    const finished = await recordOne(scene)
    real.vanish()
    // What a run without the disk would have left there.
    for (const room of ['keys', 'events', 'spool']) await mkdir(join(real.path, room))
    await writeFile(join(real.path, 'events', 'outbox.log'), 'of another day')
    const underneath = (await readdir(real.path, { recursive: true })).sort()
    await assertRingIsTold(scene)
    await eventually(() => agent.status().storage === 'missing', 'the disk to be missed')
    await assertRingIsTold(scene)
    expect(agent.status().camera).toBe('on')
    await eventually(() => healthOf(scene).storage === 'missing', 'its health')
    expect(log.lines.filter((line) => line.includes('mount it again'))).toHaveLength(1)
    expect((await readdir(real.path, { recursive: true })).sort()).toEqual(underneath)
    await real.comeBack()
    await assertHealed(scene, finished)
  },
)
