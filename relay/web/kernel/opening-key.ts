import { encodeBase64url, identityOf } from '@latchkey/shared'

/** A key that opens clips, handed to the browser's key store, which never gives it back. @param secret 32 bytes of X25519 */
export async function importOpening(secret: Uint8Array): Promise<CryptoKeyPair> {
  const x = encodeBase64url(identityOf(secret).publicKey)
  const jwk = { kty: 'OKP', crv: 'X25519', x }
  const [publicKey, privateKey] = await Promise.all([
    crypto.subtle.importKey('jwk', jwk, 'X25519', true, []),
    crypto.subtle.importKey('jwk', { ...jwk, d: encodeBase64url(secret) }, 'X25519', false, ['deriveBits']),
  ])
  return { publicKey, privateKey }
}
