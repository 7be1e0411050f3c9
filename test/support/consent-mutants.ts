import {
  areCanonicalRanges,
  canonicalJson,
  type Consent,
  consent,
  concatBytes,
  decodeBase64url,
  digestOf,
  encodeBase64url,
  fromUtf8,
  generateIdentity,
  headersDigest,
  indexesOf,
  noticeDigest,
  randomBytes,
  renderNotice,
  type Signed,
  type Signer,
  utf8,
  wrapHeader,
} from '@latchkey/shared'
import { certificateDigest, type ConsentGround } from './consent-ground.ts'
import { mutatedValue, type MutableJson, pick, type Random, respelledText } from './json-mutants.ts'
import { randomId, randomSalt, type RelayWorld, type UploadedClip } from './relay-world.ts'
import type { Mutable } from './vector-case.ts'

/** A good consent, signed by the owner and submitted to nobody: what mutants are made of. */
export interface GoodConsent {
  readonly signed: Signed<Consent>
  readonly headers: readonly Uint8Array[]
}

/** A consent that nobody may accept. */
export interface Mutant {
  readonly family: string
  readonly raw: string
  readonly headers: readonly Uint8Array[]
  /** Only the relay can tell; the verifier sees it by the log, which does not hold what the relay refused. */
  readonly isRelaysWord: boolean
}

/** What a mutant is made from. */
export interface Stock {
  readonly world: RelayWorld
  readonly ground: ConsentGround
  readonly good: GoodConsent
  /** `jti` of a consent that the relay took. */
  readonly usedId: string
  readonly random: Random
}

type Claims = Mutable<Consent>
type Recipe = (stock: Stock) => Promise<{ raw: string; headers?: readonly Uint8Array[] }>

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

const ownerOf = ({ ground }: Stock): Signer => ground.household.owner.signer

// --- an owner's key, and claims that no owner may make ---------------------------------------------------------------

/** Headers for other items than the good consent's: theirs where it has them, fresh ones else. */
function headersFor(
  { ground, good }: Stock,
  items: Consent['authorization_details'][0]['items'],
): readonly Uint8Array[] {
  if (!areCanonicalRanges(items)) return good.headers
  const had = indexesOf(good.signed.payload.authorization_details[0]!.items)
  const { recipient } = good.signed.payload.authorization_details[0]!
  return indexesOf(items)
    .slice(0, ground.clip.descriptors.length)
    .map((index) => good.headers[had.indexOf(index)] ?? wrapHeader(randomBytes(16), [recipient]))
}

/** The words that fit the claims; the old ones where none do. */
function fittingNotice({ ground }: Stock, claims: Claims, clip: UploadedClip): string {
  const { notice, ...latchkey } = claims.latchkey
  const { items } = claims.authorization_details[0]!
  if (!areCanonicalRanges(items) || indexesOf(items).at(-1)! >= clip.descriptors.length) return notice.sha256
  const other = claims.latchkey.request === ground.other.request.digest
  const asked = other ? ground.other : ground
  return noticeDigest(
    renderNotice(1, 'en', {
      request: asked.request.payload,
      agencyName: asked.investigator.agency.name,
      consent: { ...claims, latchkey },
      items: indexesOf(items).map((index) => clip.descriptors[index]!),
      utcOffsetMinutes: notice.utcOffsetMinutes,
    }),
  )
}

/** Signed by the owner, everything that depends on the change made to fit, so that the change alone is wrong. */
function byOwner(change: (claims: Claims, stock: Stock) => void, options: { keepWords?: boolean } = {}): Recipe {
  return async (stock) => {
    const claims = structuredClone<Claims>(stock.good.signed.payload)
    claims.jti = randomId()
    change(claims, stock)
    const [detail] = claims.authorization_details
    const headers = headersFor(stock, detail!.items)
    detail!.headersSha256 = headersDigest(headers)
    if (!options.keepWords) claims.latchkey.notice.sha256 = fittingNotice(stock, claims, stock.ground.clip)
    return { raw: await consent.encode(claims, ownerOf(stock)), headers }
  }
}

