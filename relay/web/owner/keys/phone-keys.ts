/** The phone's own keys: made by WebCrypto, usable by this app, readable by nobody. */
import { type HeaderOpener, type Signer, webOpenerOf, webSignerOf } from '@latchkey/shared'

/** Two key pairs whose private halves cannot leave the browser's key store. */
export interface PhoneKeys {
  readonly signing: CryptoKeyPair
  readonly opening: CryptoKeyPair
}

/** A phone that may speak for its household and open its clips. */
export interface Phone {
  readonly signer: Signer
  readonly opener: HeaderOpener
}

/** Fresh keys. @throws when the browser cannot; {@link probeBrowser} tells before */
export async function createPhoneKeys(): Promise<PhoneKeys> {
  const signing = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])
  const opening = await crypto.subtle.generateKey('X25519', false, ['deriveBits'])
  return { signing, opening }
}

/** The keys at work. @throws KEY_INVALID */
export async function phoneOf(keys: PhoneKeys): Promise<Phone> {
  const [signer, opener] = await Promise.all([webSignerOf(keys.signing), webOpenerOf(keys.opening)])
  return { signer, opener }
}
