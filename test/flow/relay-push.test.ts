/** Pushes at the relay: it hands over what it cannot read, writes to push services only, and once a day to everybody. */
import { encodeBase64url, encryptPush, randomBytes, recipientOfKey, sealFile, utf8 } from '@latchkey/shared'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLog } from '../../relay/src/kernel/log.ts'
import { databaseUrlOf } from '../support/kill-database.ts'
import { eventually } from '../support/poll.ts'
import { createPushService, type PushServiceDouble, type TakenPush } from '../support/push-service.ts'
import { createTestDatabase, type TestDatabase } from '../support/relay-database.ts'
import {
  codeOf,
  createRelayWorld,
  type Device,
  enrolDevice,
  enrolHousehold,
  expectStatus,
  type Household,
  type OwnRelayWorld,
  type Party,
} from '../support/relay-world.ts'

const DAY_MS = 24 * 3_600_000
const PATH = '/v1/push-subscriptions'

let store: TestDatabase
let world: OwnRelayWorld
let service: PushServiceDouble
let home: Household
let viewer: Party
let device: Device
const logged: string[] = []

beforeAll(async () => {
  ;[store, service] = await Promise.all([createTestDatabase(), createPushService()])
  const destination = { write: (line: string) => void logged.push(line) }
  world = await createRelayWorld({
    log: createLog({ level: 'debug', destination }),
    config: { databaseUrl: databaseUrlOf(store.target), push: { loopback: true, contact: 'mailto:a@example.org' } },
  })
  viewer = world.party()
  home = await enrolHousehold(world, { viewers: [viewer] })
  device = await enrolDevice(world, home)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await service[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

const sealed = (): string => encodeBase64url(sealFile(utf8('how to write to me'), [recipientOfKey(device.signer.jwk)]))
const put = (party: Party, given: object) =>
  party.client.send('PUT', PATH, { json: { minuteUtc: 600, keys: sealed(), ...given } })
const push = (body: Uint8Array, member = home.owner.signer.thumbprint) =>
  device.client.send('POST', '/v1/pushes', { json: { member, body: encodeBase64url(body) } })
const takenBy = (id: string): TakenPush[] => service.taken.filter(({ browser }) => browser === id)
const minuteOf = (ms: number): number => Math.floor((ms % DAY_MS) / 60_000)

/** A member's new browser, subscribed. */
async function subscribed(party: Party, minuteUtc = minuteOf(world.clock.nowMs() - 3_600_000)) {
  const browser = service.subscribe()
  await expectStatus(await put(party, { endpoint: browser.endpoint, minuteUtc }), 204)
  return browser
}

const isKept = async (party: Party) => {
  const rows = await store.database.query('SELECT 1 FROM push_subscriptions WHERE member = $1', [
    party.signer.thumbprint,
  ])
  return rows.length === 1
}

describe('a device’s message', () => {
  test('arrives as the device wrote it, with the relay’s own word who hands it over', async () => {
    const browser = await subscribed(home.owner)
    const body = await encryptPush(utf8('somebody rings'), browser)
    await expectStatus(await push(body), 202)
    const [taken] = await eventually(() => (takenBy(browser.id).length > 0 ? takenBy(browser.id) : null), 'the push')
    expect(taken).toMatchObject({
      text: 'somebody rings',
      bodyBytes: body.length,
      headers: { 'content-encoding': 'aes128gcm', ttl: '600', urgency: 'high' },
      vapid: { aud: service.origin, sub: 'mailto:a@example.org' },
    })
    const life = taken!.vapid.lifeSeconds - world.nowSeconds()
    expect(life).toBeGreaterThan(3_600)
    expect(life).toBeLessThanOrEqual(86_400)
    const { applicationServerKey } = await expectStatus(await home.owner.client.send('GET', PATH), 200)
    expect(taken!.vapid.key).toBe(applicationServerKey)
  })

  test('is told apart from plain words, goes to members of its own household only, and not without end', async () => {
    const browser = await subscribed(home.owner)
    expect(await codeOf(push(utf8('somebody rings at the front door of number seven'.repeat(3))))).toBe(
      'MESSAGE_INVALID',
    )
    const body = await encryptPush(utf8('x'), browser)
    const other = await enrolHousehold(world)
    await subscribed(other.owner)
    expect(await codeOf(push(body, other.owner.signer.thumbprint))).toBe('NOT_FOUND')
    expect(await codeOf(push(body, viewer.signer.thumbprint))).toBe('NOT_FOUND')
    service.status = 503
    const answers = await Promise.all(Array.from({ length: 40 }, () => push(body)))
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(32)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(8)
    service.status = 201
    await eventually(() => takenBy(browser.id).length === 32, 'what could not be handed over at first', 20_000)
  })

  test('ends the subscription where nobody listens any more, and follows nobody elsewhere', async () => {
    const browser = await subscribed(home.owner)
    const body = await encryptPush(utf8('x'), browser)
    service.status = 302
    const before = service.asked.length
    await expectStatus(await push(body), 202)
    await eventually(() => service.asked.length > before, 'the redirect')
    service.status = 410
    await expectStatus(await push(body), 202)
    await eventually(async () => !(await isKept(home.owner)), 'the end of the subscription')
    service.status = 201
    expect(service.asked).not.toContain('elsewhere')
    expect(await codeOf(push(body))).toBe('NOT_FOUND')
  })
})

describe('a subscription', () => {
  test('is seen by its phone and by the doorbells, as it was sealed; taking it back is final and can be repeated', async () => {
    const keys = sealed()
    const { endpoint } = service.subscribe()
    await expectStatus(await put(home.owner, { endpoint, keys }), 204)
    await subscribed(viewer)
    const listOf = async (client: Party['client']) =>
      (await expectStatus(await client.send('GET', PATH), 200))['subscriptions'] as { member: string; keys: string }[]
    expect(await listOf(home.owner.client)).toEqual([{ member: home.owner.signer.thumbprint, keys }])
    expect((await listOf(device.client)).map(({ member }) => member).sort()).toEqual(
      [home.owner.signer.thumbprint, viewer.signer.thumbprint].sort(),
    )
    await expectStatus(await viewer.client.send('DELETE', PATH), 204)
    await expectStatus(await viewer.client.send('DELETE', PATH), 204)
    expect(await listOf(device.client)).toHaveLength(1)
  })

  test('names a push service and nothing else that this relay could reach', async () => {
    const refused = [
      'https://example.org/push',
      'http://fcm.googleapis.com/push',
      'https://fcm.googleapis.com:8443/push',
      'https://fcm.googleapis.com.example.org/push',
      'https://user:secret@fcm.googleapis.com/push',
      'https://fcm.googleapis.com/push#x',
      'https://notify.windows.com/push',
      'https://xnotify.windows.com/push',
      'http://169.254.169.254/latest/meta-data',
      'http://10.0.0.1/push',
      'https://[fd00::1]/push',
      'ftp://fcm.googleapis.com/push',
      'file:///etc/passwd',
    ]
    for (const endpoint of refused)
      expect([endpoint, await codeOf(put(home.owner, { endpoint }))]).toEqual([endpoint, 'MESSAGE_INVALID'])
    for (const endpoint of [
      'https://fcm.googleapis.com/fcm/send/a:b',
      'https://updates.push.services.mozilla.com/wpush/v2/x',
      'https://web.push.apple.com/x',
      'https://db5p.notify.windows.com/w/?token=x',
    ])
      await expectStatus(await put(home.owner, { endpoint }), 204)
    await expectStatus(await home.owner.client.send('DELETE', PATH), 204)
  })

  test('is refused with keys that are no age file, or a minute that no day has', async () => {
    const { endpoint } = service.subscribe()
    const keys = encodeBase64url(randomBytes(300))
    expect(await codeOf(put(home.owner, { endpoint, keys }))).toBe('AGE_HEADER_INVALID')
    expect(await codeOf(put(home.owner, { endpoint, minuteUtc: 1_440 }))).toBe('MESSAGE_INVALID')
    expect(await codeOf(put(home.owner, { endpoint, minuteUtc: -1 }))).toBe('MESSAGE_INVALID')
  })
})

describe('the push of the day', () => {
  /** Runs the job until it has nothing to do: what it would send it has sent. */
  async function settle(id: string, count: number): Promise<void> {
    await eventually(() => {
      world.clock.tick()
      return takenBy(id).length >= count
    }, `${count} pushes`)
    for (let round = 0; round < 3; round++) {
      world.clock.tick()
      await store.database.query('SELECT 1')
    }
    expect(takenBy(id)).toHaveLength(count)
  }

  test('is empty, comes once a day, and neither a restart nor another minute brings a second', async () => {
    const first = await subscribed(home.owner, minuteOf(world.clock.nowMs() + 3_600_000))
    const second = await subscribed(viewer, minuteOf(world.clock.nowMs() + 3_600_000))
    await settle(first.id, 0)
    world.clock.shift(3_600_000 + 60_000)
    await settle(first.id, 1)
    await settle(second.id, 1)
    const [daily] = takenBy(first.id)
    expect(daily).toMatchObject({ text: null, bodyBytes: 0, headers: { topic: 'daily', urgency: 'normal' } })
    expect(daily!.headers['content-encoding']).toBeUndefined()
    await world.restart()
    await settle(first.id, 1)
    await expectStatus(
      await put(home.owner, { endpoint: first.endpoint, minuteUtc: minuteOf(world.clock.nowMs() + 3_600_000) }),
      204,
    )
    world.clock.shift(2 * 3_600_000)
    await settle(first.id, 1)
    world.clock.shift(DAY_MS)
    await settle(first.id, 2)
    // What was missed while nothing ran is one push, not three.
    await world.stop()
    world.clock.shift(3 * DAY_MS)
    await world.restart()
    await settle(first.id, 3)
  })

  test('goes to nobody who is no member any more', async () => {
    const gone = await subscribed(viewer, minuteOf(world.clock.nowMs() + 60_000))
    await store.database.query('DELETE FROM keyset_members WHERE thumbprint = $1', [viewer.signer.thumbprint])
    world.clock.shift(DAY_MS + 120_000)
    await eventually(async () => {
      world.clock.tick()
      return !(await isKept(viewer))
    }, 'the end of the subscription')
    expect(takenBy(gone.id)).toEqual([])
  })
})

test('no line of the relay’s log names an address, a member or a word of a message', () => {
  const lines = logged.join('')
  expect(lines).toContain('push.handed-over')
  for (const secret of [service.origin, '/push/b', home.owner.signer.thumbprint, 'somebody rings'])
    expect(lines).not.toContain(secret)
})
