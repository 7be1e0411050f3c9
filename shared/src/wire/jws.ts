import type { Static, TSchema } from 'typebox'
import { decodeBase64url, encodeBase64url } from '../bytes/base64url.ts'
import { utf8 } from '../bytes/bytes.ts'
import { canonicalBytes, parseCanonicalJson } from '../bytes/canonical-json.ts'
import { verifyEd25519 } from '../crypto/ed25519.ts'
import { type Digest, digestOfJws } from '../crypto/hash.ts'
import { type PublicJwk, type Signer, type Thumbprint, thumbprintOf } from '../crypto/keys.ts'
import { LatchkeyError } from '../errors.ts'
import { B64u32, Exact } from './fields.ts'
import { createValidator, parseWith } from './schema.ts'
import { Type } from 'typebox'

/** A compact JWS above this is refused before any parsing. */
export const MAX_JWS_BYTES = 16_384

/** A parsed signed object. Its *form* is checked; its signature is not until {@link isSignedBy} says so. */
export interface Signed<T> {
  /** The compact JWS as received: what is hashed, stored and passed on. */
  readonly raw: string
  readonly digest: Digest
  /** RFC 7638 thumbprint that the header claims. */
  readonly kid: Thumbprint
  readonly typ: string
  readonly payload: T
}

/** One kind of signed object: the single source of its type, its parser and its encoder. */
export interface MessageType<T> {
  readonly typ: string
  readonly schema: TSchema
  /**
   * Untrusted text → form-checked object: sizes, canonical form, header, schema, text rules.
   * @throws JWS_INVALID | ENCODING_INVALID | JSON_INVALID | JSON_NOT_CANONICAL | MESSAGE_INVALID | TEXT_INVALID | MESSAGE_TOO_LARGE
   */
  parse(raw: string): Signed<T>
  /** Payload → compact JWS. @throws MESSAGE_INVALID | TEXT_INVALID when the payload breaks its own schema */
  encode(payload: T, signer: Signer): Promise<string>
}

interface Parts {
  readonly header: unknown
  readonly payload: unknown
  readonly signature: Uint8Array
}

/**
 * The three parts of a compact JWS, each in its one canonical spelling.
 * @throws JWS_INVALID | ENCODING_INVALID | JSON_INVALID | JSON_NOT_CANONICAL | MESSAGE_TOO_LARGE
 * @see RFC 7515 §7.1
 */
export function parseCompact(raw: string): Parts {
  if (raw.length > MAX_JWS_BYTES)
    throw new LatchkeyError('MESSAGE_TOO_LARGE', `a JWS has at most ${MAX_JWS_BYTES} bytes`)
  const [header, payload, signature, ...rest] = raw.split('.')
  if (header === undefined || payload === undefined || signature === undefined || rest.length > 0)
    throw new LatchkeyError('JWS_INVALID', 'a compact JWS has three parts')
  const bytes = decodeBase64url(signature)
  if (bytes.length !== 64) throw new LatchkeyError('JWS_INVALID', 'an Ed25519 signature has 64 bytes')
  return {
    header: parseCanonicalJson(decodeBase64url(header)),
    payload: parseCanonicalJson(decodeBase64url(payload)),
    signature: bytes,
  }
}

/** Header and payload → compact JWS signed by `signer`. */
export async function signCompact(header: unknown, payload: unknown, signer: Signer): Promise<string> {
  const input = `${encodeBase64url(canonicalBytes(header))}.${encodeBase64url(canonicalBytes(payload))}`
  const raw = `${input}.${encodeBase64url(await signer.sign(utf8(input)))}`
  if (raw.length > MAX_JWS_BYTES)
    throw new LatchkeyError('MESSAGE_TOO_LARGE', `a JWS has at most ${MAX_JWS_BYTES} bytes`)
  return raw
}

/** Does the signature of this compact JWS verify under `jwk`? An unacceptable key verifies nothing. Untrusted: both. */
export function verifyCompact(raw: string, jwk: PublicJwk): boolean {
  const dot = raw.lastIndexOf('.')
  return verifyEd25519(decodeBase64url(jwk.x), utf8(raw.slice(0, dot)), decodeBase64url(raw.slice(dot + 1)))
}

/** Is `signed` signed by `jwk`, and does its header name that key? */
export function isSignedBy(signed: Signed<unknown>, jwk: PublicJwk): boolean {
  return signed.kid === thumbprintOf(jwk) && verifyCompact(signed.raw, jwk)
}

/** {@link isSignedBy} or SIGNATURE_INVALID. */
export function assertSignedBy(signed: Signed<unknown>, jwk: PublicJwk): void {
  if (!isSignedBy(signed, jwk))
    throw new LatchkeyError('SIGNATURE_INVALID', `${signed.typ} is not signed by the expected key`)
}

/** Declares a signed object. `typ` goes into the header, so that no object can pass for another (RFC 8725 §3.11). */
export function defineMessage<S extends TSchema>(typ: string, schema: S): MessageType<Static<S>> {
  const header = createValidator(Exact({ alg: Type.Literal('Ed25519'), kid: B64u32, typ: Type.Literal(typ) }))
  const body = createValidator(schema)
  return {
    typ,
    schema,
    parse(raw) {
      const parts = parseCompact(raw)
      if (!header.check(parts.header))
        throw new LatchkeyError('JWS_INVALID', `${typ}: header ${header.explain(parts.header)}`)
      const payload = parseWith(body, parts.payload, typ)
      return { raw, digest: digestOfJws(raw), kid: parts.header.kid, typ, payload }
    },
    async encode(payload, signer) {
      parseWith(body, payload, typ)
      return signCompact({ alg: 'Ed25519', kid: signer.thumbprint, typ }, payload, signer)
    },
  }
}