const detailOf = (claims: Claims) => claims.authorization_details[0]!
const atSeconds = (iat: number, stock: Stock, lifeSeconds = 3_600) => {
  const nbf = iat + stock.world.policy.consent.undoSeconds
  return { iat, nbf, exp: nbf + lifeSeconds }
}

const RIGHTS: Readonly<Record<string, Recipe>> = {
  'another request': byOwner((c, { ground }) => (c.latchkey.request = ground.other.request.digest)),
  'a request that nobody made': byOwner((c) => (c.latchkey.request = randomSalt())),
  'another requester': byOwner((c, { ground }) => (c.sub = ground.other.investigator.signer.urn)),
  'another recipient': byOwner((c) => (detailOf(c).recipient = generateIdentity().recipient)),
  'the recovery key as recipient': byOwner(
    (c, { ground }) => (detailOf(c).recipient = ground.household.recovery.recipient),
  ),
  'a superseded keyset': byOwner((c, { ground }) => (c.latchkey.keyset = ground.superseded.digest)),
  'a keyset that nobody knows': byOwner((c) => (c.latchkey.keyset = randomSalt())),
  'another device': byOwner((c, { ground }) => (c.latchkey.deviceCertificate = certificateDigest(ground.otherDevice))),
  "another household's device": byOwner(
    (c, { ground }) => (c.latchkey.deviceCertificate = certificateDigest(ground.other.device)),
  ),
  'a device that nobody knows': byOwner((c) => (c.latchkey.deviceCertificate = randomSalt())),
  "another device's clip": byOwner((c, { ground }) => (detailOf(c).identifier = ground.otherClip.manifest.digest)),
  "another household's clip": byOwner((c, { ground }) => (detailOf(c).identifier = ground.other.clip.manifest.digest)),
  'a manifest that nobody knows': byOwner((c) => (detailOf(c).identifier = randomSalt())),
  'another clip under the words of the first': byOwner(
    (c, { ground }) => (detailOf(c).identifier = ground.laterClip.manifest.digest),
    { keepWords: true },
  ),
  'another household': byOwner((c, { ground }) => (c.iss = ground.other.household.root.urn)),
  'another relay': byOwner(
    (c, { random }) => (c.aud[0] = pick(random, ['https://relay2.example', 'http://127.0.0.1:1'])),
  ),
  'another agency': byOwner((c, { ground }) => (c.aud[1] = ground.other.investigator.agency.uri)),
  'a purpose off the list': byOwner(
    (c, { random }) => (c.latchkey.purpose = pick(random, ['marketing', 'Case-investigation', 'training'])),
  ),
  'longer keeping': byOwner(
    (c, { ground, random }) =>
      (c.latchkey.retentionDays = ground.request.payload.latchkey.retentionDays + 1 + random(500)),
  ),
  'more downloads': byOwner(
    (c, { world, random }) => (c.latchkey.maxDownloads = world.policy.consent.maxDownloads + 1 + random(90)),
  ),
}

const TIMES: Readonly<Record<string, Recipe>> = {
  expired: byOwner((c, s) => Object.assign(c, atSeconds(c.iat - 3 * 3_600 - s.random(3_600), s, 1 + s.random(1_800)))),
  early: byOwner((c, s) => Object.assign(c, atSeconds(c.iat + 3_600 + s.random(86_400), s))),
  'no time to undo': byOwner((c, { world, random }) => {
    const { undoSeconds, toleranceSeconds } = world.policy.consent
    c.nbf = c.iat + random(undoSeconds - toleranceSeconds)
  }),
  'the end before the beginning': byOwner((c, { random }) => (c.exp = c.nbf - random(2) * random(1_000))),
  'a longer life': byOwner(
    (c, { world, random }) => (c.exp = c.nbf + world.policy.consent.lifeSeconds + 1 + random(10_000)),
  ),
  "the end after the request's": byOwner(
    (c, { ground, random }) => (c.exp = ground.request.payload.exp + 1 + random(10_000)),
  ),
  'signed before the request': byOwner(
    (c, { ground, random }) => (c.iat = ground.request.payload.iat - 61 - random(10_000)),
  ),
}

