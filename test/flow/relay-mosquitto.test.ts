import {
  deviceEvent,
  deviceTopic,
  digestOfJws,
  encodeMqtt,
  parseMqtt,
  acknowledged,
  revocation,
  utf8,
} from '@latchkey/shared'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listenAs } from '../support/event-stream.ts'
import { eventually } from '../support/poll.ts'
import {
  codeOf,
  createRelayWorld,
  type Device,
  enrolDevice,
  enrolHousehold,
  expectStatus,
  type Household,
  type OwnRelayWorld,
  randomId,
  randomSalt,
} from '../support/relay-world.ts'
import { createSharedBroker, type SharedBroker } from '../support/shared-broker.ts'

const HOURS_12 = 12 * 3_600_000
let broker: SharedBroker
let world: OwnRelayWorld
let cleanup: AsyncDisposableStack
beforeAll(async () => {
  cleanup = new AsyncDisposableStack()
  broker = cleanup.use(await createSharedBroker())
  world = cleanup.use(await createRelayWorld({ config: broker.config }))
})
afterAll(() => cleanup.disposeAsync())

interface Login {
  readonly url: string
  readonly username: string
  readonly password: string
}

async function home(): Promise<{ household: Household; device: Device }> {
  const household = await enrolHousehold(world)
  return { household, device: await enrolDevice(world, household) }
}

async function login(device: Device): Promise<Login> {
  return (await expectStatus(await device.client.send('POST', '/v1/mqtt-credentials'), 200)) as unknown as Login
}

async function connect({ url, ...login }: Login, more: IClientOptions = {}): Promise<MqttClient> {
  const client = await mqtt.connectAsync(url, { ...login, clientId: login.username, reconnectPeriod: 0, ...more })
  cleanup.defer(() => client.endAsync(true))
  return client
}

const refusal = (asked: Login): Promise<unknown> =>
  connect(asked).then(
    () => 'let in',
    (error: unknown) => (error as { code?: unknown }).code,
  )

/** CONNACK 5: not authorised. @see MQTT 3.1.1 §3.2.2.3 */
const NOT_AUTHORISED = 5

function ring(sequence: number, stream: string): Uint8Array {
  const clock = { source: 'ntp', offsetMs: 0, uncertaintyMs: 10, checkedMs: 1_700_000_000_000 } as const
  const atMs = world.clock.nowMs()
  const event = {
    v: 1,
    type: 'ring',
    id: randomId(),
    event: randomId(),
    stream,
    sequence,
    atMs,
    boot: randomId(),
    monotonicMs: 5,
    clock,
  }
  if (!deviceEvent.check(event)) throw new Error('not an event')
  return encodeMqtt(event)
}

async function revoke(household: Household, device: Device): Promise<void> {
  const raw = await revocation.encode(
    {
      iss: household.root.urn,
      iat: world.nowSeconds(),
      jti: randomId(),
      latchkey: { v: 1, revokes: digestOfJws(device.certificate), keyset: household.keyset.digest },
    },
    household.owner.signer,
  )
  const json = { revocation: raw, salt: randomSalt() }
  await expectStatus(await household.owner.client.send('POST', '/v1/revocations', { json }), 201)
}

