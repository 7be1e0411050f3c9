import { LatchkeyError } from '../errors.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const INVALID = 0xff
/** Character code → value; a table, because every signed object passes through here. */
const VALUE_OF = new Uint8Array(128).fill(INVALID)
for (let value = 0; value < ALPHABET.length; value++) VALUE_OF[ALPHABET.charCodeAt(value)] = value

/**
 * Bytes → base64url without padding.
 * @see RFC 4648 §5
 */
export function encodeBase64url(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    text += ALPHABET[group >> 18]! + ALPHABET[(group >> 12) & 63]!
    if (left > 1) text += ALPHABET[(group >> 6) & 63]!
    if (left > 2) text += ALPHABET[group & 63]!
  }
  return text
}

/**
 * Base64url without padding → bytes; padding, other alphabets and non-zero trailing bits are refused, so that one
 * value has exactly one text.
 * @throws ENCODING_INVALID
 * @see RFC 4648 §3.5, §5
 */
export function decodeBase64url(text: string): Uint8Array {
  if (text.length % 4 === 1) throw new LatchkeyError('ENCODING_INVALID', 'base64url has an impossible length')
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let buffer = 0
  let bits = 0
  let at = 0
  for (let i = 0; i < text.length; i++) {
    const value = VALUE_OF[text.charCodeAt(i)] ?? INVALID
    if (value === INVALID) throw new LatchkeyError('ENCODING_INVALID', 'base64url has a character outside its alphabet')
    buffer = ((buffer << 6) | value) & 0xffffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (buffer >> bits) & 0xff
    }
  }
  if ((buffer & ((1 << bits) - 1)) !== 0) throw new LatchkeyError('ENCODING_INVALID', 'base64url has trailing bits')
  return bytes
}
