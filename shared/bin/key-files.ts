import { encodeBase64url } from '../src/bytes/base64url.ts'
import { randomBytes } from '../src/crypto/hash.ts'
import { isPrivateJwk, parseIdentityFile, parsePrivateJwk } from '../src/crypto/key-file.ts'
import { createSigner, type Identity, type PublicJwk, rawKeyOf, type Signer } from '../src/crypto/keys.ts'
import { Jwk } from '../src/wire/fields.ts'
import { createValidator, parseWith } from '../src/wire/schema.ts'
import { jsonText, readJsonFile, readText } from './disk-files.ts'
import { inFile } from './failure.ts'

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
  return inFile(path, () => createSigner(parsePrivateJwk(value)))
}

/** A public key from its file, a private one's included (its secret is not kept). @throws as {@link loadSigner} */
export async function loadPublicJwk(path: string): Promise<PublicJwk> {
  const value = await readJsonFile(path)
  if (isPrivateJwk(value)) return (await loadSigner(path)).jwk
  return inFile(path, () => {
    const jwk = parseWith(publicJwk, value, 'public JWK') as PublicJwk
    rawKeyOf(jwk)
    return jwk
  })
}

/** The one identity of an age identity file. @throws KEY_INVALID, and as `readText` */
export async function loadIdentity(path: string): Promise<Identity> {
  const text = await readText(path)
  return inFile(path, () => parseIdentityFile(text))
}
