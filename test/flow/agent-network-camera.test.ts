import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { digestOfMasks, openFile } from '@latchkey/shared'
import { expect, test } from 'vitest'
import { createControlClient } from '../../device-agent/src/control/unix-control-client.ts'
import { loadCodedVideo } from '../../infra/bench/camera/coded-video.ts'
import { startRtspServer } from '../../infra/bench/camera/rtsp-server.ts'
import { childPrograms } from '../support/child-programs.ts'
import { MAIN } from '../support/doorbell.ts'
import { createFakeRelay, type FakeClip } from '../support/fake-relay.ts'
import { createHousehold, type Household, pairAsPhone, pairingAddress } from '../support/household.ts'
import { decodeComplaints, drawScene, lightestIn, SMALL_SCENE } from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { eventually } from '../support/poll.ts'

const PATIENCE_MS = 60_000
/** User and password as the camera knows them, and all the ways in which they might be written somewhere. */
const CREDENTIALS = { user: 'doorman-7c1', password: 'hush @9f2c' }
const TRACES = /doorman-7c1|hush( |%20|\+)(@|%40)9f2c|9f2c|ZG9vcm1hbi03Yz/
const MASKS = {
  neighbour: {
    points: [
      [0.6, 0],
      [1, 0],
      [1, 0.5],
      [0.6, 0.5],
    ],
  },
} as const
/** Black, and what coding blurs into it. */
const BLACK = 24
const { width, height } = SMALL_SCENE
const isMasked = (x: number, y: number) => x / width > 0.62 && y / height < 0.48

const urlOf = (url: string, { user, password }: typeof CREDENTIALS) =>
  url.replace('rtsp://', `rtsp://${user}:${encodeURIComponent(password)}@`)

async function createConfig(folder: string, relay: string, more: object) {
  const secret = `${folder}/camera.address`
  const config = {
    dataDir: `${folder}/agent`,
    camera: { sourceFile: secret, name: 'Front door' },
    relay: { origin: relay },
    clip: { preRollMs: 1_000, postRollMs: 1_000 },
    log: { level: 'debug' },
    ...more,
  }
  await writeFile(`${folder}/agent.json`, JSON.stringify(config))
  return {
    path: `${folder}/agent.json`,
    client: createControlClient(`${folder}/agent/control.sock`),
    setAddress: (url: string) => writeFile(secret, `${url}\n`, { mode: 0o600 }),
  }
}

/** The agent as a program; everything that anybody could see of it is gathered, from the first moment on. */
function startAgent(config: string) {
  const child = spawn(process.execPath, [MAIN, 'run', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const programs = new Set<string>()
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const looking = setInterval(() => {
    for (const { commandLine, environment } of childPrograms(child.pid)) programs.add(`${commandLine} ${environment}`)
  }, 20)
  return {
    child,
    output: () => output,
    programs,
    async [Symbol.asyncDispose]() {
      clearInterval(looking)
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

/** Items of these kinds, opened by the owner and joined. */
function openItems({ items, descriptors }: FakeClip, { phone }: Household, kinds: readonly string[]): Buffer {
  const chosen = descriptors.filter(({ kind }) => kinds.includes(kind))
  return Buffer.concat(chosen.map(({ index }) => openFile(items.get(index)!, phone)))
}

test('a mask is black in everything the owner opens, and a camera’s password is nowhere but in its file', async () => {
  await using folder = await createTemporaryFolder()
  const video = loadCodedVideo(await drawScene(folder.path, { ...SMALL_SCENE, seconds: 12 }))
  await using server = await startRtspServer({
    video,
    credentials: `${CREDENTIALS.user}:${CREDENTIALS.password}`,
    digest: true,
  })
  await using relay = await createFakeRelay()
  const household = await createHousehold()
  const { path, client, setAddress } = await createConfig(folder.path, relay.origin, { masks: MASKS })
  const seen: string[] = []

  // First with a password that is wrong.
  await setAddress(urlOf(server.url(), { ...CREDENTIALS, password: `${CREDENTIALS.password}!` }))
  {
    await using wrong = startAgent(path)
    const url = await pairingAddress(() => wrong.output())
    await pairAsPhone(household, url)
    const status = await eventually(
      async () => {
        const snapshot = await client.status().catch(() => null)
        const isTold = snapshot?.camera.trouble?.text.includes('the user or the password') === true
        return isTold && snapshot.camera.state === 'camera-lost' && snapshot
      },
      'the trouble',
      PATIENCE_MS,
    )
    seen.push(JSON.stringify(status), wrong.output(), ...wrong.programs)
  }

  await setAddress(urlOf(server.url(), CREDENTIALS))
  {
    await using agent = startAgent(path)
    await eventually(
      async () => (await client.status().catch(() => null))?.camera.state === 'on',
      'pictures',
      PATIENCE_MS,
    )
    await client.ring()
    const isWhole = ({ manifest }: FakeClip) => manifest?.payload.latchkey.open === false
    const clip = await eventually(() => [...relay.clips.values()].find(isWhole), 'a clip at the relay', PATIENCE_MS)
    expect([...agent.programs].filter((line) => line.includes('ffmpeg')).length).toBeGreaterThanOrEqual(1)
    const news = [...relay.retained.values(), ...relay.arrived.map((event) => JSON.stringify(event))]
    seen.push(JSON.stringify(await client.status()), agent.output(), ...agent.programs, ...news)

    expect(clip.manifest!.payload.latchkey.masks).toBe(digestOfMasks(MASKS))
    const meta = openItems(clip, household, ['meta'])
    expect(JSON.parse(meta.toString('utf8'))).toMatchObject({ masks: MASKS })
    seen.push(meta.toString('utf8'))
    const film = openItems(clip, household, ['init', 'media'])
    expect(decodeComplaints(film)).toBe('')
    for (const pictures of [film, openItems(clip, household, ['poster'])]) {
      expect(lightestIn(pictures, { width, height }, isMasked).lightest).toBeLessThanOrEqual(BLACK)
      const elsewhere = lightestIn(pictures, { width, height }, (x, y) => x / width < 0.58 || y / height > 0.52)
      expect(elsewhere.lightest).toBeGreaterThan(100)
    }
  }
  expect(seen.filter((text) => TRACES.test(text))).toEqual([])
}, 180_000)
