import { canonicalJson } from '@latchkey/shared'
import fc from 'fast-check'
import type { ROUTES } from '../../relay/src/http/routes.ts'
import { createSeededRandom } from './counts.ts'
import { mutatedValue, type MutableJson, pick, type Random, respelledText } from './json-mutants.ts'

type Route = (typeof ROUTES)[number]

/** Stands in everything that a case sends; no answer may hold it. */
export const CANARY = 'canary-7f3a91'

/** How a case proves who calls. */
export const PROOFS = ['good', 'none', 'garbage', 'elsewhere', 'other body', 'old nonce', 'cut'] as const
export type ProofKind = (typeof PROOFS)[number]

/** One bad request, or a good one in the wrong place. */
export interface HttpCase {
  readonly route: Route
  readonly method: string
  readonly path: string
  readonly role: string
  readonly proof: ProofKind
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | null
  /** `false`: missing or of another body. */
  readonly hasDigest: boolean
}

/** What exists, so that cases reach behind the first check. */
export interface KnownThings {
  readonly roles: readonly string[]
  /** Real values of path parameters, by name. */
  readonly params: Readonly<Record<string, readonly string[]>>
  /** A body that its route takes, by `METHOD url`. */
  readonly bodies: ReadonlyMap<string, MutableJson>
}

const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'))
const DEPTH = 30_000
/** Above the limit of most routes; bodies above the others' limits are rare, they cost time. */
const OVERSIZE_BYTES = 66_000
const HUGE_BYTES = 8 * 1024 * 1024 + 1

const nasty = fc.constantFrom(
  '',
  CANARY,
  '\0',
  '..',
  '../../etc/passwd',
  '%2e%2e%2f',
  "' OR 1=1 --",
  '\u202e',
  '\ud83d\ude00',
  'A'.repeat(300),
  '9'.repeat(40),
  '-1',
  '1e3',
  '0x10',
  '__proto__',
  'constructor',
)
const text = fc.oneof(nasty, fc.string({ maxLength: 60 }), fc.base64String({ maxLength: 64 }))
const id16 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url'))
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('base64url'))

