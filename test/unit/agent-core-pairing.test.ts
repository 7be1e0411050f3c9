import {
  answerHello,
  checkPairingAnswer,
  checkPairingDone,
  checkPairingHello,
  createSigner,
  encodeBase64url,
  encodePairingUrl,
  hello as helloMessage,
  mailboxOf,
  PAIRING_LIFE_MS,
  type PairingAnswer,
  pairingDigits,
  pairingMac,
  parsePairingUrl,
  randomBytes,
} from '@latchkey/shared'
import { stat } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { loadDeviceKey } from '../../device-agent/src/keys/device-key.ts'
import { type PairingDisplay, type PairingRelay, runPairing } from '../../device-agent/src/keys/pairing.ts'
import { createPairingStore } from '../../device-agent/src/keys/pairing-state.ts'
import { codeThrown } from '../support/damage.ts'
import { createHousehold, type Household } from '../support/household.ts'
import { createLeapingClock, type LeapingClock } from '../support/leaping-clock.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

const RELAY = 'https://relay.example'
const LOG = 'relay.example/log+00000000+AQ'
const relaySigner = createSigner(new Uint8Array(32).fill(5))

/** What the phone, or somebody who pretends to be it, puts into the mailbox for a code. */
type Answerer = (hello: string, url: string) => Promise<PairingAnswer | null>

interface Outcome {
  readonly codes: string[]
  readonly wrong: number[]
  readonly pauses: string[]
  readonly done: string[]
  readonly digits: string[]
}

/** Runs pairing against a mailbox in memory; `answer` is asked once per code. Aborts after `codes` codes. */
async function pair(answer: Answerer, options: { maximumCodes?: number; clock?: LeapingClock } = {}) {
  await using folder = await createTemporaryFolder()
  const clock = options.clock ?? createLeapingClock()
  const stop = new AbortController()
  const seen: Outcome = { codes: [], wrong: [], pauses: [], done: [], digits: [] }
  const answers = new Map<string, PairingAnswer | null>()
  const hellos = new Map<string, string>()
  const relay: PairingRelay = {
    identity: () => Promise.resolve({ jwk: relaySigner.jwk, logVkey: LOG }),
    putHello: (mailbox, raw) => Promise.resolve(void hellos.set(mailbox, raw)),
    async getAnswer(mailbox) {
      if (!answers.has(mailbox)) answers.set(mailbox, await answer(hellos.get(mailbox)!, seen.codes.at(-1)!))
      return answers.get(mailbox)!
    },
    putDone: (_, raw) => Promise.resolve(void seen.done.push(raw)),
  }
  const display: PairingDisplay = {
    onCode(url) {
      seen.codes.push(url)
      if (seen.codes.length > (options.maximumCodes ?? 20)) stop.abort()
    },
    onPaired: (digits) => seen.digits.push(digits),
    onWrongAnswer: (left) => seen.wrong.push(left),
    onPause: (reason) => seen.pauses.push(reason),
  }
  const store = createPairingStore(folder.path)
  const state = await runPairing({
    relay,
    relayOrigin: RELAY,
    pageOrigin: 'https://app.example',
    logVkey: null,
    signer: await loadDeviceKey(`${folder.path}/device.key`),
    store,
    clock,
    random: () => 0.5,
    display,
    signal: stop.signal,
  })
  return { ...seen, state, stored: await store.load(), hellos: [...hellos.values()] }
}

const phoneOf =
  (household: Household): Answerer =>
  async (hello, url) => {
    const { keyset, root, member } = household
    const options = { invitation: parsePairingUrl(url), hello, keyset, rootJwk: root.jwk, member, nowMs: 1 }
    return (await answerHello(options)).answer
  }