describe('a doorbell at a Mosquitto of its own', () => {
  it('tells what happened, hears that it was kept, and its phone sees it', async () => {
    const { household, device } = await home()
    using listener = await listenAs(household.owner)
    const client = await connect(await login(device))
    const heard: unknown[] = []
    client.on('message', (_topic, payload) => heard.push(parseMqtt(acknowledged, payload, 'acknowledged').sequence))
    await client.subscribeAsync(deviceTopic(device.device, 'acknowledged'), { qos: 1 })
    await client.publishAsync(deviceTopic(device.device, 'available'), 'online', { qos: 1, retain: true })
    await client.publishAsync(deviceTopic(device.device, 'events'), Buffer.from(ring(1, randomId())), { qos: 1 })
    await listener.line('event', ({ device: from }) => from === device.device)
    await listener.line('device', ({ available }) => available === 'online')
    await eventually(() => heard.length > 0, 'the acknowledgement')
    expect(heard).toEqual([1])
  })

  it('reaches nothing of another, by no topic, no pattern, no last will and no client id', async () => {
    const [mine, theirs] = [await home(), await home()]
    const victim = await connect(await login(theirs.device))
    const atVictim: string[] = []
    victim.on('message', (topic) => atVictim.push(topic))
    for (const channel of ['acknowledged', 'commands'] as const)
      await victim.subscribeAsync(deviceTopic(theirs.device.device, channel), { qos: 1 })
    const will = {
      topic: deviceTopic(theirs.device.device, 'available'),
      payload: Buffer.from('stopped'),
      qos: 1 as const,
      retain: true,
    }
    const thief = await connect(await login(mine.device), { clientId: theirs.device.device, will })
    const atThief: string[] = []
    thief.on('message', (topic) => atThief.push(topic))
    // Mosquitto grants any subscription, and delivers what the patterns allow.
    for (const filter of [
      '#',
      'latchkey/v1/devices/#',
      deviceTopic(theirs.device.device, 'events'),
      '$CONTROL/#',
      '$SYS/#',
    ])
      await thief.subscribeAsync(filter, { qos: 1 }).catch(() => null)
    for (const channel of ['available', 'events', 'hello', 'acknowledged', 'commands'] as const)
      await thief.publishAsync(deviceTopic(theirs.device.device, channel), 'online', { qos: 1 })
    await thief.publishAsync('$CONTROL/dynamic-security/v1', '{"commands":[{"command":"listClients"}]}', { qos: 1 })
    await thief.publishAsync('latchkey/v1/log/checkpoint', 'forged', { qos: 1, retain: true })
    // The session of the other goes on, and what it says arrives.
    using listener = await listenAs(theirs.household.owner)
    await victim.publishAsync(deviceTopic(theirs.device.device, 'available'), 'online', { qos: 1, retain: true })
    await listener.line('device', ({ available }) => available === 'online')
    thief.stream.destroy()
    await victim.publishAsync(deviceTopic(theirs.device.device, 'events'), Buffer.from(ring(1, randomId())), { qos: 1 })
    await listener.line('event', () => true)
    expect(listener.lines.filter((line) => line.type === 'device' && line.available === 'stopped')).toEqual([])
    expect(atVictim.filter((topic) => !topic.endsWith('/acknowledged'))).toEqual([])
    expect(atThief.filter((topic) => topic !== 'latchkey/v1/log/checkpoint')).toEqual([])
    expect(victim.connected).toBe(true)
  })

  it('is cut off when it is revoked, also by a relay that could not reach the broker just then', async () => {
    const [one, two] = [await home(), await home()]
    const logins = [await login(one.device), await login(two.device)] as const
    const client = await connect(logins[0])
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    await revoke(one.household, one.device)
    await closed
    expect(await refusal(logins[0])).toBe(NOT_AUTHORISED)
    expect((await one.device.client.send('POST', '/v1/mqtt-credentials')).status).toBe(403)
    await broker.kill()
    await revoke(two.household, two.device)
    await broker.start()
    await eventually(async () => {
      world.clock.tick()
      return (await refusal(logins[1])) === NOT_AUTHORISED
    }, 'the login to end')
  })

  it('logs in with its newest login only, for half a day', async () => {
    const { device } = await home()
    const first = await login(device)
    const second = await login(device)
    expect(await refusal(first)).toBe(NOT_AUTHORISED)
    const client = await connect(second)
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    world.clock.shift(HOURS_12 + 1_000)
    world.clock.tick()
    await closed
    expect(await refusal(second)).toBe(NOT_AUTHORISED)
    expect(await refusal(await login(device))).toBe('let in')
  })
})

describe('a relay whose broker is away', () => {
  it('gives no logins and says so; when it is back all goes on by itself', async () => {
    const { household, device } = await home()
    using listener = await listenAs(household.owner)
    const before = await login(device)
    await broker.kill()
    expect(await codeOf(device.client.send('POST', '/v1/mqtt-credentials'))).toBe('UNAVAILABLE')
    expect((await world.anyone.send('GET', '/v1/policies')).status).toBe(200)
    await broker.start()
    const client = await connect(before)
    await client.publishAsync(deviceTopic(device.device, 'available'), Buffer.from(utf8('online')), {
      qos: 1,
      retain: true,
    })
    await listener.line('device', ({ available }) => available === 'online')
  })

  it('does not begin with a password that the broker does not know', async () => {
    const passwordFile = join(world.folder, 'wrong-password')
    await writeFile(passwordFile, 'wrong\n')
    const config = { mosquitto: { ...broker.config.mosquitto, passwordFile } }
    await expect(createRelayWorld({ config })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})
