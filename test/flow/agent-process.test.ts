import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { clipManifest, dayRecord, openFile } from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { createFakeRelay, type FakeRelay } from '../support/fake-relay.ts'
import { createHousehold, type Household, pairAsPhone, pairingAddress } from '../support/household.ts'
import { drawScene } from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { eventually } from '../support/poll.ts'

const MAIN = new URL('../../device-agent/src/main.ts', import.meta.url).pathname
const CAMERA_NAME = 'Front door of the Example family'

interface Running {
  readonly child: ChildProcess
  output(): string
}

async function writeConfig(folder: string, relay: FakeRelay): Promise<string> {
  const config = {
    dataDir: `${folder}/agent`,
    camera: { source: await drawScene(folder), name: CAMERA_NAME, loop: true },
    relay: { origin: relay.origin },
    clip: { preRollMs: 1_000, postRollMs: 1_000 },
    log: { format: 'json' },
  }
  await writeFile(`${folder}/agent.json`, JSON.stringify(config))
  return `${folder}/agent.json`
}

function start(config: string): Running {
  const child = spawn(process.execPath, [MAIN, 'run', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { child, output: () => text }
}

async function startPaired(config: string, household: Household): Promise<Running> {
  const running = start(config)
  const url = await pairingAddress(() => running.output())
  const { digits } = await pairAsPhone(household, url)
  await eventually(() => running.output().includes(`same digits: ${digits}`), 'the six digits')
  return running
}

const cameraOn = (running: Running) => eventually(() => running.output().includes('"state":"on"'), 'the camera', 20_000)

async function filesOf(directory: string): Promise<Uint8Array[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return Promise.all(files.map((file) => readFile(join(file.parentPath, file.name))))
}

function assertClipsOpen(relay: FakeRelay, household: Household): void {
  for (const clip of relay.clips.values())
    for (const { index } of clip.descriptors)
      expect(openFile(clip.items.get(index)!, household.recovery).length).toBeGreaterThan(0)
}

describe('the agent as a process', () => {
  test('stops on SIGTERM without losing anything, in the middle of a clip', async () => {
    await using folder = await createTemporaryFolder()
    await using relay = await createFakeRelay()
    const household = await createHousehold()
    const running = await startPaired(await writeConfig(folder.path, relay), household)
    await cameraOn(running)
    running.child.kill('SIGUSR1')
    await eventually(() => [...relay.clips.values()].some((clip) => clip.descriptors.length >= 2), 'a clip under way')
    running.child.kill('SIGTERM')
    expect(await once(running.child, 'exit')).toEqual([0, null])
    const finals = [...relay.clips.values()].map((clip) => clipManifest.parse(clip.manifest!.raw).payload.latchkey.open)
    expect(finals).toEqual([false])
    assertClipsOpen(relay, household)
    expect([...relay.events.values()].map(({ type }) => type)).toEqual(['state', 'ring', 'clip', 'state'])
    expect(relay.retained.get('available')).toBe('stopped')
    const { watching } = dayRecord.parse(relay.days.at(-1)!).payload.latchkey
    expect(watching.map(({ state }) => state as string)).toContain('on')
    // The secret of the code was shown at the terminal, and never logged.
    const secret = /secret=([\w-]+)/.exec(running.output())![1]!
    expect(running.output().split(secret)).toHaveLength(2)
  })

  test('leaves no plaintext, key of others or name on its disk while the relay is away', async () => {
    await using folder = await createTemporaryFolder()
    await using relay = await createFakeRelay()
    const household = await createHousehold()
    const running = await startPaired(await writeConfig(folder.path, relay), household)
    await cameraOn(running)
    relay.away = true
    running.child.kill('SIGUSR1')
    await eventually(() => running.output().includes('clip recorded'), 'a clip', 30_000)
    running.child.kill('SIGKILL')
    await once(running.child, 'exit')
    const files = await filesOf(`${folder.path}/agent`)
    const canaries = ['ftyp', 'moov', 'mdat', 'AGE-SECRET-KEY', CAMERA_NAME, 'JFIF', '\u00ff\u00d8\u00ff\u00e0']
    for (const canary of canaries)
      expect(files.filter((bytes) => Buffer.from(bytes).includes(Buffer.from(canary, 'latin1')))).toEqual([])
    expect(files.length).toBeGreaterThan(5)
  })

  test('killed again and again while it records leaves a whole chain and every event once', async () => {
    await using folder = await createTemporaryFolder()
    await using relay = await createFakeRelay()
    const household = await createHousehold()
    const config = await writeConfig(folder.path, relay)
    let running = await startPaired(config, household)
    for (let round = 0; round < 3; round++) {
      await cameraOn(running)
      running.child.kill('SIGUSR1')
      const before = relay.uploads.length
      await eventually(() => relay.uploads.length > before + round, 'an upload', 20_000)
      running.child.kill('SIGKILL')
      await once(running.child, 'exit')
      running = start(config)
    }
    await cameraOn(running)
    running.child.kill('SIGTERM')
    expect(await once(running.child, 'exit')).toEqual([0, null])
    assertClipsOpen(relay, household)
    const chain = [...relay.clips.values()]
      .map((clip) => clip.manifest!)
      .sort((a, b) => a.payload.latchkey.sequence - b.payload.latchkey.sequence)
    expect(chain.map(({ payload }) => [payload.latchkey.sequence, payload.latchkey.open])).toEqual(
      chain.map((_, i) => [i + 1, false]),
    )
    expect(chain.map(({ payload }) => payload.latchkey.previous)).toEqual([
      null,
      ...chain.slice(0, -1).map(({ digest }) => digest),
    ])
    const events = [...relay.events.values()].sort((a, b) => a.sequence - b.sequence)
    expect(new Set(events.map((event) => event.stream)).size).toBe(1)
    expect(events.map((event) => event.sequence)).toEqual(events.map((_, i) => i + 1))
    const told = events.flatMap((event) => (event.type === 'clip' ? [event.clip] : []))
    expect(told).toEqual(chain.map(({ payload }) => payload.latchkey.clip))
    const days = relay.days.map((day) => dayRecord.parse(day).payload.latchkey).sort((a, b) => a.fromMs - b.fromMs)
    for (const [i, day] of days.entries()) if (i > 0) expect(day.fromMs).toBe(days[i - 1]!.toMs)
  }, 90_000)
})
