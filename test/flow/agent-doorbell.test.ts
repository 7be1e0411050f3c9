import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { inputEvent, createNamedPipe } from '../support/doorbell-rig.ts'
import { createFakeRelay } from '../support/fake-relay.ts'
import { createHomeListener, type HomeListener } from '../support/home-listener.ts'
import { createHousehold, pairAsPhone, pairingAddress } from '../support/household.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createMosquitto } from '../support/mosquitto.ts'
import { eventually } from '../support/poll.ts'

const MAIN = new URL('../../device-agent/src/main.ts', import.meta.url).pathname
/** Nobody listens on it. */
const NOBODY = '127.0.0.1:9'

/** An agent that was never paired, whose camera and relay do not exist. */
async function writeConfig(folder: string, more: object): Promise<string> {
  const path = `${folder}/agent.yml`
  const config = {
    dataDir: `${folder}/agent`,
    camera: { source: `rtsp://${NOBODY}/stream`, name: 'Front door' },
    relay: { origin: `http://${NOBODY}` },
    log: { format: 'json' },
    ...more,
  }
  await writeFile(path, JSON.stringify(config))
  return path
}

async function exitOf(command: string, config: string): Promise<{ code: unknown; output: string }> {
  const child = spawn(process.execPath, [MAIN, ...command.split(' '), '--config', config])
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const [code] = (await once(child, 'exit')) as [unknown]
  return { code, output }
}

const start = (config: string): ChildProcess =>
  spawn(process.execPath, [MAIN, 'run', '--config', config], { stdio: ['ignore', 'ignore', 'inherit'] })

/** The one topic that ends so. */
const topicOf = (listener: HomeListener, end: string): string | undefined =>
  [...listener.retained.keys()].find((topic) => topic.endsWith(end))

const ringTopic = (listener: HomeListener): string => topicOf(listener, '/health')!.replace('health', 'ring')

describe('a doorbell without camera, relay and pairing', () => {
  test('rings the chime and at the home broker, says offline when it dies, and can be taken out again', async () => {
    await using folder = await createTemporaryFolder()
    await using broker = await createMosquitto()
    await using listener = await createHomeListener(broker.url)
    const device = `${folder.path}/event0`
    await using key = createNamedPipe(device)
    const config = await writeConfig(folder.path, {
      home: { broker: broker.url },
      button: { input: { device }, chime: { command: ['/usr/bin/touch', `${folder.path}/chime`] } },
    })
    let agent = start(config)
    const available = await eventually(() => topicOf(listener, '/available'), 'the doorbell', 30_000)
    const ring = available.replace('available', 'ring')
    await key.write(inputEvent({ stampMs: Date.now(), value: 1 }))
    await eventually(() => listener.at(ring).length === 1, 'the ring')
    expect(JSON.parse(listener.at(ring)[0]!)).toMatchObject({ event_type: 'ring' })
    await eventually(() => existsSync(`${folder.path}/chime`), 'the chime')
    expect(await exitOf('home remove', config)).toMatchObject({
      code: 1,
      output: expect.stringContaining('stop the service first') as string,
    })
    agent.kill('SIGKILL')
    await eventually(() => listener.retained.get(available) === 'offline', 'the last will')
    await key.close()

    agent = start(config)
    await eventually(() => listener.retained.get(available) === 'online', 'the doorbell again', 30_000)
    agent.kill('SIGUSR1')
    await eventually(() => listener.at(ring).length === 2, 'the second ring')
    agent.kill('SIGTERM')
    expect(await once(agent, 'exit')).toEqual([0, null])
    await eventually(() => listener.retained.get(available) === 'stopped', 'the farewell')

    expect(await exitOf('home remove', config)).toMatchObject({ code: 0 })
    await eventually(() => listener.retained.size === 0, 'nothing to be left')
  }, 90_000)
})

test('a camera that cannot be used does not silence the bell, and the relay hears of the ring', async () => {
  await using folder = await createTemporaryFolder()
  await using broker = await createMosquitto()
  await using listener = await createHomeListener(broker.url)
  await using relay = await createFakeRelay()
  await writeFile(`${folder.path}/camera.mp4`, 'no video at all')
  const config = await writeConfig(folder.path, {
    camera: { source: `${folder.path}/camera.mp4`, name: 'Front door' },
    relay: { origin: relay.origin },
    home: { broker: broker.url },
  })
  const agent = spawn(process.execPath, [MAIN, 'run', '--config', config])
  let output = ''
  for (const stream of [agent.stdout, agent.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const url = await pairingAddress(() => output)
  await pairAsPhone(await createHousehold(), url)
  await eventually(() => output.includes('the bell goes on'), 'to be told', 30_000)
  agent.kill('SIGUSR1')
  await eventually(() => topicOf(listener, '/health') && listener.at(ringTopic(listener)).length === 1, 'the ring')
  await eventually(() => [...relay.events.values()].some(({ type }) => type === 'ring'), 'the relay to hear of it')
  agent.kill('SIGTERM')
  expect(await once(agent, 'exit')).toEqual([0, null])
}, 90_000)
