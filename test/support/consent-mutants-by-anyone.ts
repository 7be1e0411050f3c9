import {
  canonicalJson,
  concatBytes,
  consent,
  decodeBase64url,
  digestOf,
  encodeBase64url,
  fromUtf8,
  type Signer,
  utf8,
} from '@latchkey/shared'
import type { Claims, GoodConsent, Recipe, Recipes, Stock } from './consent-stock.ts'
import { mutatedValue, type MutableJson, pick, type Random, respelledText } from './json-mutants.ts'
import { randomId } from './relay-world.ts'

const encode = (text: string): string => encodeBase64url(utf8(text))
const decode = (part: string): string => fromUtf8(decodeBase64url(part))

function partsOf({ signed }: GoodConsent) {
  const [header, payload, signature] = signed.raw.split('.') as [string, string, string]
  const json = (part: string) => JSON.parse(decode(part)) as { [name: string]: MutableJson }
  return { header, payload, signature, headerJson: json(header), payloadJson: json(payload) }
}

async function signText(header: string, payload: string, signer: Signer): Promise<string> {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${encodeBase64url(await signer.sign(utf8(input)))}`
}

function strangers({ ground }: Stock): readonly Signer[] {
  const { household, device, investigator, former, viewer, other, stranger } = ground
  return [
    stranger,
    household.root,
    device.signer,
    investigator.signer,
    investigator.agency.signer,
    former.signer,
    viewer.signer,
    other.household.owner.signer,
  ]
}

/** Encodings of points of small order: with S = 0 the first verifies every message where keys are not checked. */
const SMALL_ORDER = [
  `01${'00'.repeat(31)}`,
  '00'.repeat(32),
  `ec${'ff'.repeat(30)}7f`,
  `${'00'.repeat(31)}80`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map((hex) => new Uint8Array(Buffer.from(hex, 'hex')))

const smallOrderJwk = (random: Random) => ({
  crv: 'Ed25519',
  kty: 'OKP',
  x: encodeBase64url(pick(random, SMALL_ORDER)),
})
const smallOrderSignature = (random: Random) =>
  encodeBase64url(concatBytes(pick(random, SMALL_ORDER), new Uint8Array(32)))

/** S + L, which verifiers that do not compare S with L take for S. */
function malleated(signature: Uint8Array): Uint8Array {
  const L = 2n ** 252n + 27742317777372353535851937790883648493n
  const s = BigInt(`0x${Buffer.from(signature.slice(32)).reverse().toString('hex')}`) + L
  const bytes = Buffer.from(s.toString(16).padStart(64, '0').slice(-64), 'hex').reverse()
  return concatBytes(signature.slice(0, 32), bytes)
}

const KEYS: Recipes = {
  'claims changed under the old signature': async ({ good, random }) => {
    const { header, payloadJson, signature } = partsOf(good)
    return { raw: `${header}.${encode(canonicalJson(mutatedValue(payloadJson, random)))}.${signature}` }
  },
  "another key under the owner's name": async (stock) => {
    const { headerJson, payloadJson } = partsOf(stock.good)
    return {
      raw: await signText(canonicalJson(headerJson), canonicalJson(payloadJson), pick(stock.random, strangers(stock))),
    }
  },
  'another key under its own name': async (stock) => {
    const signer = pick(stock.random, strangers(stock))
    return { raw: await consent.encode({ ...stock.good.signed.payload, jti: randomId() }, signer) }
  },
  "the owner's key under another name": async (stock) => {
    const { headerJson, payload } = partsOf(stock.good)
    const kid = pick(stock.random, strangers(stock)).thumbprint
    return {
      raw: await signText(canonicalJson({ ...headerJson, kid }), decode(payload), stock.ground.household.owner.signer),
    }
  },
  'a removed owner under the keyset of then': async ({ good, ground }) => {
    const claims = structuredClone<Claims>(good.signed.payload)
    claims.latchkey.keyset = ground.superseded.digest
    return { raw: await consent.encode(claims, ground.former.signer) }
  },
  'a signature of small order': async ({ good, random }) => {
    const { header, payload } = partsOf(good)
    return { raw: `${header}.${payload}.${smallOrderSignature(random)}` }
  },
  'a key of small order': async ({ good, random }) => {
    const { headerJson, payload } = partsOf(good)
    const kid = digestOf(utf8(canonicalJson(smallOrderJwk(random))))
    return { raw: `${encode(canonicalJson({ ...headerJson, kid }))}.${payload}.${smallOrderSignature(random)}` }
  },
  'a key of small order in the header': async ({ good, random }) => {
    const { headerJson, payload } = partsOf(good)
    const header = canonicalJson({ ...headerJson, jwk: smallOrderJwk(random) })
    return { raw: `${encode(header)}.${payload}.${smallOrderSignature(random)}` }
  },
  'a flipped signature': async ({ good, random }) => {
    const { header, payload, signature } = partsOf(good)
    const bytes = decodeBase64url(signature).slice()
    bytes[random(64)]! ^= 1 << random(8)
    return { raw: `${header}.${payload}.${encodeBase64url(bytes)}` }
  },
  'a signature with S above L': async ({ good }) => {
    const { header, payload, signature } = partsOf(good)
    return { raw: `${header}.${payload}.${encodeBase64url(malleated(decodeBase64url(signature)))}` }
  },
}

/** Signed by the owner or under the old signature: the form is wrong either way. */
const formed =
  (change: (parts: ReturnType<typeof partsOf>, stock: Stock) => { header?: string; payload?: string }): Recipe =>
  async (stock) => {
    const parts = partsOf(stock.good)
    const { header = decode(parts.header), payload = decode(parts.payload) } = change(parts, stock)
    if (stock.random(3) === 0) return { raw: `${encode(header)}.${encode(payload)}.${parts.signature}` }
    return { raw: await signText(header, payload, stock.ground.household.owner.signer) }
  }

const headerWith = (members: (stock: Stock) => { [name: string]: unknown }): Recipe =>
  formed(({ headerJson }, stock) => ({ header: canonicalJson({ ...headerJson, ...members(stock) }) }))

const without = (value: { [name: string]: MutableJson }, name: string) =>
  canonicalJson(Object.fromEntries(Object.entries(value).filter(([key]) => key !== name)))

const textWith = (text: string): Recipe =>
  formed(({ payloadJson }) => {
    const latchkey = payloadJson['latchkey'] as { [name: string]: MutableJson }
    return {
      payload: canonicalJson({ ...payloadJson, latchkey: { ...latchkey, purpose: `case${text}investigation` } }),
    }
  })

const TYPES = [
  'latchkey-approval+jwt',
  'latchkey-revoke+jwt',
  'latchkey-keyset+jwt',
  'latchkey-clip+jwt',
  'JWT',
  'Latchkey-consent+jwt',
  '',
]
const ALGORITHMS = ['none', 'EdDSA', 'HS256', 'ES256', 'ed25519', 'Ed448', '', null, 7]

const FORM: Recipes = {
  'another typ': headerWith(({ random }) => ({ typ: pick(random, TYPES) })),
  'another alg': headerWith(({ random }) => ({ alg: pick(random, ALGORITHMS) })),
  'a kid that is none': headerWith(({ random }) => ({
    kid: pick<unknown>(random, ['', 'me', null, 1, 'A'.repeat(44)]),
  })),
  'more in the header': headerWith(({ random }) =>
    pick<{ [name: string]: unknown }>(random, [
      { crit: ['x'], x: 1 },
      { b64: false },
      { jku: 'https://x.example' },
      { cty: 'JWT' },
      { zip: 'DEF' },
    ]),
  ),
  'less in the header': formed(({ headerJson }, { random }) => ({
    header: without(headerJson, pick(random, Object.keys(headerJson))),
  })),
  'the header spelled otherwise': formed(({ headerJson }, { random }) => ({
    header: respelledText(headerJson, random),
  })),
  'the claims spelled otherwise': formed(({ payloadJson }, { random }) => ({
    payload: respelledText(payloadJson, random),
  })),
  'a claim dropped': formed(({ payloadJson }, { random }) => ({
    payload: without(payloadJson, pick(random, Object.keys(payloadJson))),
  })),
  'a claim dropped inside': formed(({ payloadJson }, { random }) => {
    const latchkey = payloadJson['latchkey'] as { [name: string]: MutableJson }
    const rest = JSON.parse(without(latchkey, pick(random, Object.keys(latchkey)))) as MutableJson
    return { payload: canonicalJson({ ...payloadJson, latchkey: rest }) }
  }),
  'a claim more': formed(({ payloadJson }, { random }) => ({
    payload: canonicalJson({ ...payloadJson, [pick(random, ['crit', 'scope', 'azp', 'V'])]: 1 }),
  })),
  'another version': formed(({ payloadJson }, { random }) => {
    const latchkey = payloadJson['latchkey'] as { [name: string]: MutableJson }
    return {
      payload: canonicalJson({
        ...payloadJson,
        latchkey: { ...latchkey, v: pick<MutableJson>(random, [0, 2, '1', 1.5]) },
      }),
    }
  }),
  'a zero-width character': textWith('\u200b'),
  'a right-to-left override': textWith('\u202e'),
  'text that is not NFC': textWith('e\u0301'),
  'a line break': textWith('\n'),
  'another signed object': async ({ ground, random }) => ({
    raw: pick(random, [
      ground.household.keyset.raw,
      ground.clip.manifest.raw,
      ground.request.raw,
      ground.device.certificate,
    ]),
  }),
}

const respelled =
  (change: (parts: string[], random: Random) => string): Recipe =>
  async ({ good, random }) => ({ raw: change(good.signed.raw.split('.'), random) })

/** The last character of a group that does not fill a byte, with a bit set that means nothing. */
function withSpareBits(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(part.at(-1)!)
  return part.slice(0, -1) + alphabet[part.length % 4 === 0 ? (last + 1) % 64 : last ^ 1]!
}

const ENCODING: Recipes = {
  padding: respelled((parts, random) => {
    const at = random(3)
    return parts.map((part, i) => (i === at ? `${part}${'='.repeat(1 + random(2))}` : part)).join('.')
  }),
  'the alphabet of base64': respelled(
    ([header, payload, signature], random) => `${header}.${payload}.${pick(random, ['+', '/'])}${signature!.slice(1)}`,
  ),
  'spare bits': respelled(([header, payload, signature]) => `${header}.${payload}.${withSpareBits(signature!)}`),
  'white space': respelled((parts, random) => {
    const at = random(3)
    const space = pick(random, [' ', '\n', '\t', '\r\n'])
    return parts.map((part, i) => (i === at ? `${part}${space}` : part)).join('.')
  }),
  'too many parts': respelled((parts, random) => [...parts, pick(random, ['', 'AAAA', parts[2]!])].join('.')),
  'too few parts': respelled((parts, random) =>
    parts
      .filter((_, i) => i !== random(2))
      .slice(0, 2)
      .join('.'),
  ),
  'an empty part': respelled((parts, random) => {
    const at = random(3)
    return parts.map((part, i) => (i === at ? '' : part)).join('.')
  }),
  'a cut': respelled((parts, random) => parts.join('.').slice(0, random(parts.join('.').length))),
  'more bytes than a token has': respelled(
    ([header, payload, signature]) => `${header}.${payload}${'A'.repeat(16_384)}.${signature}`,
  ),
}

/** What nobody can make good: other keys, other forms, other encodings. */
export const BY_ANYONE: readonly Recipes[] = [KEYS, FORM, ENCODING]
