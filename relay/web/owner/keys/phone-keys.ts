/** The phone's own keys: made by WebCrypto, usable by this app, readable by nobody. */
import { codeOf, type HeaderOpener, recoverFileKeyWith, type Signer, webOpenerOf, webSignerOf } from '@latchkey/shared'

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

/** Every key of this phone that opens clips, its own first. */
export async function openersOf(holder: {
  readonly keys: PhoneKeys
  readonly recovery?: CryptoKeyPair | null
}): Promise<readonly HeaderOpener[]> {
  const pairs = holder.recovery ? [holder.keys.opening, holder.recovery] : [holder.keys.opening]
  return Promise.all(pairs.map(webOpenerOf))
}

/** As `recoverFileKeyWith`, by the first of these keys that a header is for. @throws AGE_NO_MATCH when it is for none */
export async function recoverFileKeyByAny(
  header: Parameters<typeof recoverFileKeyWith>[0],
  openers: readonly HeaderOpener[],
  committed: Parameters<typeof recoverFileKeyWith>[2],
): Promise<Uint8Array> {
  let failure: unknown
  for (const opener of openers) {
    try {
      return await recoverFileKeyWith(header, opener, committed)
    } catch (error) {
      if (codeOf(error) !== 'AGE_NO_MATCH') throw error
      failure = error
    }
  }
  throw failure
}
