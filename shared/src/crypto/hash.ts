import { primitives } from '#primitives'
import { encodeBase64url } from '../bytes/base64url.ts'
import { utf8 } from '../bytes/bytes.ts'
import { canonicalBytes } from '../bytes/canonical-json.ts'

/** SHA-256 as base64url: 43 characters. The name of every signed object and every payload. */
export type Digest = string

/** SHA-256 of the concatenated parts, 32 bytes. */
export const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => primitives.sha256(...parts)

/** HMAC-SHA-256 of the concatenated parts, 32 bytes. @see RFC 2104 */
export const hmacSha256 = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array =>
  primitives.hmacSha256(key, ...parts)

/** HKDF-SHA-256, 32 bytes unless told. @see RFC 5869 */
export const hkdfSha256 = (secret: Uint8Array, salt: Uint8Array, info: string, size = 32): Uint8Array =>
  primitives.hkdfSha256(secret, salt, info, size)

/** `size` bytes from the platform's CSPRNG: the one source of randomness of the shared code. */
export const randomBytes = (size: number): Uint8Array => primitives.randomBytes(size)

/** `b64u(H(bytes))`. */
export const digestOf = (...parts: readonly Uint8Array[]): Digest => encodeBase64url(sha256(...parts))

/** Digest of a signed object: over the ASCII of its compact JWS. @see spec/signed-objects.md */
export const digestOfJws = (raw: string): Digest => digestOf(utf8(raw))

/** Digest of plain JSON: over its RFC 8785 form. */
export const digestOfJson = (value: unknown): Digest => digestOf(canonicalBytes(value))
