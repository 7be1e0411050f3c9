import { jwkOf, encodeRecipient, type HeaderOpener, type Signer, thumbprintOf, urnOf } from './keys.ts'

/** A WebCrypto key; the platforms name the type differently. */
export type WebKey = Parameters<typeof crypto.subtle.exportKey>[1]

/** Two halves of a WebCrypto key pair; the private one may be, and on a phone is, non-extractable. */
export interface WebKeyPair {
  readonly privateKey: WebKey
  readonly publicKey: WebKey
}

/** WebCrypto types ask for memory that no other thread shares; all of ours is such. */
export const unshared = (bytes: Uint8Array) => bytes as Uint8Array<ArrayBuffer>

async function rawPublicOf(pair: WebKeyPair): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey))
}

/**
 * A signer over an Ed25519 pair whose private half never leaves the platform.
 * @param pair generated with usages `sign`, `verify`
 * @throws KEY_INVALID
 * @see WICG Secure Curves §5 (now in Web Cryptography Level 2)
 */
export async function webSignerOf(pair: WebKeyPair): Promise<Signer> {
  const jwk = jwkOf(await rawPublicOf(pair))
  const sign = async (message: Uint8Array) =>
    new Uint8Array(await crypto.subtle.sign('Ed25519', pair.privateKey, unshared(message)))
  return { jwk, thumbprint: thumbprintOf(jwk), urn: urnOf(jwk), sign }
}

async function agreeOnPlatform(privateKey: WebKey, share: Uint8Array): Promise<Uint8Array | null> {
  const theirs = await crypto.subtle.importKey('raw', unshared(share), 'X25519', true, [])
  try {
    return new Uint8Array(await crypto.subtle.deriveBits({ name: 'X25519', public: theirs }, privateKey, 256))
  } catch (error) {
    // The standard asks for this error, and only for it, when the shared secret is all zero.
    if (error instanceof DOMException && error.name === 'OperationError') return null
    throw error
  }
}

/**
 * An opener over an X25519 pair whose private half never leaves the platform.
 * @param pair generated with usage `deriveBits`
 */
export async function webOpenerOf(pair: WebKeyPair): Promise<HeaderOpener> {
  const publicKey = await rawPublicOf(pair)
  const agree = (share: Uint8Array) => agreeOnPlatform(pair.privateKey, share)
  return { recipient: encodeRecipient(publicKey), publicKey, agree }
}
