/** A running doorbell, asked from the machine it runs on. */
import { codeOf } from '@latchkey/shared'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ControlNews } from '../../device-agent/src/control/control-message.ts'
import { ended, start } from '../support/command-line.ts'
import { createDoorbell, type Doorbell, MAIN } from '../support/doorbell.ts'
import { eventually } from '../support/poll.ts'

let doorbell: Doorbell
beforeAll(async () => {
  doorbell = await createDoorbell()
})
afterAll(() => doorbell[Symbol.asyncDispose]())

const say = (...words: string[]) =>
  ended(
    start([process.execPath, MAIN, ...words, '--config', doorbell.configPath], doorbell.folder, { LANG: 'C.UTF-8' }),
  )

test('tells what it watches, as data and in words, and never the picture or a key', async () => {
  const { stdout, status } = await say('status', '--json')
  expect(status).toBe(0)
  const snapshot = JSON.parse(stdout) as Record<string, unknown>
  expect(snapshot).toMatchObject({
    camera: { state: 'on', name: 'Front door', stream: { codec: 'h264', width: 640, height: 360 } },
    pairing: { paired: true },
    relay: { connected: true },
  })
  const words = await say('status')
  expect(words).toMatchObject({ status: 0, stderr: '' })
  expect(words.stdout).toContain('✓ watching since')
  expect(words.stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
})

test('the pairing address is asked for by name, and a paired device has none', async () => {
  expect((await say('status', '--pairing')).stdout).toContain('No address to show')
})

test('a ring is heard, recorded, uploaded, and shown as the last visitor', async () => {
  const heard: ControlNews[] = []
  const ending = new AbortController()
  const listening = (async () => {
    for await (const news of doorbell.client.news(ending.signal)) heard.push(news)
  })()
  await eventually(() => heard.some(({ kind }) => kind === 'finding'), 'a finding')
  const event = await doorbell.client.ring()
  const clip = await eventually(
    () => heard.flatMap((news) => (news.kind === 'clip' && news.event === event ? [news] : []))[0],
    'the clip',
    20_000,
  )
  expect(clip.endMs).toBeGreaterThan(clip.startMs)
  const isSent = (news: ControlNews) => news.kind === 'uploaded' && news.clip === clip.clip
  await eventually(() => heard.some(isSent), 'the upload', 20_000)
  expect(heard).toContainEqual(expect.objectContaining({ kind: 'door', trigger: 'ring', event }))
  ending.abort()
  await listening
  expect((await say('status')).stdout).toMatch(/Last visitor\s+✓ .*1 ring/)
})

test('a still is a JPEG, made anew for every keyframe, and only one at a time', async () => {
  // One that a busy machine cannot make in time is said to be unavailable, and asked for again.
  const three = () => Promise.all([1, 2, 3].map(() => doorbell.client.still()))
  const stills = await eventually(
    () => three().catch((error: unknown) => (codeOf(error) === 'UNAVAILABLE' ? null : Promise.reject(error as Error))),
    'three stills',
  )
  for (const still of stills) expect([...still.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff])
  await eventually(
    async () => Buffer.compare((await three().catch(() => stills))[0]!, stills[0]!) !== 0,
    'another picture',
  )
})

test('privacy ends the picture, and comes back', async () => {
  await doorbell.client.setPrivacy(true)
  expect((await doorbell.client.status()).camera.state).toBe('privacy')
  await expect(doorbell.client.still()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await doorbell.client.setPrivacy(false)
  await eventually(async () => (await doorbell.client.status()).camera.stream !== null, 'a picture')
})

test('another configuration is taken up while it runs, and one that is wrong is refused', async () => {
  const before = await readFile(doorbell.configPath, 'utf8')
  await writeFile(doorbell.configPath, `${before}\nnonsense: 1\n`)
  await expect(doorbell.client.reload()).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  expect((await doorbell.client.status()).camera.state).toBe('on')
  await writeFile(doorbell.configPath, `${before}\nmotion:\n  sensitivity: 7\n`)
  await doorbell.client.reload()
  await eventually(async () => (await doorbell.client.status()).camera.stream !== null, 'a picture')
})

test('who may not open the data directory may not ask', async () => {
  const socket = `${doorbell.folder}/agent/control.sock`
  expect((await stat(socket)).mode & 0o777).toBe(0o660)
  expect((await stat(`${doorbell.folder}/agent`)).mode & 0o077).toBe(0)
})

test('the walk test sees the drawn visitor, the ring, the pre-roll and the upload', async () => {
  const { status, stdout, stderr } = await say('walk-test', '--press', '--timeout', '30')
  expect({ stderr, stdout, status }).toMatchObject({ status: 0, stderr: '' })
  expect(stdout).toMatch(/[✓!] Seen after \d+\.\d s/)
})

test('when it does not run, status says so and how to start it', async () => {
  await doorbell.stop()
  const { status, stdout } = await say('status')
  expect(status).toBe(1)
  expect(stdout).toContain('not running: nothing is recorded')
  expect(stdout).toContain('sudo systemctl start')
  expect(await say('status', '--json')).toMatchObject({ status: 1, stderr: expect.stringContaining('not running') })
  expect(await say('status', '--json', '--watch')).toMatchObject({ status: 2 })
})
