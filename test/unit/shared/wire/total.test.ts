/** Every parser of outside bytes gives a typed value or an error of ours, whatever comes. */
import {
  ack,
  acknowledged,
  approval,
  bundleItems,
  bundleLeaves,
  canonicalJson,
  clipManifest,
  clipRequest,
  codeOf,
  consent,
  dayRecord,
  decodeBase64url,
  deviceCertificate,
  deviceEvent,
  encodeBase64url,
  ERROR_CODES,
  errorOfProblem,
  fromHex,
  fromUtf8,
  health,
  hello,
  identityOf,
  indexesOf,
  investigatorCertificate,
  joining,
  keyset,
  LatchkeyError,
  mqttCredential,
  mqttHello,
  openFile,
  openPayload,
  parseCanonicalJson,
  parseDeviceTopic,
  parseDpop,
  parseHeader,
  parseIdentity,
  parseMqtt,
  parseJoinUrl,
  parsePairingUrl,
  parseRecipient,
  parseWith,
  policy,
  rawKeyOf,
  received,
  release,
  revocation,
  stored,
  thumbprintOfUrn,
  trust,
  utf8,
  verifyEd25519,
} from '@latchkey/shared'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { signerOf } from '../../../support/vector-case.ts'
import vectors from '../../../vectors/formats.json' with { type: 'json' }

const runs = { seed: 20_261_122, numRuns: 300 }
const MESSAGES = [
  ack,
  approval,
  clipManifest,
  clipRequest,
  consent,
  dayRecord,
  deviceCertificate,
  hello,
  investigatorCertificate,
  joining,
  keyset,
  mqttCredential,
  received,
  release,
  revocation,
  stored,
]
const VALIDATORS = { acknowledged, bundleItems, bundleLeaves, deviceEvent, health, mqttHello, policy, trust }

/** Runs it; anything thrown must be ours. @returns whether it gave a value */
function isTotal(run: () => unknown): boolean {
  try {
    run()
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(LatchkeyError)
    expect(codeOf(error)).not.toBe('INTERNAL')
    return false
  }
}

const identity = identityOf(new Uint8Array(32).fill(7))

describe('any text', () => {
  /** Texts that are nearly right get further than noise. */
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'binary', maxLength: 8_000 }),
    fc.base64String(),
    fc.constantFrom(...vectors.objects.map(({ raw }) => raw)),
    fc
      .tuple(fc.constantFrom(...vectors.objects.map(({ raw }) => raw)), fc.nat(), fc.string({ maxLength: 3 }))
      .map(([raw, at, put]) => raw.slice(0, at % raw.length) + put + raw.slice((at % raw.length) + put.length)),
    fc.webUrl({ withFragments: true }),
  )

  test('is parsed or refused by every text parser', () => {
    fc.assert(
      fc.property(texts, (text) => {
        for (const message of MESSAGES) isTotal(() => message.parse(text))
        isTotal(() => parseDpop(text))
        isTotal(() => decodeBase64url(text))
        isTotal(() => fromHex(text))
        isTotal(() => parseRecipient(text))
        isTotal(() => parseIdentity(text))
        isTotal(() => parsePairingUrl(text))
        isTotal(() => parseJoinUrl(text))
        isTotal(() => thumbprintOfUrn(text))
        isTotal(() => rawKeyOf({ kty: 'OKP', crv: 'Ed25519', x: text }))
        expect(isTotal(() => parseDeviceTopic(text))).toBe(true)
      }),
      runs,
    )
  })
})

describe('any bytes', () => {
  const file = utf8('age-encryption.org/v1\n-> X25519 ')
  const files = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc.uint8Array({ maxLength: 600 }).map((tail) => Uint8Array.from([...file, ...tail])),
    fc.tuple(fc.constantFrom(...vectors.items), fc.nat(), fc.nat(255)).map(([item, at, byte]) => {
      const bytes = Uint8Array.from([
        ...decodeBase64url(item.header),
        ...decodeBase64url(item.payload).subarray(0, 400),
      ])
      bytes[at % bytes.length] = byte
      return bytes
    }),
  )

  test('are parsed or refused by every byte parser', () => {
    fc.assert(
      fc.property(files, (bytes) => {
        isTotal(() => parseHeader(bytes))
        isTotal(() => openFile(bytes, identity))
        isTotal(() => openPayload(new Uint8Array(16), bytes))
        isTotal(() => parseCanonicalJson(bytes))
        isTotal(() => fromUtf8(bytes))
        for (const validator of Object.values(VALIDATORS))
          isTotal(() => parseMqtt<unknown>(validator, bytes, 'message'))
        expect(isTotal(() => verifyEd25519(bytes, bytes, bytes))).toBe(true)
      }),
      runs,
    )
  })
})

describe('any JSON', () => {
  test('is a message, a policy, a problem, or refused', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const [name, validator] of Object.entries(VALIDATORS))
          isTotal(() => parseWith<unknown>(validator, value, name))
        expect(Object.keys(ERROR_CODES)).toContain(codeOf(errorOfProblem(value, 500)))
        isTotal(() => canonicalJson(value))
      }),
      runs,
    )
  })

  test('in the place of any member of a signed object is parsed or refused', () => {
    const signer = signerOf('member')
    const place = fc.tuple(fc.nat(), fc.nat(), fc.jsonValue())
    fc.assert(
      fc.property(fc.constantFrom(...vectors.objects), place, (object, [first, second, value]) => {
        const [head, body] = object.raw.split('.').map((part) => decodeBase64url(part))
        const payload = JSON.parse(fromUtf8(body!)) as Record<string, unknown>
        replaceIn(payload, [first, second], value)
        const input = `${encodeBase64url(head!)}.${encodeBase64url(utf8(canonicalJson(payload)))}`
        const raw = `${input}.${encodeBase64url(signer.sign(utf8(input)) as Uint8Array)}`
        for (const message of MESSAGES) isTotal(() => message.parse(raw))
      }),
      runs,
    )
  })

  test('of integers is a list of ranges or refused', () => {
    const pairs = fc.array(fc.tuple(fc.integer(), fc.integer()), { maxLength: 5 })
    fc.assert(
      fc.property(pairs, (ranges) => {
        isTotal(() => indexesOf(ranges))
      }),
      runs,
    )
  })
})

/** Replaces one member of an object, or of the object inside it. */
function replaceIn(target: Record<string, unknown>, [first, second]: [number, number], value: unknown): void {
  const names = Object.keys(target)
  const name = names[first % names.length]!
  const inner = target[name]
  if (typeof inner === 'object' && inner !== null && !Array.isArray(inner) && second % 4 !== 0) {
    const members = Object.keys(inner)
    ;(inner as Record<string, unknown>)[members[second % members.length]!] = value
  } else target[name] = value
}
