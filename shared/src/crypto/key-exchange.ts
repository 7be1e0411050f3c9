import { LatchkeyError } from '../errors.ts'
import { encodeRecipient, type Identity, identityOf, type PublicJwk, rawKeyOf, type Recipient } from './keys.ts'
import { unshared } from './web-keys.ts'

const P = 2n ** 255n - 19n
const BYTE = 256n

function modPower(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, base % P]
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % P
    square = (square * square) % P
  }
  return result
}

/**
 * The age recipient that belongs to a signing key: whoever holds its seed opens what is sealed to it, without another key
 * that would have to be told and vouched for.
 * Untrusted: `jwk`.
 * @throws KEY_INVALID | ENCODING_INVALID
 * @see RFC 7748 §4.1: u = (1 + y) / (1 - y)
 */
export function recipientOfKey(jwk: PublicJwk): Recipient {
  const bytes = Uint8Array.from(rawKeyOf(jwk))
  bytes[31]! &= 0x7f
  const y = bytes.reduceRight((value, byte) => value * BYTE + BigInt(byte), 0n)
  let u = ((1n + y) * modPower(P + 1n - y, P - 2n)) % P
  const raw = bytes.map(() => {
    const byte = Number(u % BYTE)
    u /= BYTE
    return byte
  })
  return encodeRecipient(raw)
}

/**
 * Opens what was sealed to {@link recipientOfKey} of this seed's key.
 * @param seed 32 bytes of Ed25519. Secret
 * @see RFC 8032 §5.1.5: the scalar is the first half of the seed's SHA-512; RFC 7748 §5 clamps it the same way
 */
export async function identityOfSeed(seed: Uint8Array, jwk: PublicJwk): Promise<Identity> {
  const whole = new Uint8Array(await crypto.subtle.digest('SHA-512', unshared(seed)))
  const identity = identityOf(whole.slice(0, 32))
  whole.fill(0)
  if (identity.recipient !== recipientOfKey(jwk))
    throw new LatchkeyError('KEY_INVALID', 'this seed is not the one of that key')
  return identity
}
