import { primitives } from '#primitives'
import { toHex } from '../bytes/bytes.ts'

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const P = 2n ** 255n - 19n
const L = 2n ** 252n + 27742317777372353535851937790883648493n

/**
 * Canonical encodings of the eight points whose order divides 8. Under the identity key an all-zero S verifies
 * *every* message in the plain equation (and in older OpenSSL and WebCrypto), so such keys are refused at every parse.
 * @see "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko 2020), table 1
 */
const SMALL_ORDER = new Set([
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
])

/** x = 0 has no negative: these set the sign bit of the two points with x = 0 and are non-canonical. */
const NON_CANONICAL_SIGN = new Set([
  '0100000000000000000000000000000000000000000000000000000000000080',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
])

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.toReversed())}`)
}

/** May these 32 bytes serve as an Ed25519 public key: canonical y, not of small order? (Decoding is left to verify.) */
export function isAcceptableEd25519Key(publicKey: Uint8Array): boolean {
  if (publicKey.length !== KEY_BYTES) return false
  const hex = toHex(publicKey)
  if (SMALL_ORDER.has(hex) || NON_CANONICAL_SIGN.has(hex)) return false
  const y = Uint8Array.from(publicKey)
  y[31]! &= 0x7f
  return littleEndian(y) < P
}

/**
 * The one signature check of the whole system: strict encodings (canonical key, no small order in key or R, S < L), then the
 * cofactorless equation.
 * Untrusted: every argument. Never throws.
 * @param publicKey 32 bytes
 * @param signature 64 bytes, R ‖ S
 * @see RFC 8032 §5.1.7
 */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES || !isAcceptableEd25519Key(publicKey)) return false
  // Newer OpenSSL builds refuse a small-order R and others do not: refused here, so that every platform agrees.
  if (SMALL_ORDER.has(toHex(signature.subarray(0, 32)))) return false
  if (littleEndian(signature.subarray(32)) >= L) return false
  return primitives.ed25519VerifyUnchecked(publicKey, message, signature)
}
