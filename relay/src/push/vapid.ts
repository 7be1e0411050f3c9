import { encodeBase64url, utf8, type WebKey } from '@latchkey/shared'
import type { Clock } from '../kernel/clock.ts'

/** This relay's key as an application server; it says who writes, and reads nothing. @see RFC 8292 */
export interface VapidKey {
  readonly privateKey: WebKey
  /** Uncompressed point, base64url: what browsers want as `applicationServerKey`. */
  readonly publicKey: string
}

/** Says to push services who writes. */
export interface Vapid {
  readonly publicKey: string
  /** Value of `Authorization` for this address. */
  authorizationFor(endpoint: URL): Promise<string>
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const
/** Push services take a day at most. @see RFC 8292 §2 */
const LIFE_MS = 12 * 3_600_000
/** Of the life, so that none runs out on its way. */
const RENEW_MS = LIFE_MS / 2
const HEADER = encodeBase64url(utf8('{"typ":"JWT","alg":"ES256"}'))

/** PKCS #8 → key. @throws DOMException when it is none */
export async function parseVapidKey(pkcs8: Uint8Array): Promise<VapidKey> {
  const given = pkcs8 as Uint8Array<ArrayBuffer>
  const { x, y } = await crypto.subtle.exportKey(
    'jwk',
    await crypto.subtle.importKey('pkcs8', given, ALGORITHM, true, ['sign']),
  )
  const point = Buffer.concat([Uint8Array.of(4), Buffer.from(x!, 'base64url'), Buffer.from(y!, 'base64url')])
  const privateKey = await crypto.subtle.importKey('pkcs8', given, ALGORITHM, false, ['sign'])
  return { privateKey, publicKey: encodeBase64url(point) }
}

/** @param options.contact whom a push service may write to when something is wrong: `mailto:` or `https:` */
export function createVapid(options: { key: VapidKey; contact: string; clock: Clock }): Vapid {
  const { key, contact, clock } = options
  const signed = new Map<string, { readonly token: Promise<string>; readonly untilMs: number }>()

  async function sign(audience: string, expSeconds: number): Promise<string> {
    const claims = JSON.stringify({ aud: audience, exp: expSeconds, sub: contact })
    const input = `${HEADER}.${encodeBase64url(utf8(claims))}`
    const algorithm = { name: 'ECDSA', hash: 'SHA-256' } as const
    const signature = await crypto.subtle.sign(algorithm, key.privateKey, utf8(input))
    return `${input}.${encodeBase64url(new Uint8Array(signature))}`
  }

  return {
    publicKey: key.publicKey,
    async authorizationFor({ origin }) {
      const nowMs = clock.nowMs()
      let known = signed.get(origin)
      if (known === undefined || nowMs > known.untilMs) {
        const token = sign(origin, Math.floor((nowMs + LIFE_MS) / 1000))
        known = { token, untilMs: nowMs + RENEW_MS }
        signed.set(origin, known)
      }
      return `vapid t=${await known.token}, k=${key.publicKey}`
    },
  }
}
