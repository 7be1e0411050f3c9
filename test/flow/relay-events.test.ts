import {
  concatBytes,
  type DeviceEvent,
  deviceTopic,
  digestOf,
  digestOfJws,
  encodeDpop,
  encodeMqtt,
  type Health,
  keyset,
  revocation,
  sealItem,
  thumbprintOf,
  utf8,
} from '@latchkey/shared'
import { request as openRequest, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { QUIET_HEALTH } from '../support/device-health.ts'
import { listenAs } from '../support/event-stream.ts'
import { eventually } from '../support/poll.ts'
import {
  certifyDevice,
  codeOf,
  consentPlan,
  createCase,
  createRelayWorld,
  type Device,
  enrolDevice,
  enrolHousehold,
  expectStatus,
  type Household,
  memberOf,
  type OwnRelayWorld,
  type Party,
  type RelayWorld,
  postConsent,
  randomId,
  randomSalt,
  randomSigner,
  signConsent,
  uploadClip,
} from '../support/relay-world.ts'

const DAY_MS = 24 * 3_600_000
let world: OwnRelayWorld
beforeAll(async () => {
  world = await createRelayWorld()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

/** A home with a doorbell, a second phone that may only look. */
async function home(): Promise<{ household: Household; device: Device; viewer: Party }> {
  const viewer = world.party()
  const household = await enrolHousehold(world, { viewers: [viewer] })
  return { household, device: await enrolDevice(world, household), viewer }
}

/** The doorbell's connection to the broker, as the agent makes it. */
async function connectDevice(device: Device): Promise<MqttClient> {
  const answer = await expectStatus(await device.client.send('POST', '/v1/mqtt-credentials'), 200)
  const { url, username, password } = answer as { url: string; username: string; password: string }
  const will = {
    topic: deviceTopic(device.device, 'available'),
    payload: Buffer.from('offline'),
    qos: 1,
    retain: true,
  } as const
  return mqtt.connectAsync(url, { username, password, clientId: device.device, reconnectPeriod: 0, will })
}

const say = (client: MqttClient, device: Device, channel: 'available' | 'health' | 'events', payload: Uint8Array) =>
  client.publishAsync(deviceTopic(device.device, channel), Buffer.from(payload), {
    qos: 1,
    retain: channel !== 'events',
  })

function ring(sequence: number, stream: string): DeviceEvent {
  const clock = { source: 'ntp', offsetMs: 0, uncertaintyMs: 10, checkedMs: 1_700_000_000_000 } as const
  const common = {
    v: 1,
    id: randomId(),
    stream,
    sequence,
    atMs: world.clock.nowMs(),
    boot: randomId(),
    monotonicMs: 5,
  } as const
  return { ...common, clock, type: 'ring', event: randomId() }
}

async function withDatabase<T>(of: RelayWorld, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const host = join(of.folder, 'data/postgres')
  const client = new pg.Client({ host, user: 'latchkey', database: 'latchkey', ssl: false })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

async function putSettings(household: Household, before?: string): Promise<string> {
  const { header, payload } = sealItem(utf8('Front door'), [household.owner.identity.recipient])
  const bytes = concatBytes(header, payload)
  const headers: Record<string, string> =
    before === undefined ? { 'if-none-match': '*' } : { 'if-match': `"${before}"` }
  await expectStatus(await household.owner.client.send('PUT', '/v1/settings', { bytes, headers }), before ? 200 : 201)
  return digestOf(bytes)
}

describe('a phone that listens', () => {
  it('hears first of every doorbell, and then whenever one comes, goes or feels otherwise', async () => {
    const { household, device, viewer } = await home()
    using listener = await listenAs(viewer)
    const certificate = digestOfJws(device.certificate)
    const unheard = { available: null, availableMs: null, heardMs: null, health: null, healthMs: null }
    expect(listener.lines[0]).toEqual({ type: 'device', device: device.device, certificate, ...unheard })
    expect(listener.lines[1]).toMatchObject({ type: 'start', complete: true })
    const client = await connectDevice(device)
    await say(client, device, 'available', utf8('online'))
    const online = await listener.line('device', ({ available }) => available === 'online')
    expect(online.heardMs).toBe(online.availableMs)
    expect(Math.abs(world.clock.nowMs() - online.heardMs!)).toBeLessThan(60_000)
    const health: Health = { ...QUIET_HEALTH, spoolItems: 7 }
    await say(client, device, 'health', encodeMqtt(health))
    const healthy = await listener.line('device', (line) => line.health !== null)
    expect(healthy).toMatchObject({ health, available: 'online', availableMs: online.availableMs })
    // What is no availability and no health changes nothing.
    await say(client, device, 'available', utf8('asleep'))
    await say(client, device, 'health', utf8('{}'))
    client.stream.destroy()
    const gone = await listener.line('device', ({ available }) => available === 'offline')
    expect(gone).toMatchObject({ health, heardMs: healthy.heardMs })
    // A phone that comes later hears the same.
    using later = await listenAs(household.owner)
    expect(later.lines[0]).toEqual(gone)
  })

  it('hears of everything that happens, once each and in order, and goes on where it stopped', async () => {
    const subject = await createCase(world)
    const { household, device } = subject
    using listener = await listenAs(household.owner)
    const client = await connectDevice(device)
    const event = ring(1, randomId())
    await say(client, device, 'events', encodeMqtt(event))
    await say(client, device, 'events', encodeMqtt(event))
    expect(await listener.line('event')).toMatchObject({ device: device.device, event })
    const clip = await uploadClip(world, subject, { media: 1 })
    expect(await listener.line('manifest')).toMatchObject({
      ...{ clip: clip.clip, manifest: clip.manifest.digest, revision: 1, open: false },
    })
    const settings = await putSettings(household)
    await listener.line('settings', (line) => line.settings === settings)
    const submission = await signConsent(subject, consentPlan(world, subject))
    await expectStatus(await postConsent(household.owner, submission), 201)
    const consent = digestOfJws(submission.consent)
    const logged = await listener.line('consent', ({ index }) => index !== null)
    expect(listener.ofType('consent')).toMatchObject([{ consent, index: null }, { consent }])
    const latchkey = { v: 1 as const, revokes: consent, keyset: household.keyset.digest }
    const word = { iss: household.root.urn, jti: randomId(), iat: world.nowSeconds(), latchkey }
    const revoking = { revocation: await revocation.encode(word, household.owner.signer), salt: randomSalt() }
    await expectStatus(await household.owner.client.send('POST', '/v1/revocations', { json: revoking }), 201)
    await listener.line('revocation', ({ revokes }) => revokes === consent)
    expect((await household.owner.client.send('DELETE', `/v1/clips/${clip.clip}`)).status).toBe(204)
    const deleted = await listener.line('deleted', (line) => line.clip === clip.clip)
    const facts = listener.lines.filter((line) => 'position' in line && line.type !== 'start')
    expect(facts.map(({ type }) => type)).toEqual([
      ...['event', 'manifest', 'settings', 'consent', 'consent', 'revocation', 'deleted'],
    ])
    const behind = facts.slice(5)
    using again = await listenAs(household.owner, `?after=${logged.position}`)
    await again.line('deleted', ({ position }) => position === deleted.position)
    expect(again.lines.slice(2)).toEqual(behind)
    expect(again.lines[1]).toEqual({ type: 'start', position: logged.position, complete: true })
    await client.endAsync()
  })

  it('hears nothing of another household', async () => {
    const [own, other] = [await home(), await home()]
    using listener = await listenAs(own.household.owner)
    const client = await connectDevice(other.device)
    await say(client, other.device, 'available', utf8('online'))
    await say(client, other.device, 'events', encodeMqtt(ring(1, randomId())))
    await uploadClip(world, other, { media: 1 })
    const settings = await putSettings(own.household)
    await listener.line('settings', (line) => line.settings === settings)
    expect(listener.lines.map(({ type }) => type)).toEqual(['device', 'start', 'settings'])
    await client.endAsync()
  })

  it('gets a sign of life when nothing happens', async () => {
    const { household } = await home()
    using listener = await listenAs(household.owner)
    for (const expected of [1, 2, 3, 4, 5, 6]) {
      world.clock.tick()
      await eventually(() => listener.ofType('alive').length >= expected, 'a sign of life')
    }
  })

  it('leaves nothing behind in the database, nor does looking at clips', async () => {
    const { household, device } = await home()
    const { clip } = await uploadClip(world, { household, device }, { media: 1 })
    const dump = () =>
      withDatabase(world, async (client) => {
        const { rows } = await client.query<{ name: string }>(
          "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'dpop_proofs' ORDER BY 1",
        )
        const tables = []
        for (const { name } of rows) tables.push((await client.query(`SELECT * FROM ${name}`)).rows)
        return JSON.stringify(tables)
      })
    // Leaves of what came before are on their way into the log.
    const settled = () =>
      withDatabase(
        world,
        async (client) => (await client.query('SELECT 1 FROM devices WHERE log_index IS NULL')).rows.length === 0,
      )
    await eventually(settled, 'the log to come to rest')
    const before = await dump()
    using listener = await listenAs(household.owner)
    await expectStatus(await household.owner.client.send('GET', `/v1/clips/${clip}/headers`), 200)
    await (await household.owner.client.send('GET', `/v1/clips/${clip}/items/1`)).arrayBuffer()
    expect(listener.lines).toHaveLength(2)
    expect(await dump()).toBe(before)
  })
})

/** The answer of a stream, not read from. */
async function openUnread(of: RelayWorld, party: Party): Promise<IncomingMessage> {
  const { publicOrigin } = of.relay
  const nonce = (await fetch(`${publicOrigin}/log/checkpoint`)).headers.get('dpop-nonce')!
  const claims = {
    htm: 'GET',
    htu: `${publicOrigin}/v1/events`,
    iat: world.nowSeconds(),
    jti: randomId(),
    nonce,
  } as const
  const headers = { dpop: await encodeDpop(claims, party.signer) }
  return new Promise((resolve, reject) => {
    const outgoing = openRequest(`${publicOrigin}/v1/events?after=0`, { headers }, resolve)
    outgoing.on('error', reject)
    outgoing.end()
  })
}

describe('a stream ends', () => {
  it('for a phone that a new keyset removed, before it hears of it', async () => {
    const { household, viewer } = await home()
    using removed = await listenAs(viewer)
    using stays = await listenAs(household.owner)
    const { latchkey, iss } = household.keyset.payload
    const next = { ...latchkey, version: 2, previous: household.keyset.digest, members: [memberOf(household.owner)] }
    const raw = await keyset.encode({ iss, iat: world.nowSeconds(), latchkey: next }, household.owner.signer)
    await expectStatus(await household.owner.client.send('POST', '/v1/keysets', { json: { keyset: raw } }), 201)
    expect(await removed.ended).toBe('closed')
    expect(removed.ofType('keyset')).toEqual([])
    await stays.line('keyset', (line) => line.keyset === digestOfJws(raw))
    expect(await codeOf(viewer.client.send('GET', '/v1/events'))).toBe('CALLER_REFUSED')
  })

  it('when the same phone opened four more', async () => {
    const { household, viewer } = await home()
    using oldest = await listenAs(household.owner)
    const others = []
    for (let i = 0; i < 4; i++) others.push(await listenAs(household.owner))
    using second = await listenAs(viewer)
    await oldest.ended
    const settings = await putSettings(household)
    for (const listener of [...others, second]) await listener.line('settings', (line) => line.settings === settings)
    for (const listener of others) listener[Symbol.dispose]()
  })

  it('for a reader who leaves, and for one who does not read', async () => {
    await using own = await createRelayWorld()
    const { owner, root } = await enrolHousehold(own)
    const streams = async () => {
      const metrics = await (await fetch(`${own.relay.operatorOrigin}/metrics`)).text()
      return Number(/latchkey_event_streams (\d+)/.exec(metrics)![1])
    }
    const leaving = await listenAs(owner)
    expect(await streams()).toBe(1)
    leaving[Symbol.dispose]()
    // The relay's first beat is twice as far away.
    await eventually(async () => (await streams()) === 0, 'the relay to see it leave', 10_000)
    // More than any socket holds; the database packs it.
    const [count, size] = [5_000, 20_000]
    const facts = `INSERT INTO household_facts (root, at_ms, fact)
      SELECT $1, $2, jsonb_build_object('type', 'settings', 'settings', repeat('A', $4)) FROM generate_series(1, $3)`
    await withDatabase(own, (client) => client.query(facts, [thumbprintOf(root.jwk), own.clock.nowMs(), count, size]))
    const incoming = await openUnread(own, owner)
    incoming.on('error', () => {})
    const cut = new Promise((resolve) => incoming.once('close', resolve))
    // What the sockets hold fills up, and then the beats go unread.
    const isOver = async () => {
      own.clock.tick()
      return (await streams()) === 0
    }
    await eventually(isOver, 'the relay to give up', 60_000)
    let bytes = 0
    incoming.on('data', (chunk: Buffer) => (bytes += chunk.length))
    await cut
    expect(incoming.complete).toBe(false)
    expect(bytes).toBeLessThan(count * size)
  })

  it('in order when the relay stops, and after it doorbells are offline until they say otherwise', async () => {
    const { household, device } = await home()
    const client = await connectDevice(device)
    await say(client, device, 'available', utf8('online'))
    using listener = await listenAs(household.owner)
    await listener.line('device', ({ available }) => available === 'online')
    const startMs = performance.now()
    const stopped = world.stop()
    expect(await listener.ended).toBe('closed')
    await stopped
    // Requests under way are given ten seconds; a stream that ended and a connection that never asked are none.
    expect(performance.now() - startMs).toBeLessThan(8_000)
    await world.restart()
    using again = await listenAs(household.owner)
    expect(again.lines[0]).toMatchObject({ type: 'device', available: 'offline' })
    await client.endAsync(true)
  })
})

describe('a position', () => {
  it('that is no longer kept, or never was, is said to be', async () => {
    const { household } = await home()
    const first = await putSettings(household)
    using early = await listenAs(household.owner, '?after=0')
    const { position } = await early.line('settings')
    world.clock.shift(31 * DAY_MS)
    const isForgotten = async () => {
      world.clock.tick()
      using listener = await listenAs(household.owner, '?after=0')
      return !listener.ofType('start')[0]!.complete
    }
    await eventually(isForgotten, 'the fact to be forgotten')
    using caughtUp = await listenAs(household.owner, `?after=${position}`)
    expect(caughtUp.ofType('start')).toEqual([{ type: 'start', position, complete: true }])
    using ahead = await listenAs(household.owner, `?after=${position + 1_000}`)
    expect(ahead.ofType('start')).toEqual([{ type: 'start', position, complete: false }])
    const second = await putSettings(household, first)
    await ahead.line('settings', (line) => line.settings === second)
    expect(await codeOf(household.owner.client.send('GET', '/v1/events?after=-1'))).toBe('MESSAGE_INVALID')
  })
})

describe('the id of a doorbell', () => {
  it('that another household has cannot be enrolled, so nobody hears or speaks for it', async () => {
    const [own, other] = [await home(), await home()]
    const { device: taken, ...papers } = await certifyDevice(world, other.household, randomSigner(), {
      device: own.device.device,
    })
    const json = { ...papers, salt: randomSalt() }
    expect(taken).toBe(own.device.device)
    expect(await codeOf(other.household.owner.client.send('POST', '/v1/devices', { json }))).toBe('DEVICE_INVALID')
    const { device: same, ...anew } = await certifyDevice(world, own.household, own.device.signer, {
      device: own.device.device,
      epoch: 2,
    })
    await expectStatus(
      await own.household.owner.client.send('POST', '/v1/devices', { json: { ...anew, salt: randomSalt() } }),
      201,
    )
    using listener = await listenAs(own.household.owner)
    expect(listener.ofType('device')).toMatchObject([
      { device: same, certificate: digestOfJws(anew.deviceCertificate) },
    ])
  })
})
