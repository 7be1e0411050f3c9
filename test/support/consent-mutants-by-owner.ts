import {
  areCanonicalRanges,
  type Consent,
  concatBytes,
  consent,
  fromUtf8,
  generateIdentity,
  headersDigest,
  indexesOf,
  noticeDigest,
  randomBytes,
  renderNotice,
  type Signer,
  utf8,
  wrapHeader,
} from '@latchkey/shared'
import { certificateDigest } from './consent-ground.ts'
import type { Claims, Recipe, Recipes, Stock } from './consent-stock.ts'
import { pick, type Random } from './json-mutants.ts'
import { randomId, randomSalt, type UploadedClip } from './relay-world.ts'

const ownerOf = ({ ground }: Stock): Signer => ground.household.owner.signer

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

const RIGHTS: Recipes = {
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

const TIMES: Recipes = {
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
export const MOMENTS: Recipes = {
  'too late to be undone': byOwner((c, s) => Object.assign(c, atSeconds(c.iat - 61 - s.random(7_200), s, 86_400))),
  'an id that was used': byOwner((c, { usedId }) => (c.jti = usedId)),
}

type Ranges = Claims['authorization_details'][0]['items']
const naming = (rangesOf: (last: number, random: Random) => Ranges): Recipe =>
  byOwner((c, { ground, random }) => (detailOf(c).items = rangesOf(ground.clip.descriptors.length - 1, random)))

const ITEMS: Recipes = {
  'ranges that overlap': naming(() => [[0, 4], [4, 5]]), // prettier-ignore
  'ranges that should be one': naming(() => [[0, 3], [4, 5]]), // prettier-ignore
  'ranges in another order': naming(() => [[5, 6], [0, 3]]), // prettier-ignore
  'a range backwards': naming((_, random) => [[5, random(5)]]),
  'items that are not there': naming((last, random) => [[0, last + 1 + random(4_000)]]),
  'media without init': naming((_, random) => [[4, 4 + random(3)]]),
  'media outside the window': naming((_, random) => [[0, 1 + random(6)]]),
  'the poster outside the window': naming((last) => [[0, 0], [4, 5], [last, last]]), // prettier-ignore
}

const SEEN: Recipes = {
  'another log seen': byOwner(
    (c) => (c.latchkey.seen = { origin: 'relay2.example/log', size: 1, sha256: randomSalt() }),
  ),
  'a larger log seen': byOwner((c, { world, random }) => {
    const origin = `${new URL(world.relay.publicOrigin).host}/log`
    c.latchkey.seen = { origin, size: 1e6 + random(1e6), sha256: randomSalt() }
  }),
}

const WORDS: Recipes = {
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

const HEADERS: Recipes = {
  'headers in another order': withHeaders(([first, ...rest]) => [...rest, first!]),
  'a header too few': withHeaders((headers) => headers.slice(0, -1)),
  'one header twice': withHeaders((headers) => headers.map(() => headers[0]!)),
  'a header for another recipient': withHeaders((headers, stock) =>
    replaced(headers, stock, () => wrapHeader(randomBytes(16), [generateIdentity().recipient])),
  ),
  'a flipped header': withHeaders((headers, stock) =>
    replaced(headers, stock, (header) => {
      const at = stock.random(header.length)
      return header.with(at, header[at]! ^ (1 + stock.random(255)))
    }),
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

/** What no owner may give, whatever they sign. */
export const BY_OWNER: readonly Recipes[] = [RIGHTS, TIMES, MOMENTS, ITEMS, SEEN, WORDS, HEADERS]
