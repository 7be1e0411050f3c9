/** The files in which people keep keys. */
import { Type } from 'typebox'
import { decodeBase64url } from '../bytes/base64url.ts'
import { LatchkeyError } from '../errors.ts'
import { B64u32, Exact } from '../wire/fields.ts'
import { createValidator, parseWith } from '../wire/schema.ts'
import { createSigner, encodeIdentity, type Identity, parseIdentity } from './keys.ts'

const privateJwk = createValidator(
  Exact({ crv: Type.Literal('Ed25519'), d: B64u32, kty: Type.Literal('OKP'), x: B64u32 }),
)

/** Does it look like a private JWK? Untrusted: `value`. */
export const isPrivateJwk = (value: unknown): boolean => privateJwk.check(value)

/**
 * The seed of a private Ed25519 JWK, its two halves compared. Untrusted: `value`.
 * @returns 32 bytes. Secret.
 * @throws MESSAGE_INVALID | KEY_INVALID
 * @see RFC 8037 §2
 */
export function parsePrivateJwk(value: unknown): Uint8Array {
  const jwk = parseWith(privateJwk, value, 'private JWK')
  const seed = decodeBase64url(jwk.d)
  if (createSigner(seed).jwk.x !== jwk.x)
    throw new LatchkeyError('KEY_INVALID', 'public and private part are not one key')
  return seed
}

/** An age identity file, as `age -i` reads it. Secret. @param about a comment line for people */
export function encodeIdentityFile(identity: Identity, about: string): string {
  return `# ${about}\n# public key: ${identity.recipient}\n${encodeIdentity(identity)}\n`
}

/** The one identity of an age identity file. Untrusted: `text`. @throws KEY_INVALID */
export function parseIdentityFile(text: string): Identity {
  const lines = text.split('\n').map((line) => line.trim())
  const [key, ...others] = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (key === undefined || others.length > 0)
    throw new LatchkeyError('KEY_INVALID', 'expected an age identity file with exactly one key')
  return parseIdentity(key)
}
