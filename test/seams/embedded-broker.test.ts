import {
  deviceTopic,
  encodeBase64url,
  encodeMqtt,
  everyDeviceTopic,
  LOG_CHECKPOINT_TOPIC,
  type DeviceEvent,
} from '@latchkey/shared'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../relay/src/kernel/clock.ts'
import { createLog } from '../../relay/src/kernel/log.ts'
import { createDeviceStates, noteHeard, rootOfDevice } from '../../relay/src/feed/device-states.ts'
import { createHouseholdFeed } from '../../relay/src/feed/household-feed.ts'
import { createDeviceEvents } from '../../relay/src/link/device-events.ts'
import { createEmbeddedBroker, type EmbeddedBroker } from '../../relay/src/link/embedded-broker.ts'
import { createMqttEventBus } from '../../relay/src/link/mqtt-event-bus.ts'
import { createPgDeviceEventLog } from '../../relay/src/link/pg-device-event-log.ts'
import type { EventBus } from '../../relay/src/flow.ts'
import { eventually } from '../support/poll.ts'
import { createTestDatabase, type TestDatabase } from '../support/relay-database.ts'

const log = createLog({ level: 'silent' })
const clock = systemClock
const id = (fill: number): string => encodeBase64url(new Uint8Array(16).fill(fill))
const [ALICE, BOB] = [id(1), id(2)]

let broker: EmbeddedBroker
let bus: EventBus & AsyncDisposable
let cleanup: AsyncDisposableStack

beforeEach(async () => {
  cleanup = new AsyncDisposableStack()
  const authenticateDevice = async (device: string, password: string) =>
    password === `secret of ${device}` ? { device, expiresMs: Number.MAX_SAFE_INTEGER } : null
  broker = cleanup.use(await createEmbeddedBroker({ host: '127.0.0.1', port: 0, authenticateDevice, clock, log }))
  bus = cleanup.use(createMqttEventBus({ ...broker.internal, instance: 'test', clock, log }))
})
afterEach(() => cleanup.disposeAsync())

async function connectDevice(device: string, options: IClientOptions = {}): Promise<MqttClient> {
  const credential = { username: device, password: `secret of ${device}` }
  const settings = { ...credential, clientId: device, protocolVersion: 4 as const, reconnectPeriod: 0, ...options }
  const client = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, settings)
  client.on('error', () => {})
  cleanup.defer(() => client.endAsync(true))
  return client
}

const closing = (client: MqttClient): Promise<void> => new Promise((resolve) => client.once('close', () => resolve()))

describe('the embedded broker', () => {
  it.each([
    ['no password', { password: '' }],
    ['the password of another device', { password: `secret of ${BOB}` }],
    ['the name of the relay', { username: 'relay', password: 'guess' }],
    ['the client id of another device', { clientId: BOB }],
    ['the client id of the relay', { clientId: 'relay.test.out' }],
  ])('refuses a connection with %s', async (_, options) => {
    await expect(connectDevice(ALICE, options)).rejects.toThrow(/Not authorized/)
  })

  it('closes the connection of a device that publishes for another one', async () => {
    const got: string[] = []
    await bus.subscribe('#', async ({ topic }) => void got.push(topic), 'one')
    for (const topic of [
      deviceTopic(BOB, 'events'),
      deviceTopic(ALICE, 'acknowledged'),
      LOG_CHECKPOINT_TOPIC,
      '$SYS/x',
    ]) {
      const client = await connectDevice(ALICE)
      const closed = closing(client)
      client.publish(topic, 'x', { qos: 1 })
      await closed
    }
    const client = await connectDevice(ALICE)
    await client.publishAsync(deviceTopic(ALICE, 'hello'), 'x', { qos: 1 })
    await eventually(() => got.length > 0, 'the one message that is allowed')
    expect(got).toEqual([deviceTopic(ALICE, 'hello')])
  })

  it('closes the connection of a device that wants an event retained', async () => {
    const client = await connectDevice(ALICE)
    const closed = closing(client)
    client.publish(deviceTopic(ALICE, 'events'), 'x', { qos: 1, retain: true })
    await closed
    expect(client.connected).toBe(false)
  })

  it('refuses filters that reach beyond the device, and grants its own', async () => {
    const client = await connectDevice(ALICE)
    const wanted = ['#', everyDeviceTopic('acknowledged'), deviceTopic(BOB, 'commands'), deviceTopic(ALICE, 'events')]
    for (const filter of wanted) await expect(client.subscribeAsync(filter, { qos: 1 })).rejects.toThrow()
    const own = [deviceTopic(ALICE, 'acknowledged'), deviceTopic(ALICE, 'commands'), 'latchkey/v1/log/#']
    expect((await client.subscribeAsync(own, { qos: 1 })).map((grant) => grant.qos)).toEqual([1, 1, 1])
  })

  it('delivers to a device nothing of another, however it asked before', async () => {
    const options = { clean: false, reconnectPeriod: 0 }
    const first = await connectDevice(ALICE, options)
    await first
      .subscribeAsync([deviceTopic(BOB, 'commands'), deviceTopic(ALICE, 'commands')], { qos: 1 })
      .catch(() => {})
    await first.endAsync()
    await bus.publish(deviceTopic(BOB, 'commands'), 'for bob')
    const got: string[] = []
    const second = await connectDevice(ALICE, options)
    second.on('message', (topic) => got.push(topic))
    await second.subscribeAsync(deviceTopic(ALICE, 'commands'), { qos: 1 })
    await bus.publish(deviceTopic(ALICE, 'commands'), 'for alice')
    await eventually(() => got.length > 0, 'the own command')
    expect(got).toEqual([deviceTopic(ALICE, 'commands')])
  })

  it('publishes the last will of a device that vanishes, and not one for another device', async () => {
    const got: string[] = []
    await bus.subscribe(
      everyDeviceTopic('available'),
      async ({ topic, payload }) => {
        got.push(`${topic} ${Buffer.from(payload).toString('utf8')}`)
      },
      'one',
    )
    const will = (device: string) => ({
      will: { topic: deviceTopic(device, 'available'), payload: Buffer.from('offline'), qos: 1 as const, retain: true },
    })
    const evil = await connectDevice(ALICE, will(BOB))
    evil.stream.destroy()
    await closing(evil)
    const honest = await connectDevice(ALICE, will(ALICE))
    honest.stream.destroy()
    await eventually(() => got.length > 0, 'the will')
    expect(got).toEqual([`${deviceTopic(ALICE, 'available')} offline`])
  })

  it('closes a connection that announces a packet over the limit, before it is sent', async () => {
    const socket = connectSocket(broker.port, '127.0.0.1')
    // CONNECT with a remaining length of 256 MiB − 1.
    socket.write(Uint8Array.of(0x10, 0xff, 0xff, 0xff, 0x7f))
    await once(socket, 'close')
    expect(socket.destroyed).toBe(true)
  })

  it('throws a device out when told to', async () => {
    const client = await connectDevice(ALICE)
    const closed = closing(client)
    broker.disconnect(ALICE)
    await closed
    expect(client.connected).toBe(false)
  })
})

