import { Type } from 'typebox'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import { encodeBase64url } from '../bytes/base64url.ts'
import { type Digest, digestOf, digestOfJws } from '../crypto/hash.ts'
import { type PublicJwk, type Signer, type Thumbprint, thumbprintOf } from '../crypto/keys.ts'
import { LatchkeyError } from '../errors.ts'
import { B64u32, Exact, Id16, Jwk, Seconds } from './fields.ts'
import { parseCompact, signCompact, verifyCompact } from './jws.ts'
import { createValidator, parseWith } from './schema.ts'

const header = createValidator(Exact({ alg: Type.Literal('Ed25519'), jwk: Jwk, typ: Type.Literal('dpop+jwt') }))
const claims = createValidator(
  Exact({
    /** b64u(H(body)) for requests with a body. */
    body: Type.Optional(B64u32),
    htm: Type.Enum(['GET', 'PUT', 'POST', 'DELETE']),
    htu: Type.String({ minLength: 1, maxLength: 2_048 }),
    iat: Seconds,
    jti: Id16,
    nonce: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{16,128}$' })),
  }),
)

/** What a caller proves about one request. */
export interface DpopClaims {
  readonly htm: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Public origin and path, no query, no fragment. */
  readonly htu: string
  readonly iat: number
  /** 16 random bytes, base64url; never used twice. */
  readonly jti: string
  readonly nonce?: string
  readonly body?: Digest
}

/** A proof whose signature verified. */
export interface DpopProof {
  readonly raw: string
  readonly digest: Digest
  readonly jwk: PublicJwk
  /** The caller's identity. */
  readonly thumbprint: Thumbprint
  readonly claims: DpopClaims
}

/** The `body` claim of a request body. */
export function dpopBodyClaim(body: Uint8Array): Digest {
  return digestOf(body)
}

/** Signs a proof. @see RFC 9449 §4.2 (no access token, so no `ath`) */
export function encodeDpop(proof: DpopClaims, signer: Signer): Promise<string> {
  parseWith(claims, proof, 'dpop')
  return signCompact({ alg: 'Ed25519', jwk: signer.jwk, typ: 'dpop+jwt' }, proof, signer)
}

/**
 * Parses a proof and verifies its signature; method, address, nonce, body and replay are the server's to compare.
 * Untrusted: `raw`.
 * @throws DPOP_INVALID
 * @see RFC 9449 §4.3 steps 2 to 7
 */
export function parseDpop(raw: string): DpopProof {
  try {
    const parts = parseCompact(raw)
    if (!header.check(parts.header))
      throw new LatchkeyError('JWS_INVALID', `dpop header ${header.explain(parts.header)}`)
    const jwk = parts.header.jwk as PublicJwk
    const payload = parseWith(claims, parts.payload, 'dpop') as DpopClaims
    if (!verifyCompact(raw, jwk)) throw new LatchkeyError('SIGNATURE_INVALID', 'signature does not verify')
    return { raw, digest: digestOfJws(raw), jwk, thumbprint: thumbprintOf(jwk), claims: payload }
  } catch (cause) {
    throw new LatchkeyError('DPOP_INVALID', 'the DPoP proof does not parse or verify', { cause })
  }
}

/** RFC 9530 `Content-Digest` value of a body. */
export function contentDigestOf(sha256: Uint8Array): string {
  const base64 = encodeBase64url(sha256).replaceAll('-', '+').replaceAll('_', '/')
  return `sha-256=:${base64}=:`
}

/** JSON request body bytes: canonical, so that client and proof agree on the digest. */
export const encodeBody = (value: unknown): Uint8Array => canonicalBytes(value)
