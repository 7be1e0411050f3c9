import { createRelayClient } from '@latchkey/shared/client'
import { createSigner, mqttCredentials, randomBytes } from '@latchkey/shared'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { describe, expect, test } from 'vitest'
import { QUIET_HEALTH } from '../support/device-health.ts'
import { createHomeSessionOpener } from '../../device-agent/src/home/mqtt-home-session.ts'
import { createMqttOpener } from '../../device-agent/src/link/mqtt-session.ts'
import { openDiskOutbox } from '../../device-agent/src/link/disk-outbox.ts'
import { createPublisher, type MqttSession, REPEAT_AFTER_MS } from '../../device-agent/src/link/publisher.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import { clipId, silentLog, TEST_CLOCK } from '../support/agent-rig.ts'
import { createFakeRelay, type FakeRelay } from '../support/fake-relay.ts'
import { createLeapingClock } from '../support/leaping-clock.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { eventually } from '../support/poll.ts'

const DEVICE = clipId(4)
const motion = (atMs: number) => ({ type: 'motion' as const, event: clipId(1), atMs })

const openOutbox = (folder: string, onChange: () => void = () => {}) =>
  openDiskOutbox({
    path: `${folder}/outbox.log`,
    stamp: () => ({ boot: clipId(7), monotonicMs: 1, clock: TEST_CLOCK }),
    maximumEvents: 1_000,
    onChange,
  })

/** Outbox and publisher on a real broker. */
async function openLink(folder: string, relay: FakeRelay) {
  const client = createRelayClient({ origin: relay.origin, signer: createSigner(randomBytes(32)), nowMs: Date.now })
  let wake = (): void => {}
  const outbox = await openOutbox(folder, () => wake())
  const publisher = createPublisher({
    outbox,
    open: createMqttOpener({
      device: DEVICE,
      clock: systemClock,
      credentials: () => client.json('POST', '/v1/mqtt-credentials', mqttCredentials),
    }),
    health: () => Promise.resolve(QUIET_HEALTH),
    onCheckpoint: () => {},
    clock: systemClock,
    log: silentLog,
    random: () => 0.5,
    retryBaseMs: 2,
  })
  wake = publisher.wake
  return { outbox, publisher }
}

const committed = (relay: FakeRelay): number[] =>
  [...relay.events.values()].map((event) => event.sequence).sort((a, b) => a - b)
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)

describe('a broker that hangs up before it answers', () => {
  /** Takes what a client says first, and ends the connection. */
  async function startHangingUp(): Promise<Server> {
    const server = createServer((socket) => void socket.once('data', () => socket.destroy()).on('error', () => {}))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return server
  }

  test('is an attempt that failed, after which the next one is made', async () => {
    await using server = await startHangingUp()
    const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`
    const open = createMqttOpener({
      device: DEVICE,
      clock: systemClock,
      credentials: () => Promise.resolve({ url, username: DEVICE, password: 'x', expiresMs: 1 }),
    })
    await expect(open({ onAcknowledged: () => {}, onCheckpoint: () => {} })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
  })

  test('is the same at the household broker', async () => {
    await using server = await startHangingUp()
    const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`
    const open = createHomeSessionOpener({ broker: { url }, clientId: 'x', subscriptions: [], clock: systemClock })
    await expect(open(() => {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})

describe('the link to the relay', () => {
  test('says online and its health, delivers every event, and forgets only what was acknowledged', async () => {
    await using folder = await createTemporaryFolder()
    await using relay = await createFakeRelay()
    const { outbox, publisher } = await openLink(folder.path, relay)
    for (let n = 1; n <= 200; n++) await outbox.append(motion(n))
    expect(await publisher.drained(20_000)).toBe(true)
    expect(committed(relay)).toEqual(upTo(200))
    expect(relay.arrived).toHaveLength(200)
    await eventually(() => relay.retained.get('available') === 'online' && relay.retained.has('health'), 'online')
    await publisher[Symbol.asyncDispose]()
    expect(relay.retained.get('available')).toBe('stopped')
  })

  test('keeps events that the broker took and the relay did not, and sends them on the next connection', async () => {
    await using folder = await createTemporaryFolder()
    await using relay = await createFakeRelay()
    relay.silent = true
    const { outbox, publisher } = await openLink(folder.path, relay)
    for (let n = 1; n <= 3; n++) await outbox.append(motion(n))
    await eventually(() => relay.arrived.length === 3, 'three events at the broker')
    expect(outbox.waiting).toBe(3)
    relay.silent = false
    relay.disconnect()
    expect(await publisher.drained(20_000)).toBe(true)
    expect(committed(relay)).toEqual([1, 2, 3])
    await publisher[Symbol.asyncDispose]()
  })

  test('publishes its last will when it dies without a word', async () => {
    await using folder = await createTemporaryFolder()
    await using relay = await createFakeRelay()
    const { publisher } = await openLink(folder.path, relay)
    await eventually(() => relay.retained.get('available') === 'online', 'online')
    relay.away = true
    relay.disconnect()
    await eventually(() => relay.retained.get('available') === 'offline', 'the last will')
    await publisher[Symbol.asyncDispose]()
  })

  test('lets nothing wait for ever while the relay is away, and drains in order when it is back', async () => {
    await using folder = await createTemporaryFolder()
    await using relay = await createFakeRelay()
    relay.away = true
    const { outbox, publisher } = await openLink(folder.path, relay)
    for (let n = 1; n <= 100; n++) await outbox.append(motion(n))
    relay.away = false
    expect(await publisher.drained(20_000)).toBe(true)
    expect(relay.arrived.map((event) => event.sequence)).toEqual(upTo(100))
    await publisher[Symbol.asyncDispose]()
  })

  test('says hello and sends again what has waited thirty seconds for an acknowledgement', async () => {
    await using folder = await createTemporaryFolder()
    const outbox = await openOutbox(folder.path)
    for (let n = 1; n <= 2; n++) await outbox.append(motion(n))
    const clock = createLeapingClock()
    const said: string[] = []
    const session: MqttSession = {
      gone: new AbortController().signal,
      publish: (channel, payload) => {
        const body = Buffer.from(payload).toString()
        if (channel === 'hello') said.push(`hello@${Math.round(clock.monotonicMs())}`)
        if (channel === 'events') said.push(String((JSON.parse(body) as { sequence: number }).sequence))
        return Promise.resolve()
      },
      end: () => Promise.resolve(),
    }
    const publisher = createPublisher({
      outbox,
      open: () => Promise.resolve(session),
      health: () => Promise.resolve(QUIET_HEALTH),
      onCheckpoint: () => {},
      clock,
      log: silentLog,
      random: () => 0.5,
    })
    await eventually(() => said.length >= 6, 'a repeat')
    await publisher[Symbol.asyncDispose]()
    expect(said.slice(0, 6)).toEqual(['hello@0', '1', '2', `hello@${REPEAT_AFTER_MS}`, '1', '2'])
  })
})