describe('device events', () => {
  let world: TestDatabase
  beforeAll(async () => {
    world = await createTestDatabase()
  })
  afterAll(() => world[Symbol.asyncDispose]())
  beforeEach(() => world.reset())

  const event = (sequence: number, stream = id(9)): DeviceEvent => ({
    v: 1,
    type: 'motion',
    id: id(sequence),
    stream,
    sequence,
    atMs: 1_700_000_000_000,
    boot: id(7),
    monotonicMs: 5,
    clock: { source: 'ntp', offsetMs: 0, uncertaintyMs: 10, checkedMs: 1_700_000_000_000 },
    event: id(8),
  })

  async function startIngestion() {
    const told: number[] = []
    const onEvent = (_: string, { sequence }: DeviceEvent): void => void told.push(sequence)
    const { database } = world
    const feed = createHouseholdFeed({
      database,
      clock,
      log,
      isMember: () => Promise.resolve(true),
      ringOthers: () => {},
    })
    const events = createPgDeviceEventLog(database, { tell: feed.tell, rootOfDevice, noteHeard })
    const states = createDeviceStates(database, feed.touch)
    await createDeviceEvents({ bus, events, states, clock, log, brokerIsNew: true, onEvent })
    const device = await connectDevice(ALICE)
    const acknowledged: number[] = []
    device.on('message', (_topic, payload) => {
      acknowledged.push((JSON.parse(payload.toString('utf8')) as { sequence: number }).sequence)
    })
    await device.subscribeAsync(deviceTopic(ALICE, 'acknowledged'), { qos: 1 })
    const send = (message: DeviceEvent) =>
      device.publishAsync(deviceTopic(ALICE, 'events'), Buffer.from(encodeMqtt(message)), { qos: 1 })
    const hello = (firstUnacknowledged: number) => {
      const message = encodeMqtt({ v: 1, stream: id(9), firstUnacknowledged })
      return device.publishAsync(deviceTopic(ALICE, 'hello'), Buffer.from(message), { qos: 1 })
    }
    return { told, acknowledged, device, send, hello }
  }

  it('acknowledges the highest sequence without a gap below it', async () => {
    const { acknowledged, send, told } = await startIngestion()
    for (const sequence of [1, 2, 4, 5, 2, 3]) await send(event(sequence))
    await eventually(() => acknowledged.length >= 6, 'six acknowledgements')
    expect(acknowledged).toEqual([1, 2, 2, 2, 2, 5])
    expect(told).toEqual([1, 2, 4, 5, 3])
  })

  it('counts from where the device says its outbox begins', async () => {
    const { acknowledged, send, hello } = await startIngestion()
    await send(event(7))
    await eventually(() => acknowledged.length >= 1, 'the first acknowledgement')
    await hello(7)
    await eventually(() => acknowledged.length >= 2, 'the answer to hello')
    await hello(5)
    await eventually(() => acknowledged.length >= 3, 'the answer to the second hello')
    expect(acknowledged).toEqual([0, 7, 4])
  })

  it('drops what is no event and goes on', async () => {
    const { acknowledged, device, send } = await startIngestion()
    for (const junk of ['', 'x', '{}', JSON.stringify({ ...event(1), extra: 1 })]) {
      await device.publishAsync(deviceTopic(ALICE, 'events'), junk, { qos: 1 })
    }
    await send(event(1))
    await eventually(() => acknowledged.length >= 1, 'the acknowledgement')
    expect(acknowledged).toEqual([1])
  })
})