describe('pairing', () => {
  test('pins root, relay and log of the phone that read the code, and acknowledges it', async () => {
    const household = await createHousehold()
    const { state, stored, done, digits, hellos, codes } = await pair(phoneOf(household))
    expect(state).toMatchObject({ relay: RELAY, relayJwk: relaySigner.jwk, rootJwk: household.root.jwk, epoch: 1 })
    expect(stored).toEqual(state)
    const greeting = checkPairingHello(hellos[0]!, parsePairingUrl(codes[0]!))
    const answer = { keyset: household.keyset, deviceCertificate: state!.deviceCertificate }
    const mac = encodeBase64url(pairingMac(parsePairingUrl(codes[0]!).secret, hellos[0]!, answer))
    const whole = { ...answer, rootJwk: household.root.jwk, mac }
    expect(digits).toEqual([pairingDigits(hellos[0]!, whole)])
    expect(checkPairingDone(done[0]!, greeting, whole).payload.latchkey.epoch).toBe(1)
  })

  test('keeps relay, device, log and secret in the fragment only, which no server receives', () => {
    const invitation = { relay: RELAY, device: 'd'.repeat(43), logVkey: LOG, secret: randomBytes(32) }
    const url = encodePairingUrl('https://app.example', invitation)
    expect(new URL(url).pathname + new URL(url).search).toBe('/pair')
    expect(parsePairingUrl(url)).toEqual(invitation)
    expect(mailboxOf(invitation.secret)).toHaveLength(22)
    expect(url).not.toContain(mailboxOf(invitation.secret))
  })

  test('refuses an answer made without the secret, five times, then pauses for the life of a code', async () => {
    const household = await createHousehold()
    const clock = createLeapingClock()
    let before = 0
    const stranger: Answerer = async (hello, url) => {
      if (before === 0) before = clock.monotonicMs()
      const right = await phoneOf(household)(hello, url)
      return { ...right!, mac: encodeBase64url(randomBytes(32)) }
    }
    const { state, wrong, pauses, codes } = await pair(stranger, { maximumCodes: 5, clock })
    expect(state).toBeNull()
    expect(wrong.slice(0, 5)).toEqual([4, 3, 2, 1, 0])
    expect(pauses).toContain('too-many-wrong')
    expect(clock.monotonicMs() - before).toBeGreaterThanOrEqual(PAIRING_LIFE_MS)
    expect(new Set(codes).size).toBe(codes.length)
  })

  test('refuses a right answer to a code that a wrong one has burnt', async () => {
    const household = await createHousehold()
    let first: { hello: string; url: string } | null = null
    const replayer: Answerer = async (hello, url) => {
      const right = (await phoneOf(household)(hello, url))!
      if (first === null) {
        first = { hello, url }
        return { ...right, mac: encodeBase64url(randomBytes(32)) }
      }
      return phoneOf(household)(first.hello, first.url)
    }
    const { state, wrong } = await pair(replayer, { maximumCodes: 3 })
    expect(state).toBeNull()
    expect(wrong.length).toBeGreaterThan(1)
  })

  test('refuses an answer that comes after fifteen minutes, and shows another code', async () => {
    const household = await createHousehold()
    const clock = createLeapingClock()
    const late: Answerer = async (hello, url) => {
      clock.leap(PAIRING_LIFE_MS)
      return phoneOf(household)(hello, url)
    }
    const { state, wrong, codes } = await pair(late, { maximumCodes: 2, clock })
    expect(state).toBeNull()
    expect(wrong).toEqual([])
    expect(codes).toHaveLength(3)
  })

  test('takes no part of another household into a right answer', async () => {
    const [ours, theirs] = [await createHousehold(), await createHousehold()]
    const secret = randomBytes(32)
    const device = createSigner(randomBytes(32))
    const invitation = { relay: RELAY, device: device.thumbprint, logVkey: LOG, secret }
    const hello = await helloOf(device)
    const answerOf = async (household: Household): Promise<PairingAnswer> =>
      (
        await answerHello({
          invitation,
          hello,
          keyset: household.keyset,
          rootJwk: household.root.jwk,
          member: household.member,
          nowMs: 1,
        })
      ).answer
    const [right, other] = [await answerOf(ours), await answerOf(theirs)]
    const resealed = (answer: Omit<PairingAnswer, 'mac'>): PairingAnswer => ({
      ...answer,
      mac: encodeBase64url(pairingMac(secret, hello, answer)),
    })
    expect(checkPairingAnswer(secret, hello, right).rootUrn).toBe(ours.root.urn)
    // Even with a right MAC: a root that did not sign, a certificate for another keyset, by another member.
    expect(codeThrown(() => checkPairingAnswer(secret, hello, { ...right, rootJwk: other.rootJwk }))).toBe(
      'PAIRING_FAILED',
    )
    const mixed = resealed({ ...right, deviceCertificate: other.deviceCertificate })
    expect(codeThrown(() => checkPairingAnswer(secret, hello, mixed))).toBe('PAIRING_FAILED')
    const swapped = resealed({ ...right, keyset: other.keyset })
    expect(codeThrown(() => checkPairingAnswer(secret, hello, swapped))).toBe('PAIRING_FAILED')
    expect(codeThrown(() => checkPairingAnswer(randomBytes(32), hello, right))).toBe('PAIRING_FAILED')
  })

  test('gives a phone that reads another device than its code names nothing', async () => {
    const [device, impostor] = [createSigner(randomBytes(32)), createSigner(randomBytes(32))]
    const invitation = { relay: RELAY, device: device.thumbprint, logVkey: LOG, secret: randomBytes(32) }
    const hello = await helloOf(impostor)
    expect(codeThrown(() => checkPairingHello(hello, invitation))).toBe('PAIRING_FAILED')
    const other = { ...invitation, logVkey: 'another+00000000+AQ' }
    const mine = await helloOf(device)
    expect(codeThrown(() => checkPairingHello(mine, other))).toBe('PAIRING_FAILED')
    expect(checkPairingHello(mine, invitation).payload.iss).toBe(device.urn)
  })

  test('gives every pairing of a device another epoch, and keeps its key for itself', async () => {
    await using folder = await createTemporaryFolder()
    const store = createPairingStore(folder.path)
    expect([await store.nextEpoch(), await store.nextEpoch()]).toEqual([1, 2])
    const path = `${folder.path}/device.key`
    const [first, again] = [await loadDeviceKey(path), await loadDeviceKey(path)]
    expect(again.thumbprint).toBe(first.thumbprint)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })
})

async function helloOf(device: ReturnType<typeof createSigner>): Promise<string> {
  const latchkey = { v: 1 as const, relay: RELAY, logVkey: LOG, nonce: encodeBase64url(randomBytes(32)), epoch: 1 }
  return helloMessage.encode({ iss: device.urn, iat: 1, cnf: { jwk: device.jwk }, latchkey }, device)
}
