import {
  canonicalJson,
  DEVICE_PUBLISHES,
  type DeviceEvent,
  deviceEvent,
  deviceTopic,
  encodeMqtt,
  mqttCredentials,
  parseMqtt,
} from '@latchkey/shared'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { QUIET_HEALTH } from '../support/device-health.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import { openDiskOutbox } from '../../device-agent/src/link/disk-outbox.ts'
import { createPublisher, type MqttSession } from '../../device-agent/src/link/publisher.ts'
import { clipId, silentLog, TEST_CLOCK } from '../support/agent-rig.ts'
import { createSeededRandom, runs, tellSoak } from '../support/counts.ts'
import { pick } from '../support/json-mutants.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { createMemoryWatch } from '../support/memory-watch.ts'
import { connectPacket, type Credential, publishPacket, subscribePacket } from '../support/mqtt-bytes.ts'
import { badAcknowledgement, badConversation, badCredential, badPayload, motion } from '../support/mqtt-cases.ts'
import { eventually } from '../support/poll.ts'
import { createTestDatabase, type TestDatabase } from '../support/relay-database.ts'
import {
  createRelayWorld,
  type Device,
  enrolDevice,
  enrolHousehold,
  randomId,
  type RelayWorld,
} from '../support/relay-world.ts'

const SEED = 20_261_122
const MEGABYTE = 1024 * 1024

let database: TestDatabase
let world: RelayWorld
let device: Device
let victim: Device
let address: { readonly port: number; readonly hostname: string }

