import { createHash } from 'node:crypto'

/** A user and a password, as the address of a camera holds them. */
export interface RtspCredentials {
  readonly user: string
  readonly password: string
}

/** How a camera wants to be told who asks. */
export interface RtspChallenge {
  readonly scheme: 'basic' | 'digest'
  readonly realm: string
  readonly nonce: string
  readonly algorithm: 'MD5' | 'SHA-256'
  readonly opaque: string | undefined
  /** Whether the request is counted into the answer (`qop=auth`). */
  readonly counted: boolean
}

/** What the answer is computed over. */
export interface RtspAuthorizedRequest {
  readonly method: string
  readonly address: string
  /** Of our own, for `counted` challenges: hexadecimal. */
  readonly clientNonce: string
}

const HASHES = { MD5: 'md5', 'SHA-256': 'sha256' } as const
/** What may stand in a quoted field that is sent back. */
const QUOTABLE = /^[\x20-\x7e]{0,512}$/

function fieldsOf(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const [, name, quoted, plain] of text.matchAll(/\b([a-z]{1,20})\s*=\s*(?:"([^"\\]*)"|([^\s",]+))/gi))
    fields.set(name!.toLowerCase(), quoted ?? plain ?? '')
  return fields
}

function parseChallenge(header: string): RtspChallenge | undefined {
  const scheme = /^(basic|digest)\b/i.exec(header)?.[1]?.toLowerCase() as RtspChallenge['scheme'] | undefined
  if (scheme === undefined) return undefined
  const fields = fieldsOf(header.slice(scheme.length))
  const [realm, nonce, opaque] = [fields.get('realm') ?? '', fields.get('nonce') ?? '', fields.get('opaque')]
  if (![realm, nonce, opaque ?? ''].every((text) => QUOTABLE.test(text))) return undefined
  const algorithm = (fields.get('algorithm') ?? 'MD5').toUpperCase()
  if (algorithm !== 'MD5' && algorithm !== 'SHA-256') return undefined
  const qop = fields
    .get('qop')
    ?.split(',')
    .map((word) => word.trim())
  if (scheme === 'digest' && (nonce === '' || (qop !== undefined && !qop.includes('auth')))) return undefined
  return { scheme, realm, nonce, algorithm, opaque, counted: qop !== undefined }
}

/** How much we would rather answer it: a password is not sent in the clear to who takes less. */
const preference = ({ scheme, algorithm }: RtspChallenge) => (scheme === 'basic' ? 0 : algorithm === 'MD5' ? 1 : 2)

/**
 * The best of a camera's challenges, its `WWW-Authenticate` headers, one scheme each; undefined when we can answer none.
 * Untrusted: `headers`.
 * @see RFC 7616 §3.3, RFC 7617 §2
 */
export function parseChallenges(headers: readonly string[]): RtspChallenge | undefined {
  const known = headers.map(parseChallenge).filter((challenge) => challenge !== undefined)
  return known.toSorted((a, b) => preference(b) - preference(a))[0]
}

/**
 * The `Authorization` header that answers `challenge`; holds the password or what proves it, so never to be logged.
 * @see RFC 7616 §3.4, RFC 7617 §2
 */
export function encodeAuthorization(
  challenge: RtspChallenge,
  { user, password }: RtspCredentials,
  { method, address, clientNonce }: RtspAuthorizedRequest,
): string {
  if (challenge.scheme === 'basic') return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const { realm, nonce, algorithm, opaque, counted } = challenge
  const hash = (text: string) => createHash(HASHES[algorithm]).update(text).digest('hex')
  // Every request has a nonce of our own, so each is the first with it.
  const count = '00000001'
  const middle = counted ? `${nonce}:${count}:${clientNonce}:auth` : nonce
  const response = hash(`${hash(`${user}:${realm}:${password}`)}:${middle}:${hash(`${method}:${address}`)}`)
  const fields = [
    `username="${user.replaceAll(/["\\]/g, '\\$&')}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${address}"`,
    `response="${response}"`,
    ...(algorithm === 'MD5' ? [] : [`algorithm=${algorithm}`]),
    ...(opaque === undefined ? [] : [`opaque="${opaque}"`]),
    ...(counted ? [`qop=auth, nc=${count}, cnonce="${clientNonce}"`] : []),
  ]
  return `Digest ${fields.join(', ')}`
}
