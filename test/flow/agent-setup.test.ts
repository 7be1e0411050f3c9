/** `latchkey-agent setup` at a real pseudo-terminal, and unattended. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadAgentConfig, loadCameraAddress } from '../../device-agent/src/config.ts'
import { createPairingStore } from '../../device-agent/src/keys/pairing-state.ts'
import { type CodedVideo, loadCodedVideo } from '../../infra/bench/camera/coded-video.ts'
import { createFakeRelay } from '../support/fake-relay.ts'
import { createHousehold, pairAsPhone } from '../support/household.ts'
import { drawScene, SMALL_SCENE } from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { type PtySession, startPty } from '../support/pty-session.ts'
import { startRtspServer } from '../../infra/bench/camera/rtsp-server.ts'

const MAIN = new URL('../../device-agent/src/main.ts', import.meta.url).pathname
const ENVIRONMENT = { PATH: process.env['PATH'], LANG: 'C.UTF-8', TERM: 'xterm-256color' }

let media: Awaited<ReturnType<typeof createTemporaryFolder>>
let video: CodedVideo
let scene: string

beforeAll(async () => {
  media = await createTemporaryFolder()
  scene = await drawScene(media.path, { ...SMALL_SCENE, seconds: 10 })
  video = loadCodedVideo(scene)
})
afterAll(() => media[Symbol.asyncDispose]())

const setupAt = (folder: string, options: readonly string[], terminal: object = {}): PtySession =>
  startPty(
    [process.execPath, MAIN, 'setup', '--config', `${folder}/agent.yml`, '--data-dir', `${folder}/data`, ...options],
    { env: ENVIRONMENT, ...terminal },
  )

async function unattended(folder: string, ...options: string[]) {
  const where = ['--config', `${folder}/agent.yml`, '--data-dir', `${folder}/data`, '--yes']
  const child = spawn(process.execPath, [MAIN, 'setup', ...where, ...options], { env: ENVIRONMENT })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number]
  return { code, text }
}

describe('setup at a terminal', () => {
  test('asks, tries the camera, keeps its password apart, draws the code, pairs, and compares the digits', async () => {
    await using folder = await createTemporaryFolder()
    await using relay = await createFakeRelay()
    await using camera = await startRtspServer({ video, speed: 3, credentials: 'admin:s3 cret' })
    await using pty = setupAt(folder.path, [])
    await pty.sees('Which camera watches the door?')
    const network = await pty.sees(/(\d+) {2}A network camera/)
    await pty.sees('Number')
    pty.answer(/\d+/.exec(network)![0])
    await pty.sees('Its address')
    pty.answer('192.168.1.20')
    await pty.sees('it begins with rtsp://')
    pty.answer(camera.url())
    await pty.sees('User name')
    pty.answer('admin')
    await pty.sees('Password')
    pty.answer('s3 cret')
    await pty.sees(/H\.264, \d+×\d+, \d+ pictures a second, a keyframe every [\d.]+ s/)
    await pty.sees('What is the door called?')
    pty.answer('Front door')
    await pty.sees('Where is the bell button?')
    await pty.sees('Number')
    pty.answer('')
    await pty.sees('Address of your relay')
    pty.answer(relay.origin)
    await pty.sees('answers, version 1')
    await pty.sees('Write this?')
    pty.answer('')
    await pty.sees('4/4 Pairing')
    await pty.sees('▀')
    const url = await pty.sees(/https?:\/\/\S+\/pair#\S+/)
    await pty.sees(/Waiting for the phone, 1\d:\d\d left/)
    const { digits } = await pairAsPhone(await createHousehold(), url)
    await pty.sees(`${digits.slice(0, 3)} ${digits.slice(3)}`)
    await pty.sees('Does it show the same?')
    pty.answer('y')
    await pty.sees('latchkey-agent doctor')
    expect(await pty.ended()).toBe(0)

    const config = await loadAgentConfig(`${folder.path}/agent.yml`)
    expect(config).toEqual({
      dataDir: `${folder.path}/data`,
      camera: { sourceFile: `${folder.path}/camera.address`, name: 'Front door' },
      relay: { origin: relay.origin },
    })
    expect(await loadCameraAddress(config)).toBe(camera.url('admin:s3%20cret'))
    expect((await stat(`${folder.path}/agent.yml`)).mode & 0o777).toBe(0o640)
    expect((await stat(`${folder.path}/camera.address`)).mode & 0o777).toBe(0o600)
    expect(await createPairingStore(`${folder.path}/data/keys`).load()).toMatchObject({ relay: relay.origin })
    expect(pty.screen()).not.toMatch(/s3( |%20)cret/)
    const written = await readFile(`${folder.path}/agent.yml`, 'utf8')
    for (const part of ['s3 cret', 's3%20cret', 'cret@']) expect(written).not.toContain(part)
  }, 90_000)

  test('digits that differ undo the pairing', async () => {
    await using folder = await createTemporaryFolder()
    await using relay = await createFakeRelay()
    const answers = ['--camera', scene, '--name', 'Door', '--button', 'none', '--relay', relay.origin]
    await using pty = setupAt(folder.path, answers, { columns: 40 })
    await pty.sees('Write this?')
    pty.answer('y')
    // Too narrow for the code, never for the address.
    await pty.sees(/needs a\s+window \d+\s+columns wide/)
    const url = await pty.sees(/https?:\/\/\S+\/pair#\S+/)
    await pairAsPhone(await createHousehold(), url)
    await pty.sees('Does it show the same?')
    pty.answer('n')
    await pty.sees('somebody else answered')
    expect(await pty.ended()).toBe(1)
    expect(await createPairingStore(`${folder.path}/data/keys`).load()).toBeNull()
  }, 60_000)

  test('Ctrl-C leaves nothing half-written, wherever it comes', async () => {
    await using folder = await createTemporaryFolder()
    await using relay = await createFakeRelay()
    const leave = async (options: readonly string[], place: string) => {
      await using pty = setupAt(folder.path, options)
      await pty.sees(place)
      pty.type('\u0003')
      await pty.sees('Stopped.')
      expect(await pty.ended()).toBe(1)
    }
    const answers = ['--camera', scene, '--name', 'Door', '--button', 'none', '--relay', relay.origin]
    await Promise.all([
      leave([], 'Number'),
      leave(answers.slice(0, 2), 'What is the door called?'),
      leave(answers, 'Looking at'),
      leave(answers, 'Write this?'),
    ])
    expect(await readdir(folder.path)).toEqual([])
  }, 60_000)
})

describe('setup without anybody', () => {
  test('answers by options, never overwrites unasked, keeps what was there, and pairs later', async () => {
    await using folder = await createTemporaryFolder()
    await using relay = await createFakeRelay()
    await writeFile(`${folder.path}/password`, 'hunter2\n')
    const answers = ['--camera', scene, '--relay', relay.origin, '--no-pair']
    const first = await unattended(folder.path, ...answers)
    expect(first).toMatchObject({ code: 0 })
    const before = await readFile(`${folder.path}/agent.yml`, 'utf8')

    const [refused, unnamed] = await Promise.all([
      unattended(folder.path, ...answers),
      unattended(folder.path, '--overwrite', '--relay', relay.origin),
    ])
    expect(refused).toMatchObject({ code: 1, text: expect.stringContaining('--overwrite') as string })
    expect(unnamed).toMatchObject({ code: 2, text: expect.stringContaining('give --camera') as string })
    expect(await readFile(`${folder.path}/agent.yml`, 'utf8')).toBe(before)

    const second = await unattended(
      folder.path,
      ...answers,
      '--overwrite',
      '--name',
      'Back door',
      '--button',
      'gpio:GPIO17',
    )
    expect(second).toMatchObject({ code: 0 })
    const files = (await readdir(folder.path)).filter((name) => name.startsWith('agent.yml'))
    const backup = files.find((name) => name !== 'agent.yml')!
    expect(await readFile(`${folder.path}/${backup}`, 'utf8')).toBe(before)
    expect(await loadAgentConfig(`${folder.path}/agent.yml`)).toMatchObject({
      camera: { source: scene, name: 'Back door' },
      button: { gpio: { line: 'GPIO17' } },
    })
    expect(files.length).toBe(2)
  }, 60_000)

  test('says what is missing where there is no terminal and no --yes', async () => {
    const child = spawn(process.execPath, [MAIN, 'setup'], { env: ENVIRONMENT, stdio: ['pipe', 'ignore', 'pipe'] })
    let text = ''
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
    expect(((await once(child, 'close')) as [number])[0]).toBe(2)
    expect(text).toContain('this is no terminal: give --yes')
  })
})
