/** Telling phones: whom, of what, and that nothing waits for it. */
import {
  createSigner,
  encodeBase64url,
  generateIdentity,
  identityOfSeed,
  type Keyset,
  LatchkeyError,
  type PushWish,
  randomBytes,
  sealPushKeys,
  type Signer,
} from '@latchkey/shared'
import { afterEach, expect, test } from 'vitest'
import type { DoorEvent } from '../../device-agent/src/flow.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import { createDoorPusher, type PushRelay } from '../../device-agent/src/push/door-pusher.ts'
import { silentLog } from '../support/agent-rig.ts'
import { eventually } from '../support/poll.ts'
import { createPushBrowser, type PushBrowser } from '../support/push-browser.ts'

const root = createSigner(randomBytes(32))
const seed = randomBytes(32)
const doorbell = createSigner(seed)
const DEVICE = encodeBase64url(randomBytes(16))

interface TestPhone {
  readonly signer: Signer
  readonly browser: PushBrowser
  readonly entry: { readonly member: string; readonly keys: string }
}

async function createPhone(events: PushWish['events']): Promise<TestPhone> {
  const [signer, browser] = [createSigner(randomBytes(32)), createPushBrowser()]
  const { p256dh, auth } = browser
  const given = { household: root.urn, signer, doorbells: [doorbell.jwk], nowSeconds: 1 }
  const keys = encodeBase64url(await sealPushKeys({ p256dh, auth, events }, given))
  return { signer, browser, entry: { member: signer.thumbprint, keys } }
}

const householdOf = (phones: readonly TestPhone[]): Keyset => ({
  iss: root.urn,
  iat: 1,
  latchkey: {
    v: 1,
    version: 1,
    previous: null,
    effectiveMs: 1,
    members: phones.map(({ signer }) => ({
      signingKey: signer.jwk,
      recipient: generateIdentity().recipient,
      role: 'owner' as const,
    })),
    recovery: generateIdentity().recipient,
    quorum: 1,
  },
})

let stack = new AsyncDisposableStack()
afterEach(async () => {
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

/** A pusher over a relay in memory whose `fail` says how each call ends. */
async function startPusher(phones: readonly TestPhone[], members = phones) {
  const sent: { member: string; body: Uint8Array }[] = []
  const time = { offsetMs: 0 }
  const relay = { calls: 0, fail: (): Error | null => null }
  const port: PushRelay = {
    list: async () => {
      relay.calls++
      return phones.map(({ entry }) => entry)
    },
    send: async (member, body) => {
      const failure = relay.fail()
      if (failure) throw failure
      sent.push({ member, body })
    },
  }
  const pusher = stack.use(
    createDoorPusher({
      relay: port,
      opener: await identityOfSeed(seed, doorbell.jwk),
      household: () => householdOf(members),
      device: DEVICE,
      clock: { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + time.offsetMs },
      log: silentLog,
      random: () => 0.5,
      retryBaseMs: 1,
    }),
  )
  return { pusher, sent, time, relay }
}

const happen = (trigger: DoorEvent['trigger']): DoorEvent => ({
  event: encodeBase64url(randomBytes(16)),
  trigger,
  atMs: 1_700_000_000_000.25,
})

test('a ring goes to every phone that wished it, and nothing in the message is more than that', async () => {
  const [one, other] = [await createPhone(['ring']), await createPhone(['motion', 'ring'])]
  const { pusher, sent } = await startPusher([one, other])
  const ring = happen('ring')
  pusher.tell(ring)
  await eventually(() => sent.length === 2, 'both')
  for (const phone of [one, other]) {
    const { body } = sent.find(({ member }) => member === phone.entry.member)!
    const said = { atMs: 1_700_000_000_000, device: DEVICE, event: ring.event, type: 'ring', v: 1 }
    expect(JSON.parse(phone.browser.open(body).toString())).toEqual(said)
    expect(body).toHaveLength(86 + 256 + 17)
  }
})

test('movement goes to who wished it, once a minute, and looks like a ring from outside', async () => {
  const [one, other] = [await createPhone(['ring']), await createPhone(['motion', 'ring'])]
  const { pusher, sent, time } = await startPusher([one, other])
  for (let i = 0; i < 3; i++) pusher.tell(happen('motion'))
  pusher.tell(happen('ring'))
  await eventually(() => sent.length === 3, 'one movement and two rings')
  expect(sent.map(({ member }) => member)).toEqual([other.entry.member, one.entry.member, other.entry.member])
  expect(new Set(sent.map(({ body }) => body.length)).size).toBe(1)
  time.offsetMs = 61_000
  pusher.tell(happen('motion'))
  await eventually(() => sent.length === 4, 'the next movement')
})

test('who is not of the household is not told, whatever the relay shows', async () => {
  const [owner, stranger, removed] = [
    await createPhone(['ring']),
    await createPhone(['ring']),
    await createPhone(['ring']),
  ]
  const posing = { ...stranger, entry: { member: removed.entry.member, keys: stranger.entry.keys } }
  const junk = { ...stranger, entry: { member: stranger.entry.member, keys: 'AAAA' } }
  const { pusher, sent } = await startPusher([stranger, removed, posing, junk, owner], [owner])
  pusher.tell(happen('ring'))
  await eventually(() => sent.length > 0, 'the owner')
  expect(sent.map(({ member }) => member)).toEqual([owner.entry.member])
})

test('a relay that is away is tried again, without telling anybody twice', async () => {
  const phones = [await createPhone(['ring']), await createPhone(['ring'])]
  const { pusher, sent, relay } = await startPusher(phones)
  const failures = [null, new LatchkeyError('UNAVAILABLE', 'away'), new LatchkeyError('RATE_LIMITED', 'too many')]
  relay.fail = () => failures.shift() ?? null
  pusher.tell(happen('ring'))
  await eventually(() => sent.length === 2, 'both')
  expect(new Set(sent.map(({ member }) => member)).size).toBe(2)
})

test('who took the wish back is not tried again, and a minute later nobody is told', async () => {
  const phones = [await createPhone(['ring'])]
  const { pusher, sent, relay, time } = await startPusher(phones)
  relay.fail = () => new LatchkeyError('NOT_FOUND', 'nowhere')
  pusher.tell(happen('ring'))
  await eventually(() => relay.calls === 1, 'the first try')
  relay.fail = () => new LatchkeyError('UNAVAILABLE', 'away')
  pusher.tell(happen('ring'))
  await eventually(() => relay.calls > 4, 'tries')
  time.offsetMs = 61_000
  const later = happen('ring')
  pusher.tell(later)
  const { calls } = relay
  // One may be under way; the next begins with what is of use still.
  await eventually(() => relay.calls > calls + 1, 'tries of the new one')
  relay.fail = () => null
  await eventually(() => sent.length > 0, 'the new one')
  expect(sent).toHaveLength(1)
  expect(phones[0]!.browser.open(sent[0]!.body).toString()).toContain(later.event)
})

test('a pusher ends at once, in the middle of its tries', async () => {
  const { pusher, relay } = await startPusher([await createPhone(['ring'])])
  relay.fail = () => new LatchkeyError('UNAVAILABLE', 'away')
  for (let i = 0; i < 100; i++) pusher.tell(happen('ring'))
  await eventually(() => relay.calls > 0, 'a try')
  await pusher[Symbol.asyncDispose]()
  const { calls } = relay
  pusher.tell(happen('ring'))
  await Promise.resolve()
  expect(relay.calls).toBe(calls)
})
