import { bech32 } from '@scure/base'
import { primitives } from '#primitives'
import { decodeBase64url, encodeBase64url } from '../bytes/base64url.ts'
import { LatchkeyError } from '../errors.ts'
import { isAcceptableEd25519Key } from './ed25519.ts'
import { digestOfJson, randomBytes } from './hash.ts'

/** Public Ed25519 key as a JWK: exactly these three members. @see RFC 8037 §2 */
export interface PublicJwk {
  readonly crv: 'Ed25519'
  readonly kty: 'OKP'
  /** 32 bytes, base64url. */
  readonly x: string
}

/** RFC 7638 thumbprint, base64url: a key's identity. */
export type Thumbprint = string
/** RFC 9278 URN of a thumbprint: a party's identity in `iss` and `sub`. */
export type KeyUrn = string
/** age X25519 recipient, `age1…`, lower case. */
export type Recipient = string

const URN_PREFIX = 'urn:ietf:params:oauth:jwk-thumbprint:sha-256:'
const BECH32_LIMIT = 200

/** Public JWK of 32 raw bytes. @throws KEY_INVALID for small-order or non-canonical encodings */
export function jwkOf(publicKey: Uint8Array): PublicJwk {
  if (!isAcceptableEd25519Key(publicKey)) throw new LatchkeyError('KEY_INVALID', 'not an acceptable Ed25519 key')
  return { crv: 'Ed25519', kty: 'OKP', x: encodeBase64url(publicKey) }
}

/** Raw 32 bytes of a JWK, checked. Untrusted: `jwk.x`. @throws KEY_INVALID | ENCODING_INVALID */
export function rawKeyOf(jwk: PublicJwk): Uint8Array {
  const raw = decodeBase64url(jwk.x)
  if (!isAcceptableEd25519Key(raw)) throw new LatchkeyError('KEY_INVALID', 'not an acceptable Ed25519 key')
  return raw
}

/** RFC 7638 thumbprint of a public key (RFC 8037 appendix A.3 for OKP). */
export function thumbprintOf(jwk: PublicJwk): Thumbprint {
  return digestOfJson({ crv: jwk.crv, kty: jwk.kty, x: jwk.x })
}

/** RFC 9278 URN of a public key. */
export function urnOf(jwk: PublicJwk): KeyUrn {
  return URN_PREFIX + thumbprintOf(jwk)
}

/** The thumbprint inside a URN. @throws KEY_INVALID */
export function thumbprintOfUrn(urn: KeyUrn): Thumbprint {
  if (!urn.startsWith(URN_PREFIX)) throw new LatchkeyError('KEY_INVALID', 'not a JWK thumbprint URN')
  return urn.slice(URN_PREFIX.length)
}

function decodeBech32(text: string, prefix: string): Uint8Array {
  try {
    const { prefix: found, words } = bech32.decode(text as `${string}1${string}`, BECH32_LIMIT)
    const bytes = bech32.fromWords(words)
    if (found.toLowerCase() === prefix && bytes.length === 32) return bytes
  } catch {
    // Falls through to the one error below: bech32's own messages quote the input, which may be a secret.
  }
  throw new LatchkeyError('KEY_INVALID', `not a ${prefix}1… key`)
}

/**
 * Raw X25519 public key of an age recipient, its order not yet checked: enough where a shared secret with it is made
 * at once, which is null for a small-order point. Untrusted: `recipient`. @throws KEY_INVALID
 */
export function decodeRecipient(recipient: Recipient): Uint8Array {
  if (recipient !== recipient.toLowerCase()) throw new LatchkeyError('KEY_INVALID', 'recipient is not lower case')
  return decodeBech32(recipient, 'age')
}

/**
 * Raw X25519 public key of an age recipient. Small-order points are refused: every secret would give zero.
 * Untrusted: `recipient`.
 * @throws KEY_INVALID
 */
export function parseRecipient(recipient: Recipient): Uint8Array {
  const raw = decodeRecipient(recipient)
  // Any clamped scalar maps exactly the small-order points to zero, so one fixed probe finds them all.
  const probe = new Uint8Array(32).fill(9)
  if (primitives.x25519Shared(probe, raw) === null) throw new LatchkeyError('KEY_INVALID', 'recipient has small order')
  return raw
}

/** 32 raw bytes → `age1…`. */
export function encodeRecipient(publicKey: Uint8Array): Recipient {
  return bech32.encode('age', bech32.toWords(publicKey), BECH32_LIMIT)
}

/**
 * Something that opens age headers: a secret in memory ({@link Identity}), or a non-extractable WebCrypto key on a phone,
 * whose answers take a promise.
 */
export interface HeaderOpener {
  readonly recipient: Recipient
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /**
   * X25519 with the secret half.
   * @param share 32 bytes of a stanza, untrusted
   * @returns 32 bytes; `null` when they would be all zero (a small-order share). @see RFC 7748 §6.1
   */
  agree(share: Uint8Array): Uint8Array | null | Promise<Uint8Array | null>
}

/** An opener that answers at once. */
export interface ReadyOpener extends HeaderOpener {
  agree(share: Uint8Array): Uint8Array | null
}

/** An X25519 key pair in memory: opens age files at once. */
export interface Identity extends ReadyOpener {
  /** 32 bytes. Secret. */
  readonly secret: Uint8Array
}

/** The identity of a 32-byte secret. */
export function identityOf(secret: Uint8Array): Identity {
  const publicKey = primitives.x25519Public(secret)
  const agree = (share: Uint8Array) => primitives.x25519Shared(secret, share)
  return { secret, publicKey, recipient: encodeRecipient(publicKey), agree }
}

/** A fresh random identity. */
export function generateIdentity(): Identity {
  return identityOf(randomBytes(32))
}

/** `AGE-SECRET-KEY-1…` → identity. Untrusted: `text`. @throws KEY_INVALID */
export function parseIdentity(text: string): Identity {
  if (text !== text.toUpperCase()) throw new LatchkeyError('KEY_INVALID', 'age identity is not upper case')
  return identityOf(decodeBech32(text.toLowerCase(), 'age-secret-key-'))
}

/** Identity → `AGE-SECRET-KEY-1…`, as the `age` program reads it. Secret. */
export function encodeIdentity(identity: Identity): string {
  return bech32.encode('age-secret-key-', bech32.toWords(identity.secret), BECH32_LIMIT).toUpperCase()
}

/** Something that signs: a file key in Node, a non-extractable WebCrypto key on a phone (hence the promise). */
export interface Signer {
  readonly jwk: PublicJwk
  readonly thumbprint: Thumbprint
  readonly urn: KeyUrn
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>
}

/** A signer over a 32-byte Ed25519 seed held in memory. */
export function createSigner(seed: Uint8Array): { sign(message: Uint8Array): Uint8Array } & Signer {
  const jwk = jwkOf(primitives.ed25519Public(seed))
  return {
    jwk,
    thumbprint: thumbprintOf(jwk),
    urn: urnOf(jwk),
    sign: (message) => primitives.ed25519Sign(seed, message),
  }
}
