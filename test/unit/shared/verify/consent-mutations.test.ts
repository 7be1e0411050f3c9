import {
  canonicalJson,
  type Consent,
  createSigner,
  decodeBase64url,
  encodeBase64url,
  fromUtf8,
  type Signer,
  utf8,
  verifyBundle,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { rederiveBag } from '../../../support/bag-forger.ts'
import { createSeededRandom, runs, tellSoak } from '../../../support/counts.ts'
import { bundleFilesOf, createSyntheticCase, seededBytes } from '../../../support/synthetic-case.ts'

/**
 * The consent alone must stand: log and relay are left out, so that no other object could be what refuses a mutant, and
 * every derived text and hash is written anew around it.
 */
const given = await createSyntheticCase({ isOffline: true })
const files = await bundleFilesOf(given.parts)
const honest = given.consent
const { parties } = given
const random = createSeededRandom(7)
const pick = <T>(values: readonly T[]): T => values[random(values.length)]!

function isAccepted(raw: string): boolean {
  const forged = rederiveBag(new Map(files).set('data/proof/consent.jws', utf8(raw)))
  return verifyBundle(forged, given.verifierTrust).passed
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }
const decode = (part: string) => fromUtf8(decodeBase64url(part))
const encode = (text: string) => encodeBase64url(utf8(text))
const [HEADER, PAYLOAD, SIGNATURE] = honest.raw.split('.') as [string, string, string]
const header = JSON.parse(decode(HEADER)) as { [name: string]: Json }
const claims = () => JSON.parse(decode(PAYLOAD)) as { [name: string]: Json }

async function sign(headerText: string, payloadText: string, signer: Signer): Promise<string> {
  const input = `${encode(headerText)}.${encode(payloadText)}`
  return `${input}.${encodeBase64url(await signer.sign(utf8(input)))}`
}

/** Every object inside a value, the value itself first. */
function objectsOf(value: Json): { [name: string]: Json }[] {
  if (value === null || typeof value !== 'object') return []
  if (Array.isArray(value)) return value.flatMap(objectsOf)
  return [value, ...Object.values(value).flatMap(objectsOf)]
}

function changed(value: Json): Json {
  if (typeof value === 'number') return value + pick([-1, 1, 60, 86_400, -86_400, 1e6])
  if (typeof value === 'boolean') return !value
  if (value === null) return pick<Json>([0, '', {}, 'A'.repeat(43)])
  if (Array.isArray(value)) return pick<Json>([[], [...value, ...value], value.map(changed)])
  if (typeof value === 'object') return pick<Json>([{}, null, { ...value, extra: 1 }])
  if (value === '') return 'x'
  const at = random(value.length)
  const letter = value[at] === 'A' ? 'B' : 'A'
  return pick([
    value.slice(0, at) + letter + value.slice(at + 1),
    value.slice(0, -1),
    `${value}A`,
    '',
    value.toUpperCase(),
  ])
}

/** A payload text with one claim changed, dropped, added, doubled, or the members in another order. */
function mutatedPayload(): string {
  const payload = claims()
  const target = pick(objectsOf(payload))
  const name = pick(Object.keys(target))
  const text = canonicalJson(payload)
  switch (random(6)) {
    case 0:
      Reflect.deleteProperty(target, name)
      return canonicalJson(payload)
    case 1:
      target[`${name}2`] = target[name]!
      return canonicalJson(payload)
    case 2:
      return text.replace(`"${name}":`, `"${name}":null,"${name}":`)
    case 3:
      return JSON.stringify(Object.fromEntries(Object.entries(payload).reverse()))
    default: {
      const before = target[name]!
      while (canonicalJson(target[name]) === canonicalJson(before)) target[name] = changed(before)
      return canonicalJson(payload)
    }
  }
}

const stranger = createSigner(seededBytes('stranger'))
const OTHERS = [stranger, parties.root, parties.device, parties.requester.signer, parties.agency, parties.relay]
/** Points of small order: the first, with an all-zero S, verifies every message where keys are not checked. */
const SMALL_ORDER_SIGNATURES = [
  encodeBase64url(Uint8Array.of(1, ...new Uint8Array(63))),
  encodeBase64url(new Uint8Array(64)),
  encodeBase64url(Uint8Array.of(236, ...new Uint8Array(30).fill(255), 127, ...new Uint8Array(32))),
]

/** One mutant by somebody who does not hold an owner's key. */
async function mutantOfStranger(): Promise<string> {
  const payload = random(3) === 0 ? decode(PAYLOAD) : mutatedPayload()
  const other = pick(OTHERS)
  switch (random(5)) {
    case 0:
      return sign(canonicalJson({ ...header, kid: other.thumbprint }), payload, other)
    case 1:
      return sign(canonicalJson(header), payload, other)
    case 2: {
      const forgedHeader = {
        ...header,
        [pick(['alg', 'typ', 'kid', 'crit', 'jwk'])]: pick(['none', 'EdDSA', 'HS256', 'x', '']),
      }
      return `${encode(canonicalJson(forgedHeader))}.${encode(payload)}.${SIGNATURE}`
    }
    case 3:
      return `${HEADER}.${encode(payload)}.${pick(SMALL_ORDER_SIGNATURES)}`
    default: {
      const bytes = decodeBase64url(SIGNATURE).slice()
      bytes[random(64)]! ^= 1 << random(8)
      return `${HEADER}.${encode(payload)}.${random(2) === 0 ? encodeBase64url(bytes) : ''}`
    }
  }
}

const digest = encodeBase64url(seededBytes('another digest'))
type Edit = (payload: Consent) => Consent
const detail = (edit: (value: Consent['authorization_details'][0]) => Consent['authorization_details'][0]): Edit => {
  return (payload) => ({ ...payload, authorization_details: payload.authorization_details.map(edit) })
}
const own = (values: Partial<Consent['latchkey']>): Edit => {
  return (payload) => ({ ...payload, latchkey: { ...payload.latchkey, ...values } })
}

/** What even the owner's own key must not be able to give. */
const FORBIDDEN: readonly (readonly [string, Edit])[] = [
  ['another request', own({ request: digest })],
  ['another keyset', own({ keyset: digest })],
  ['another device', own({ deviceCertificate: digest })],
  ['a purpose off the list', own({ purpose: 'marketing' })],
  ['longer keeping', own({ retentionDays: 8 })],
  ['more downloads', own({ maxDownloads: 4 })],
  ['other words', own({ notice: { ...honest.payload.latchkey.notice, sha256: digest } })],
  ['words never released', own({ notice: { ...honest.payload.latchkey.notice, version: 2 } })],
  ['another language', own({ notice: { ...honest.payload.latchkey.notice, language: 'de' } })],
  ['another time zone', own({ notice: { ...honest.payload.latchkey.notice, utcOffsetMinutes: 0 } })],
  ['an identity that the notice does not tell of', own({ disclosure: digest })],
  ['another manifest', detail((value) => ({ ...value, identifier: digest }))],
  ['other headers', detail((value) => ({ ...value, headersSha256: digest }))],
  ['another recipient', detail((value) => ({ ...value, recipient: parties.owner.identity.recipient }))],
  ['media without init', detail((value) => ({ ...value, items: [[1, 2]] }))],
  ['an item more', detail((value) => ({ ...value, items: [[0, 3]] }))],
  ['an item less', detail((value) => ({ ...value, items: [[0, 1]] }))],
  [
    'items in two spellings',
    detail((value) => ({
      ...value,
      items: [
        [0, 1],
        [2, 2],
      ],
    })),
  ],
  ['items that are not there', detail((value) => ({ ...value, items: [[0, 9]] }))],
  ['another requester', (payload) => ({ ...payload, sub: parties.agency.urn })],
  ['another household', (payload) => ({ ...payload, iss: parties.agency.urn })],
  ['another relay', (payload) => ({ ...payload, aud: ['https://relay2.example', payload.aud[1]] })],
  ['another agency', (payload) => ({ ...payload, aud: [payload.aud[0], 'https://sheriff.example'] })],
  ['no time to undo', (payload) => ({ ...payload, nbf: payload.iat })],
  ['a longer life', (payload) => ({ ...payload, exp: payload.exp + 1 })],
  ['no life', (payload) => ({ ...payload, exp: payload.nbf })],
  [
    'a beginning before the request',
    (payload) => ({ ...payload, iat: payload.iat - 86_400, nbf: payload.nbf - 86_400 }),
  ],
]

describe('a mutated consent', () => {
  test('is what the honest one is not: the honest one is accepted', () => {
    expect(isAccepted(honest.raw)).toBe(true)
  })

  test.each(FORBIDDEN)('that gives %s is refused though an owner signed it', async (_, edit) => {
    const raw = await sign(canonicalJson(header), canonicalJson(edit(honest.payload)), parties.owner.signer)
    expect(isAccepted(raw)).toBe(false)
  })

  test('is never accepted from anyone without an owner’s key', async () => {
    const accepted: string[] = []
    const count = runs(300, 10_000)
    for (let i = 0; i < count; i++) {
      const raw = await mutantOfStranger()
      if (isAccepted(raw)) accepted.push(raw)
    }
    expect(accepted).toEqual([])
    tellSoak({ what: 'mutated consents, offline verifier', count, outcome: '0 accepted' })
  }, 600_000)
})