/** What the relay alone can judge: a bundle shows neither when a consent came nor what came before. */
const MOMENTS: Readonly<Record<string, Recipe>> = {
  'too late to be undone': byOwner((c, s) => Object.assign(c, atSeconds(c.iat - 61 - s.random(7_200), s, 86_400))),
  'an id that was used': byOwner((c, { usedId }) => (c.jti = usedId)),
}

type Ranges = Claims['authorization_details'][0]['items']
const naming = (rangesOf: (last: number, random: Random) => Ranges): Recipe =>
  byOwner((c, { ground, random }) => (detailOf(c).items = rangesOf(ground.clip.descriptors.length - 1, random)))

const ITEMS: Readonly<Record<string, Recipe>> = {
  'ranges that overlap': naming(() => [[0, 4], [4, 5]]), // prettier-ignore
  'ranges that should be one': naming(() => [[0, 3], [4, 5]]), // prettier-ignore
  'ranges in another order': naming(() => [[5, 6], [0, 3]]), // prettier-ignore
  'a range backwards': naming((_, random) => [[5, random(5)]]),
  'items that are not there': naming((last, random) => [[0, last + 1 + random(4_000)]]),
  'media without init': naming((_, random) => [[4, 4 + random(3)]]),
  'media outside the window': naming((_, random) => [[0, 1 + random(6)]]),
  'the poster outside the window': naming((last) => [[0, 0], [4, 5], [last, last]]), // prettier-ignore
}

const SEEN: Readonly<Record<string, Recipe>> = {
  'another log seen': byOwner(
    (c) => (c.latchkey.seen = { origin: 'relay2.example/log', size: 1, sha256: randomSalt() }),
  ),
  'a larger log seen': byOwner((c, { world, random }) => {
    const origin = `${new URL(world.relay.publicOrigin).host}/log`
    c.latchkey.seen = { origin, size: 1e6 + random(1e6), sha256: randomSalt() }
  }),
}

const WORDS: Readonly<Record<string, Recipe>> = {
  'other words': byOwner((c) => (c.latchkey.notice.sha256 = randomSalt()), { keepWords: true }),
  'words never released': byOwner((c, { random }) => (c.latchkey.notice.version = 2 + random(998)), {
    keepWords: true,
  }),
  'another language': byOwner((c, { random }) => (c.latchkey.notice.language = pick(random, ['de', 'nl', 'en-GB'])), {
    keepWords: true,
  }),
  'another time zone': byOwner((c, { random }) => (c.latchkey.notice.utcOffsetMinutes += 1 + random(120)), {
    keepWords: true,
  }),
  'an identity that the words do not tell of': byOwner((c) => (c.latchkey.disclosure = randomSalt()), {
    keepWords: true,
  }),
  'another end than the words tell': byOwner((c, { random }) => (c.exp -= 1 + random(1_000)), { keepWords: true }),
}

// --- headers ---------------------------------------------------------------------------------------------------------

type Headers = readonly Uint8Array[]

/** The token as it is, with other headers. */
const withHeaders =
  (change: (headers: Headers, stock: Stock) => Headers): Recipe =>
  async (stock) => ({ raw: stock.good.signed.raw, headers: change(stock.good.headers, stock) })

