import { Type } from 'typebox'
import { decodeBase64url, encodeBase64url } from '../src/bytes/base64url.ts'
import { randomBytes } from '../src/crypto/hash.ts'
import {
  createSigner,
  encodeIdentity,
  type Identity,
  parseIdentity,
  type PublicJwk,
  rawKeyOf,
  type Signer,
} from '../src/crypto/keys.ts'
import { LatchkeyError } from '../src/errors.ts'
import { B64u32, Exact, Jwk } from '../src/wire/fields.ts'
import { createValidator, parseWith } from '../src/wire/schema.ts'
import { jsonText, readJsonFile, readText } from './disk-files.ts'
import { inFile } from './failure.ts'

const privateJwk = createValidator(
  Exact({ crv: Type.Literal('Ed25519'), d: B64u32, kty: Type.Literal('OKP'), x: B64u32 }),
)
const publicJwk = createValidator(Jwk)

/** A fresh signing key and the file that keeps it. */
export interface SigningKey {
  readonly signer: Signer
  /** Private JWK (RFC 8037 §2). Secret. */
  readonly file: string
}

/** Makes a signing key. */
export function generateSigningKey(): SigningKey {
  const seed = randomBytes(32)
  const signer = createSigner(seed)
  return { signer, file: jsonText({ kty: 'OKP', crv: 'Ed25519', x: signer.jwk.x, d: encodeBase64url(seed) }) }
}

/** A signing key from its file. @throws MESSAGE_INVALID | KEY_INVALID, and as `readJsonFile` */
export async function loadSigner(path: string): Promise<Signer> {
  const value = await readJsonFile(path)
  return inFile(path, () => {
    const jwk = parseWith(privateJwk, value, 'private JWK')
    const signer = createSigner(decodeBase64url(jwk.d))
    if (signer.jwk.x !== jwk.x) throw new LatchkeyError('KEY_INVALID', 'public and private part are not one key')
    return signer
  })
}

/** A public key from its file, a private one's included (its secret is not kept). @throws as {@link loadSigner} */
export async function loadPublicJwk(path: string): Promise<PublicJwk> {
  const value = await readJsonFile(path)
  if (privateJwk.check(value)) return (await loadSigner(path)).jwk
  return inFile(path, () => {
    const jwk = parseWith(publicJwk, value, 'public JWK') as PublicJwk
    rawKeyOf(jwk)
    return jwk
  })
}

/** An age identity file, as `age -i` reads it. Secret. @param about a comment line for people */
export function identityFileOf(identity: Identity, about: string): string {
  return `# ${about}\n# public key: ${identity.recipient}\n${encodeIdentity(identity)}\n`
}

/** The one identity of an age identity file. @throws KEY_INVALID, and as `readText` */
export async function loadIdentity(path: string): Promise<Identity> {
  const text = await readText(path)
  return inFile(path, () => {
    const keys = text.split('\n').map((line) => line.trim())
    const [key, ...others] = keys.filter((line) => line !== '' && !line.startsWith('#'))
    if (key === undefined || others.length > 0)
      throw new LatchkeyError('KEY_INVALID', 'expected an age identity file with exactly one key')
    return parseIdentity(key)
  })
}