beforeAll(async () => {
  database = await createTestDatabase()
  const { socketDir, user, database: name } = database.target
  const databaseUrl = `postgres://${user}@${encodeURIComponent(socketDir)}/${name}`
  world = await createRelayWorld({ config: { databaseUrl } })
  const household = await enrolHousehold(world)
  device = await enrolDevice(world, household)
  victim = await enrolDevice(world, await enrolHousehold(world))
  const { port, hostname } = new URL(world.relay.brokerUrl)
  address = { port: Number(port), hostname }
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

/** Credentials of a device, once they are given: its certificate must be in the log. */
async function credentialOf(given: Device): Promise<Credential> {
  const { username, password } = await eventually(
    () => given.client.json('POST', '/v1/mqtt-credentials', mqttCredentials).catch(() => null),
    'the device to be let in',
  )
  return { clientId: `${given.device}-agent`, username, password }
}

async function connectDevice(given: Device, options: IClientOptions = {}): Promise<MqttClient> {
  const credential = await credentialOf(given)
  const settings = { ...credential, protocolVersion: 4 as const, reconnectPeriod: 0, ...options }
  const client = await connectAsync(world.relay.brokerUrl, settings)
  client.on('error', () => {})
  return client
}

/** Sends an event of a new stream and waits until the relay says that it, and with it everything before, was handled. */
/** An agent comes back when it is hung up on: a broken conversation in its name, still on its way, takes its place. */
async function sendServed(given: Device): Promise<DeviceEvent> {
  for (let hungUp = 0; ; hungUp++) {
    try {
      return await sendOnce(given)
    } catch (error) {
      if (hungUp === 5 || !/closed/i.test((error as Error).message)) throw error
    }
  }
}

async function sendOnce(given: Device): Promise<DeviceEvent> {
  const client = await connectDevice(given)
  try {
    const [event, got] = [motion(randomId(), 1), [] as string[]]
    client.on('message', (_topic, payload) => void got.push(payload.toString('utf8')))
    await client.subscribeAsync(deviceTopic(given.device, 'acknowledged'), { qos: 1 })
    await client.publishAsync(deviceTopic(given.device, 'events'), Buffer.from(encodeMqtt(event)), { qos: 1 })
    const answer = canonicalJson({ v: 1, stream: event.stream, sequence: 1 })
    await eventually(() => got.includes(answer), 'the acknowledgement', 60_000)
    return event
  } finally {
    await client.endAsync(true)
  }
}

async function storedEvents(): Promise<unknown[]> {
  const rows = await database.database.query<{ event: unknown }>('SELECT event FROM device_events')
  return rows.map(({ event }) => event)
}

const placeOf = (event: unknown): string => {
  const { stream, sequence } = event as DeviceEvent
  return `${stream} ${sequence}`
}

describe('the broker of a relay, given bad payloads', () => {
  it('stores nothing that does not parse, loses nothing that does, and goes on', async () => {
    const random = createSeededRandom(SEED)
    const count = runs(600, 20_000)
    const memory = createMemoryWatch()
    const right = new Set<string>()
    let client = await connectDevice(device)
    for (let number = 0; number < count; number++) {
      const payload = badPayload(random, number)
      const channel = pick(random, [...DEVICE_PUBLISHES, 'events', 'events', 'hello'] as const)
      if (!client.connected) client = await connectDevice(device)
      await client.publishAsync(deviceTopic(device.device, channel), Buffer.from(payload), { qos: 1 })
      if (channel === 'events') rightEvent(payload).forEach((text) => right.add(text))
      if (number % 10 === 0) memory.sample()
    }
    await client.endAsync(true)
    right.add(canonicalJson(await sendServed(device)))
    const stored = await storedEvents()
    expect(stored.filter((event) => !deviceEvent.check(event))).toEqual([])
    expect(stored.map((event) => canonicalJson(event)).filter((text) => !right.has(text))).toEqual([])
    // Of two with one place in a stream the first stands.
    const places = new Set(stored.map(placeOf))
    expect([...right].filter((text) => !places.has(placeOf(JSON.parse(text))))).toEqual([])
    expect(right.size).toBeGreaterThan(1)
    expect(memory.growthBytes()).toBeLessThan(100 * MEGABYTE)
    tellSoak({ what: 'bad MQTT payloads', count, outcome: 'none stored, none lost, memory flat' })
  }, 1_800_000)
})

/** The event that a payload is, canonical; none where it is none. */
function rightEvent(payload: Uint8Array): string[] {
  try {
    return [canonicalJson(parseMqtt(deviceEvent, payload, 'event'))]
  } catch {
    return []
  }
}

describe('a device that reaches for more than its own', () => {
  const wrongTopics = (): string[] => [
    ...[...DEVICE_PUBLISHES, 'acknowledged', 'commands'].map(
      (channel) => `latchkey/v1/devices/${victim.device}/${channel}`,
    ),
    deviceTopic(device.device, 'acknowledged'),
    deviceTopic(device.device, 'commands'),
    `${deviceTopic(device.device, 'events')}/x`,
    `/${deviceTopic(device.device, 'events')}`,
    deviceTopic(device.device, 'events').toUpperCase(),
    deviceTopic(device.device, 'events').replace('/events', '//events'),
    `latchkey/v1/devices/${device.device}/../${victim.device}/events`,
    'latchkey/v1/log/checkpoint',
    '$SYS/broker/clients',
    '$share/a/b',
    'x'.repeat(3_000),
    '\u0000',
    ' ',
  ]

  const wrongFilters = (): string[] => [
    '#',
    '+/#',
    '$SYS/#',
    'latchkey/#',
    'latchkey/v1/#',
    'latchkey/v1/devices/#',
    'latchkey/v1/devices/+/acknowledged',
    'latchkey/v1/+/+/acknowledged',
    '+/v1/log/checkpoint',
    `latchkey/v1/devices/${device.device}/#`,
    `latchkey/v1/devices/${device.device}/+`,
    ...['acknowledged', 'commands', 'events', 'health'].map(
      (channel) => `latchkey/v1/devices/${victim.device}/${channel}`,
    ),
    `$share/x/latchkey/v1/devices/${victim.device}/commands`,
    `$share/x/#`,
  ]

  /** Everything that `victim` and a later connection of `device` receive while `act` runs. */
  async function heardDuring(act: () => Promise<void>): Promise<string[]> {
    const heard: string[] = []
    const listener = await connectDevice(victim)
    listener.on('message', (topic) => void heard.push(topic))
    await listener.subscribeAsync([deviceTopic(victim.device, 'acknowledged'), deviceTopic(victim.device, 'commands')])
    await act()
    await sendServed(device)
    await listener.endAsync(true)
    return heard
  }

  it('is answered on its own', async () => {
    const bytes = publishPacket(deviceTopic(device.device, 'hello'), new Uint8Array(1))
    expect(await converseAs(device, bytes)).toBe(CONNACK + PUBACK)
    const filter = deviceTopic(device.device, 'commands')
    expect(await converseAs(device, subscribePacket(filter))).toBe(CONNACK + GRANTED)
  })

  /** Connects, says one packet, and hears the answers to both. */
  async function converseAs(given: Device, bytes: Uint8Array): Promise<string> {
    const expected = (CONNACK + (bytes[0] === 0x82 ? REFUSED : PUBACK)).length
    return converse([connectPacket(await credentialOf(given)), bytes], expected)
  }

  it('is heard by nobody on any topic that is not its own, retained or not', async () => {
    const before = await database.database.query('SELECT 1 FROM device_events WHERE device = $1', [victim.device])
    const heard = await heardDuring(async () => {
      for (const topic of wrongTopics())
        for (const flags of [0x02, 0x03]) {
          const bytes = publishPacket(topic, encodeMqtt(motion(randomId(), 1)), flags)
          expect(await converseAs(device, bytes)).not.toContain(PUBACK)
        }
    })
    expect(heard).toEqual([])
    const after = await database.database.query('SELECT 1 FROM device_events WHERE device = $1', [victim.device])
    expect(after).toEqual(before)
  })

  it('may not have an event kept, nor use QoS 2', async () => {
    const topic = deviceTopic(device.device, 'events')
    for (const flags of [0x03, 0x04, 0x05, 0x06]) {
      const bytes = publishPacket(topic, encodeMqtt(motion(randomId(), 1)), flags)
      expect([CONNACK, '']).toContain(await converseAs(device, bytes))
    }
  })

  it('gets no subscription beyond its own', async () => {
    for (const filter of wrongFilters()) {
      const answer = await converseAs(device, subscribePacket(filter))
      expect([CONNACK, CONNACK + REFUSED]).toContain(answer)
    }
  })
})

describe('credentials', () => {
  const answerTo = async (credential: Credential): Promise<string> =>
    converse([connectPacket(credential)], CONNACK.length)

  it('let in who was given them', async () => {
    expect(await answerTo(await credentialOf(device))).toBe(CONNACK)
  })

  it('let in nobody else, whatever is written in them', async () => {
    const random = createSeededRandom(SEED)
    const [own, other] = [await credentialOf(device), await credentialOf(victim)]
    const count = runs(60, 2_000)
    for (let i = 0; i < count; i++) expect(await answerTo(badCredential(random, own, other))).not.toBe(CONNACK)
  }, 600_000)
})

describe('bytes that are not MQTT', () => {
  it('are hung up on, and the broker goes on', async () => {
    const random = createSeededRandom(SEED)
    const own = await credentialOf(device)
    const memory = createMemoryWatch()
    const count = runs(300, 10_000)
    for (let start = 0; start < count; start += AT_ONCE) {
      const cases = Array.from({ length: AT_ONCE }, () => badConversation(random, own))
      await Promise.all(cases.map((packets) => converse(packets, Infinity, 20)))
      memory.sample()
    }
    await sendServed(device)
    expect(memory.growthBytes()).toBeLessThan(100 * MEGABYTE)
    tellSoak({ what: 'bytes that are not MQTT', count, outcome: 'every connection closed, no crash, memory flat' })
  }, 600_000)
})

describe('the agent, given bad acknowledgements', () => {
  it('forgets no event that the relay did not acknowledge', async () => {
    await using folder = await createTemporaryFolder()
    const stamp = () => ({ boot: clipId(7), monotonicMs: 1, clock: TEST_CLOCK })
    await using outbox = await openDiskOutbox({ path: `${folder.path}/outbox.log`, stamp, maximumEvents: 1_000 })
    for (let n = 1; n <= LAST; n++) await outbox.append({ type: 'motion', event: clipId(1), atMs: n })
    const hear = Promise.withResolvers<(payload: Uint8Array) => void>()
    const [publish, end] = [() => Promise.resolve(), () => Promise.resolve()]
    const session: MqttSession = { publish, gone: new AbortController().signal, end }
    await using publisher = createPublisher({
      outbox,
      open: ({ onAcknowledged }) => {
        hear.resolve(onAcknowledged)
        return Promise.resolve(session)
      },
      health: () => Promise.resolve(QUIET_HEALTH),
      onCheckpoint: () => {},
      clock: systemClock,
      log: silentLog,
      random: () => 0.5,
    })
    const say = await hear.promise
    const random = createSeededRandom(SEED)
    const count = runs(2_000, 20_000)
    for (let i = 0; i < count; i++) say(badAcknowledgement(random, { stream: outbox.stream, last: LAST }))
    expect(outbox.firstUnacknowledged).toBe(1)
    say(Buffer.from(canonicalJson({ v: 1, stream: outbox.stream, sequence: LAST })))
    expect(await publisher.drained(20_000)).toBe(true)
    tellSoak({ what: 'bad acknowledgements to the agent', count, outcome: 'no event forgotten' })
  }, 600_000)
})

/** Events in the agent's outbox. */
const LAST = 5
/** Session granted; a publish taken; subscriptions refused and granted. In hex. */
const CONNACK = '20020000'
const PUBACK = '40020007'
const [REFUSED, GRANTED] = ['9003000980', '9003000901']
const AT_ONCE = 20
/** Longer than the broker takes to answer what it answers. */
const ANSWER_MS = 500
const HANG_UP_MS = 30_000

/**
 * Says `packets` and hears what the broker says, in hex, until it is as long as `expected`, or `patienceMs` have passed, or
 * the broker hangs up. Fails when the broker does not hang up even then.
 */
function converse(packets: readonly Uint8Array[], expected: number, patienceMs = ANSWER_MS): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(address.port, address.hostname)
    const patience = setTimeout(() => socket.end(), patienceMs)
    const limit = setTimeout(() => {
      reject(new Error('the broker did not hang up'))
    }, HANG_UP_MS)
    socket.on('data', (chunk) => {
      answer += chunk.toString('hex')
      if (answer.length >= expected) socket.end()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(patience)
      clearTimeout(limit)
      resolve(answer)
    })
    for (const bytes of packets) socket.write(bytes)
  })
}
