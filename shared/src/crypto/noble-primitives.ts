import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { concatBytes, equalBytes, utf8 } from '../bytes/bytes.ts'
import type { Primitives } from './primitives.ts'

function sharedOrNull(secret: Uint8Array, publicKey: Uint8Array): Uint8Array | null {
  try {
    return x25519.getSharedSecret(secret, publicKey)
  } catch {
    // noble throws exactly for the all-zero result, which the port reports as null.
    return null
  }
}

// noble's own verify multiplies by the cofactor and OpenSSL's does not; for keys with a torsion part they disagree.
// Two parties must never differ on one signature, so this is the cofactorless equation: encode(S·B − k·A) = R.
function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    const { Point } = ed25519
    const r = signature.subarray(0, 32)
    const s = Point.Fn.fromBytes(signature.subarray(32))
    const k = Point.Fn.create(bytesToNumberLE(sha512(concatBytes(r, publicKey, message))))
    const a = Point.fromBytes(publicKey)
    return equalBytes(Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k)).toBytes(), r)
  } catch {
    return false
  }
}

function bytesToNumberLE(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!)
  return value
}

/** The portable implementation: browsers, and the oracle of the one in `node/`. */
export const primitives: Primitives = {
  randomBytes: (size) => crypto.getRandomValues(new Uint8Array(size)),
  sha256: (...parts) => {
    const hash = sha256.create()
    for (const part of parts) hash.update(part)
    return hash.digest()
  },
  hmacSha256: (key, ...parts) => {
    const mac = hmac.create(sha256, key)
    for (const part of parts) mac.update(part)
    return mac.digest()
  },
  hkdfSha256: (secret, salt, info, size) => hkdf(sha256, secret, salt, utf8(info), size),
  chachaSealInto: (target, key, nonce, plaintext) => target.set(chacha20poly1305(key, nonce).encrypt(plaintext)),
  chachaOpen: (key, nonce, sealed) => {
    try {
      return chacha20poly1305(key, nonce).decrypt(sealed)
    } catch {
      return null
    }
  },
  x25519Public: (secret) => x25519.getPublicKey(secret),
  x25519Shared: sharedOrNull,
  x25519Ephemeral: (publicKey) => {
    const secret = crypto.getRandomValues(new Uint8Array(32))
    const shared = sharedOrNull(secret, publicKey)
    return shared && { share: x25519.getPublicKey(secret), shared }
  },
  ed25519Public: (seed) => ed25519.getPublicKey(seed),
  ed25519Sign: (seed, message) => ed25519.sign(message, seed),
  ed25519VerifyUnchecked: verify,
}