/** Other headers, and an owner who signs them. */
const signedHeaders =
  (change: (headers: Headers, stock: Stock) => Headers): Recipe =>
  async (stock) => {
    const headers = change(stock.good.headers, stock)
    const claims = structuredClone<Claims>(stock.good.signed.payload)
    claims.jti = randomId()
    detailOf(claims).headersSha256 = headersDigest(headers)
    claims.latchkey.notice.sha256 = fittingNotice(stock, claims, stock.ground.clip)
    return { raw: await consent.encode(claims, ownerOf(stock)), headers }
  }

const replaced = (headers: Headers, { random }: Stock, by: (header: Uint8Array) => Uint8Array): Headers => {
  const at = random(headers.length)
  return headers.map((header, i) => (i === at ? by(header) : header))
}

const HEADERS: Readonly<Record<string, Recipe>> = {
  'headers in another order': withHeaders(([first, ...rest]) => [...rest, first!]),
  'a header too few': withHeaders((headers) => headers.slice(0, -1)),
  'one header twice': withHeaders((headers) => headers.map(() => headers[0]!)),
  'a header for another recipient': withHeaders((headers, stock) =>
    replaced(headers, stock, () => wrapHeader(randomBytes(16), [generateIdentity().recipient])),
  ),
  'a flipped header': withHeaders((headers, stock) =>
    replaced(headers, stock, (header) => header.with(stock.random(header.length), stock.random(256) ^ 0x80)),
  ),
  'a header of two stanzas': signedHeaders((headers, stock) =>
    replaced(headers, stock, () => {
      const { recipient } = stock.ground.investigator.identity
      return wrapHeader(randomBytes(16), [recipient, generateIdentity().recipient])
    }),
  ),
  'a header with a tail': signedHeaders((headers, stock) =>
    replaced(headers, stock, (header) => concatBytes(header, randomBytes(1 + stock.random(64)))),
  ),
  'a header cut short': signedHeaders((headers, stock) =>
    replaced(headers, stock, (header) => header.slice(0, stock.random(header.length))),
  ),
  'a header of another kind': signedHeaders((headers, stock) =>
    replaced(headers, stock, (header) =>
      utf8(fromUtf8(header.slice(0, 40)).replace('X25519', 'X25518') + fromUtf8(header.slice(40))),
    ),
  ),
}

// --- no owner's key --------------------------------------------------------------------------------------------------

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

const KEYS: Readonly<Record<string, Recipe>> = {
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
    return { raw: await signText(canonicalJson({ ...headerJson, kid }), decode(payload), ownerOf(stock)) }
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

// --- form, whoever signs ---------------------------------------------------------------------------------------------

/** Signed by the owner or under the old signature: the form is wrong either way. */
const formed =
  (change: (parts: ReturnType<typeof partsOf>, stock: Stock) => { header?: string; payload?: string }): Recipe =>
  async (stock) => {
    const parts = partsOf(stock.good)
    const { header = decode(parts.header), payload = decode(parts.payload) } = change(parts, stock)
    if (stock.random(3) === 0) return { raw: `${encode(header)}.${encode(payload)}.${parts.signature}` }
    return { raw: await signText(header, payload, ownerOf(stock)) }
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

const FORM: Readonly<Record<string, Recipe>> = {
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

const ENCODING: Readonly<Record<string, Recipe>> = {
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

/** Every way in which a consent is wrong. */
export const MUTANT_FAMILIES: readonly (readonly [family: string, recipe: Recipe])[] = [
  RIGHTS,
  TIMES,
  MOMENTS,
  SEEN,
  ITEMS,
  WORDS,
  HEADERS,
  KEYS,
  FORM,
  ENCODING,
].flatMap((group) => Object.entries(group))

/** One mutant of the family with this number, whatever the number. */
export async function createMutant(stock: Stock, number: number): Promise<Mutant> {
  const [family, recipe] = MUTANT_FAMILIES[number % MUTANT_FAMILIES.length]!
  const { raw, headers = stock.good.headers } = await recipe(stock)
  return { family, raw, headers, isRelaysWord: family in MOMENTS }
}
