import { decodeBase64url, encodeBase64url } from '../bytes/base64url.ts'
import { LatchkeyError } from '../errors.ts'

/** Bytes → standard base64 with padding, as C2SP texts want it. @see RFC 4648 §4 */
export function encodeBase64(bytes: Uint8Array): string {
  const text = encodeBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/')
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

/**
 * Standard base64 with padding → bytes; missing padding, white space and non-zero trailing bits are refused, so that
 * one value has exactly one text.
 * @throws ENCODING_INVALID
 * @see RFC 4648 §3.5, §4
 */
export function decodeBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
    throw new LatchkeyError('ENCODING_INVALID', 'not padded base64')
  return decodeBase64url(text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'))
}