const pathPart = fc.oneof(
  text.map((value) => encodeURIComponent(value.toWellFormed())),
  fc.stringMatching(/^[!$&'()*+,;=:@%A-Za-z0-9._~-]{1,40}$/),
)

function pathOf(route: Route, known: KnownThings): fc.Arbitrary<string> {
  const parts = route.url.split('/').map((part): fc.Arbitrary<string> => {
    if (part !== '*' && !part.startsWith(':')) return fc.constant(part)
    const real = route.method === 'DELETE' ? [] : (known.params[part.replace(':', '')] ?? [])
    const shaped = fc.oneof(id16, digest, fc.constantFrom('0', '4095', '4096', '9q8yy', '0/000.p/1', '0/x000/067'))
    return fc.oneof(...(real.length > 0 ? [{ weight: 3, arbitrary: fc.constantFrom(...real) }] : []), shaped, pathPart)
  })
  return fc.tuple(...parts).map((values) => values.join('/'))
}

const query = fc.oneof(
  { weight: 4, arbitrary: fc.constant('') },
  fc.constantFrom(
    '?after=0',
    '?after=-1',
    '?after=1&after=2',
    '?after=',
    '?%',
    '?after[]=1',
    `?${CANARY}=1`,
    '?__proto__[x]=1',
  ),
  text.map((value) => `?after=${encodeURIComponent(value.toWellFormed())}`),
)

const strangeJson: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.jsonValue({ maxDepth: 6 }).map((value) => utf8(JSON.stringify(value))),
  fc
    .constantFrom('['.repeat(DEPTH) + ']'.repeat(DEPTH), '{"a":'.repeat(DEPTH / 3) + '1' + '}'.repeat(DEPTH / 3))
    .map(utf8),
  fc
    .constantFrom('', ' ', 'null', '1e400', '"\\ud800"', '{"__proto__":{"a":1}}', '[1,]', `"${CANARY}`, '\uFEFF{}')
    .map(utf8),
  fc.uint8Array({ maxLength: 2_000 }),
)

/** The body with the claims of one of its tokens changed, under the old signature. */
function withMutatedToken(good: MutableJson, random: Random): MutableJson {
  const members = Object.entries(good as { [name: string]: MutableJson })
  const tokens = members.filter(([, value]) => typeof value === 'string' && value.split('.').length === 3)
  if (tokens.length === 0) return mutatedValue(good, random)
  const [name, token] = pick(random, tokens)
  const [header, payload, signature] = (token as string).split('.')
  const claims = JSON.parse(Buffer.from(payload!, 'base64url').toString('utf8')) as MutableJson
  const changed = Buffer.from(canonicalJson(mutatedValue(claims, random))).toString('base64url')
  return { ...(good as object), [name]: `${header}.${changed}.${signature}` }
}

/** A body made from one that the route takes. */
function damaged(good: MutableJson): fc.Arbitrary<Uint8Array> {
  const whole = utf8(JSON.stringify(good))
  const seeded = fc.nat().map((seed) => createSeededRandom(seed))
  return fc.oneof(
    fc.constant(whole),
    fc.nat({ max: whole.length }).map((length) => whole.slice(0, length)),
    { weight: 4, arbitrary: seeded.map((random) => utf8(JSON.stringify(mutatedValue(good, random)))) },
    { weight: 4, arbitrary: seeded.map((random) => utf8(JSON.stringify(withMutatedToken(good, random)))) },
    seeded.map((random) => utf8(respelledText(good, random))),
    fc.constant(utf8(JSON.stringify({ ...(good as object), [CANARY]: CANARY }))),
  )
}

function bodyOf(route: Route, known: KnownThings): fc.Arbitrary<Uint8Array | null> {
  const good = known.bodies.get(`${route.method} ${route.url}`)
  return fc.oneof(
    { weight: 30, arbitrary: fc.constant(null) },
    { weight: good === undefined ? 0 : 90, arbitrary: damaged(good ?? {}) },
    { weight: 60, arbitrary: strangeJson },
    { weight: 20, arbitrary: fc.nat({ max: 3_000 }).map((size) => new Uint8Array(OVERSIZE_BYTES + size).fill(0x20)) },
    { weight: 1, arbitrary: fc.constant(new Uint8Array(HUGE_BYTES).fill(0x5b)) },
  )
}

const headerText = fc.stringMatching(/^[ -~]{0,60}$/)
const extraHeaders = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  headerText.map((value) => ({ range: value })),
  fc
    .constantFrom('bytes=0-', 'bytes=5-2', 'bytes=-0', 'bytes=-1', 'bytes=99999999-', 'bytes=0-1,2-3')
    .map((range) => ({ range })),
  headerText.map((value) => ({ 'if-none-match': value })),
  fc.oneof(digest, headerText).map((value) => ({ 'latchkey-payload-digest': value })),
  headerText.map((value) => ({ origin: value, [`x-${CANARY}`]: CANARY })),
  fc.constant({ expect: '100-continue' }),
  headerText.map((value) => ({ 'accept-encoding': value, accept: CANARY, 'content-encoding': 'gzip' })),
)

function contentType(route: Route): fc.Arbitrary<string> {
  const right = route.bodyType === 'bytes' ? 'application/octet-stream' : 'application/json'
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant(right) },
    fc.constantFrom('', 'text/plain', 'application/json; charset=utf-16', 'multipart/form-data', `${CANARY}/x`, '\t'),
    headerText,
  )
}

function caseOf(route: Route, known: KnownThings): fc.Arbitrary<HttpCase> {
  return fc
    .record({
      method: fc.oneof(
        { weight: 12, arbitrary: fc.constant<string>(route.method) },
        fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE'),
      ),
      path: fc.tuple(pathOf(route, known), query).map((both) => both.join('')),
      role: fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(...known.roles.filter((role) => isCaller(route, role))) },
        fc.constantFrom(...known.roles),
      ),
      proof: fc.oneof({ weight: 8, arbitrary: fc.constant('good' as const) }, fc.constantFrom(...PROOFS)),
      type: contentType(route),
      extra: extraHeaders,
      body: bodyOf(route, known),
      hasDigest: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
    })
    .map(({ type, extra, ...rest }) => ({
      ...rest,
      route,
      headers: { ...(type === '' ? {} : { 'content-type': type }), ...extra },
    }))
}

function isCaller(route: Route, role: string): boolean {
  const callers: readonly string[] = route.callers
  return callers.includes(role) || callers.includes('anyone') || callers.includes('key')
}

/** `count` cases over all routes, the same for one seed. */
export function httpCases(
  routes: readonly Route[],
  known: KnownThings,
  options: { seed: number; count: number },
): HttpCase[] {
  const any = fc.oneof(...routes.map((route) => caseOf(route, known)))
  return fc.sample(any, { seed: options.seed, numRuns: options.count })
}
