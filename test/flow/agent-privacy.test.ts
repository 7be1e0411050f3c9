import { dayRecord } from '@latchkey/shared'
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Agent, createAgent } from '../../device-agent/src/agent.ts'
import { PRIVACY_FAILPOINTS } from '../../device-agent/src/camera/disk-privacy.ts'
import { armFailpoint, type Failpoints, noFailpoints } from '../../device-agent/src/kernel/failpoint.ts'
import { silentLog } from '../support/agent-rig.ts'
import { runningIngests } from '../support/child-programs.ts'
import { type CodedVideo, loadCodedVideo } from '../../infra/bench/camera/coded-video.ts'
import { IS_FULL } from '../support/counts.ts'
import { createFakeRelay, type FakeRelay } from '../support/fake-relay.ts'
import { createHousehold, pairAsPhone } from '../support/household.ts'
import { drawScene, SMALL_SCENE } from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { eventually } from '../support/poll.ts'
import { type RtspServer, startRtspServer } from '../../infra/bench/camera/rtsp-server.ts'

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let video: CodedVideo
beforeAll(async () => {
  folder = await createTemporaryFolder()
  video = loadCodedVideo(await drawScene(folder.path, { ...SMALL_SCENE, seconds: 8 }))
})
afterAll(() => folder[Symbol.asyncDispose]())

interface Home {
  readonly dataDir: string
  readonly relay: FakeRelay
  readonly camera: RtspServer
}

function start({ dataDir, relay, camera }: Home, failpoints: Failpoints = noFailpoints): Promise<Agent> {
  const config = {
    dataDir,
    camera: { source: camera.url(), name: 'Front door' },
    relay: { origin: relay.origin },
    clip: { preRollMs: 1_000, postRollMs: 20_000 },
    stopGraceMs: 2_000,
  }
  const searchPath = process.env['PATH'] ?? ''
  return createAgent(config, { failpoints, searchPath, log: silentLog, pairingPollMs: 5, retryBaseMs: 5 })
}

async function pair(agent: Agent): Promise<void> {
  const url = await eventually(() => {
    const { pairing } = agent.status()
    return pairing.kind === 'unpaired' ? pairing.url : null
  }, 'a pairing code')
  await pairAsPhone(await createHousehold(), url)
  await agent.ready
}

const statesOf = ({ events }: FakeRelay): string[] =>
  [...events.values()]
    .sort((a, b) => a.sequence - b.sequence)
    .flatMap((event) => (event.type === 'state' ? [event.state] : []))

const ringsOf = ({ events }: FakeRelay) => [...events.values()].filter(({ type }) => type === 'ring')

test('privacy mode ends the sensor’s process and the open clip, is kept and signed, and a ring is still told', async () => {
  await using relay = await createFakeRelay()
  await using camera = await startRtspServer({ video })
  const home = { dataDir: `${folder.path}/privacy`, relay, camera }
  {
    const agent = await start(home)
    await expect(agent.setPrivacy(true)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await pair(agent)
    await eventually(() => agent.status().camera === 'on', 'pictures')
    agent.ring()
    await eventually(() => relay.clips.size > 0, 'the clip to begin')

    await agent.setPrivacy(true)
    expect(runningIngests()).toEqual([])
    expect(agent.status()).toMatchObject({ privacy: true, camera: 'privacy' })
    expect(await agent.drained(20_000)).toBe(true)
    const [clip] = [...relay.clips.values()]
    const { open, gaps, endMs } = clip!.manifest!.payload.latchkey
    expect({ open, gaps }).toMatchObject({ open: false, gaps: [{ reason: 'privacy', endMs }] })

    // Null as long as it may be the same ring.
    expect(await eventually(() => agent.ring(), 'a second ring')).toMatchObject({ trigger: 'ring' })
    expect(await agent.drained(20_000)).toBe(true)
    expect([ringsOf(relay).length, relay.clips.size]).toEqual([2, 1])
    await agent[Symbol.asyncDispose]()
  }
  const agent = await start(home)
  await agent.ready
  expect(agent.status()).toMatchObject({ privacy: true, camera: 'privacy' })
  expect(runningIngests()).toEqual([])
  await Promise.all([agent.setPrivacy(false), agent.setPrivacy(true), agent.setPrivacy(false)])
  await eventually(() => agent.status().camera === 'on', 'pictures again')
  expect(agent.status().privacy).toBe(false)
  await agent[Symbol.asyncDispose]()
  {
    // The last record leaves with the next start.
    await using last = await start(home)
    await last.ready
    expect(await last.drained(20_000)).toBe(true)
  }
  expect(statesOf(relay).slice(0, 6)).toEqual(['on', 'privacy', 'stopped', 'privacy', 'on', 'stopped'])
  const watched = relay.days.flatMap((day) => dayRecord.parse(day).payload.latchkey.watching)
  const off = watched.filter(({ state }) => state === 'privacy')
  expect(off.length).toBeGreaterThanOrEqual(2)
  expect(watched.every(({ fromMs }, i) => i === 0 || fromMs === watched[i - 1]!.toMs)).toBe(true)
})

test.each(IS_FULL ? PRIVACY_FAILPOINTS : ['privacy.2', 'privacy.4'])(
  'a choice that could not be kept leaves the camera off: %s',
  async (name) => {
    await using relay = await createFakeRelay()
    await using camera = await startRtspServer({ video })
    const home = { dataDir: `${folder.path}/${name}`, relay, camera }
    const failpoints = armFailpoint(name, 'throw')
    {
      const agent = await start(home, failpoints)
      await pair(agent)
      await expect(agent.setPrivacy(true)).rejects.toThrow()
      expect(agent.status().privacy).toBe(true)
      expect(runningIngests()).toEqual([])
      await Promise.resolve(agent[Symbol.asyncDispose]()).catch(() => {})
    }
    await using again = await start(home)
    await again.ready
    // Old choice or new one, never something else.
    expect(again.status().privacy).toBe(name >= 'privacy.4')
  },
)

test('a choice that the disk damaged counts as private', async () => {
  await using relay = await createFakeRelay()
  await using camera = await startRtspServer({ video })
  const home = { dataDir: `${folder.path}/damaged`, relay, camera }
  {
    await using agent = await start(home)
    await pair(agent)
  }
  await writeFile(`${home.dataDir}/events/privacy.json`, '{"v":1,"on":fals')
  await using agent = await start(home)
  await agent.ready
  expect(agent.status().privacy).toBe(true)
})
