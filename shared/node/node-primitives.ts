import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hash,
  hkdfSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'
import type { Primitives } from '../src/crypto/primitives.ts'

const TAG_BYTES = 16
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex')
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')
const PRIVATE_PREFIX = { X25519: PKCS8_X25519, Ed25519: PKCS8_ED25519 }

function privateKey(curve: 'X25519' | 'Ed25519', secret: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX[curve], secret]), format: 'der', type: 'pkcs8' })
}

function publicKey(curve: 'X25519' | 'Ed25519', raw: Uint8Array): KeyObject {
  // JWK import takes half the time of SPKI DER here (measured).
  const x = Buffer.from(raw).toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: curve, x }, format: 'jwk' })
}

function rawPublic(key: KeyObject): Uint8Array {
  const half = key.type === 'public' ? key : createPublicKey(key)
  return new Uint8Array(Buffer.from(half.export({ format: 'jwk' }).x!, 'base64url'))
}

/** A household and an agency use few keys again and again; importing one costs as much as using it. */
const KEY_CACHE_SIZE = 256
const publicKeys = new Map<string, KeyObject>()
/** Keyed by the array itself, so that a secret lives here no longer than at its holder; keys are never rewritten. */
const privateKeys = new WeakMap<Uint8Array, KeyObject>()
const cipherKeys = new WeakMap<Uint8Array, KeyObject>()

function cachedPublicKey(curve: 'X25519' | 'Ed25519', raw: Uint8Array): KeyObject {
  const id = curve + Buffer.from(raw).toString('latin1')
  const known = publicKeys.get(id)
  if (known) return known
  const key = publicKey(curve, raw)
  if (publicKeys.size >= KEY_CACHE_SIZE) publicKeys.delete(publicKeys.keys().next().value!)
  publicKeys.set(id, key)
  return key
}

function cachedX25519(secret: Uint8Array): KeyObject {
  const known = privateKeys.get(secret)
  if (known) return known
  const key = privateKey('X25519', secret)
  privateKeys.set(secret, key)
  return key
}

function verifySignature(raw: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(null, message, cachedPublicKey('Ed25519', raw), signature)
  } catch {
    // OpenSSL cannot decode the point: not a key, so nothing verifies under it.
    return false
  }
}

/** A payload's chunks share one key; handing OpenSSL the bytes again for each measured at a third of their sealing. */
function cachedCipherKey(raw: Uint8Array): KeyObject {
  const known = cipherKeys.get(raw)
  if (known) return known
  const key = createSecretKey(raw)
  cipherKeys.set(raw, key)
  return key
}

function agree(privateKey: KeyObject, raw: Uint8Array): Uint8Array | null {
  try {
    return new Uint8Array(diffieHellman({ privateKey, publicKey: cachedPublicKey('X25519', raw) }))
  } catch {
    // OpenSSL refuses the all-zero result.
    return null
  }
}

/** OpenSSL makes a pair in half the time that it takes to import a secret of ours, and we never see the secret. */
function agreeOnce(raw: Uint8Array): { share: Uint8Array; shared: Uint8Array } | null {
  const pair = generateKeyPairSync('x25519')
  const shared = agree(pair.privateKey, raw)
  return shared && { share: rawPublic(pair.publicKey), shared }
}

function chachaOpen(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Uint8Array | null {
  if (sealed.length < TAG_BYTES) return null
  const decipher = createDecipheriv('chacha20-poly1305', cachedCipherKey(key), nonce, { authTagLength: TAG_BYTES })
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  const plaintext = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES))
  try {
    decipher.final()
    return plaintext
  } catch {
    return null
  }
}

function chachaSealInto(target: Uint8Array, key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): void {
  const cipher = createCipheriv('chacha20-poly1305', cachedCipherKey(key), nonce, { authTagLength: TAG_BYTES })
  target.set(cipher.update(plaintext))
  // Nothing is left to write: the cipher is a stream cipher. The call makes the tag.
  cipher.final()
  target.set(cipher.getAuthTag(), plaintext.length)
}

/** OpenSSL through node:crypto: fifteen times the portable implementation on bulk data. */
export const primitives: Primitives = {
  randomBytes: (size) => new Uint8Array(randomBytes(size)),
  sha256: (...parts) => {
    // Most digests are of one part; the one-shot call is half the price for a short one.
    if (parts.length === 1) return new Uint8Array(hash('sha256', parts[0]!, 'buffer'))
    const hasher = createHash('sha256')
    for (const part of parts) hasher.update(part)
    return new Uint8Array(hasher.digest())
  },
  hmacSha256: (key, ...parts) => {
    const mac = createHmac('sha256', key)
    for (const part of parts) mac.update(part)
    return new Uint8Array(mac.digest())
  },
  hkdfSha256: (secret, salt, info, size) => new Uint8Array(hkdfSync('sha256', secret, salt, info, size)),
  chachaSealInto,
  chachaOpen,
  // OpenSSL works out the public half when it takes in the secret: reading that is half of multiplying anew.
  x25519Public: (secret) => rawPublic(cachedX25519(secret)),
  x25519Shared: (secret, raw) => agree(cachedX25519(secret), raw),
  x25519Ephemeral: agreeOnce,
  ed25519Public: (seed) => rawPublic(privateKey('Ed25519', seed)),
  ed25519Sign: (seed, message) => new Uint8Array(sign(null, message, privateKey('Ed25519', seed))),
  ed25519VerifyUnchecked: verifySignature,
}
