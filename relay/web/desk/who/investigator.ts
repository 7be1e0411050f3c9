/** Who sits at this desk: keys that the browser keeps and shows to nobody, and the agency's word on them. */
import {
  codeOf,
  createSigner,
  encodeBase64url,
  generateIdentity,
  type HeaderOpener,
  type Identity,
  type InvestigatorCertificate,
  investigatorCertificate,
  LatchkeyError,
  parseIdentityFile,
  parsePrivateJwk,
  type Signed,
  type Signer,
  webOpenerOf,
  webSignerOf,
} from '@latchkey/shared'
import type { Database } from '../../kernel/database.ts'
import { importOpening } from '../../kernel/opening-key.ts'

/** Two key pairs whose private halves cannot leave the browser's key store. */
export interface DeskKeys {
  readonly signing: CryptoKeyPair
  readonly opening: CryptoKeyPair
}

/** What is kept, from the moment at which the keys exist. */
export interface Investigator {
  readonly v: 1
  /** Origin. */
  readonly relay: string
  readonly keys: DeskKeys
  /** As signed by the agency; null until it was given. */
  readonly certificate: string | null
}

const RECORD = 'investigator'

/** Null for an empty desk. */
export async function loadInvestigator(database: Database): Promise<Investigator | null> {
  return ((await database.load(RECORD)) as Investigator | undefined) ?? null
}

/** Durable when it resolves. */
export const saveInvestigator = (database: Database, investigator: Investigator): Promise<void> =>
  database.save(RECORD, investigator)

/** The keys at work. */
export async function openKeys({ signing, opening }: DeskKeys): Promise<{ signer: Signer; opener: HeaderOpener }> {
  const [signer, opener] = await Promise.all([webSignerOf(signing), webOpenerOf(opening)])
  return { signer, opener }
}

/** Fresh keys, and the evidence key as the one file that may exist of it. */
export async function createKeys(): Promise<{ keys: DeskKeys; identity: Identity }> {
  const identity = generateIdentity()
  const signing = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])
  return { keys: { signing, opening: await importOpening(identity.secret) }, identity }
}

async function importSigning(seed: Uint8Array): Promise<CryptoKeyPair> {
  const jwk = { ...createSigner(seed).jwk }
  const [publicKey, privateKey] = await Promise.all([
    crypto.subtle.importKey('jwk', jwk, 'Ed25519', true, ['verify']),
    crypto.subtle.importKey('jwk', { ...jwk, d: encodeBase64url(seed) }, 'Ed25519', false, ['sign']),
  ])
  return { publicKey, privateKey }
}

/** What files hold, each null where none of them does. */
export interface FoundKeys {
  readonly signing: CryptoKeyPair | null
  readonly opening: CryptoKeyPair | null
  readonly certificate: string | null
}

/** The certificate's text, in its one spelling. Untrusted: `text`. @throws the form codes */
export const parseCertificateFile = (text: string): Signed<InvestigatorCertificate> =>
  investigatorCertificate.parse(text.trim())

async function readOne(text: string): Promise<Partial<FoundKeys>> {
  const trimmed = text.trim()
  if (trimmed.startsWith('{')) return { signing: await importSigning(parsePrivateJwk(parseJson(trimmed))) }
  if (trimmed.startsWith('ey')) return { certificate: parseCertificateFile(trimmed).raw }
  return { opening: await importOpening(parseIdentityFile(trimmed).secret) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new LatchkeyError('KEY_INVALID', 'not a key file', { cause })
  }
}

/**
 * Keys and certificate out of files, whatever they are called and in whatever order. What is none of them is passed over.
 * Untrusted: `texts`.
 */
export async function readKeyFiles(texts: readonly string[]): Promise<FoundKeys> {
  let found: FoundKeys = { signing: null, opening: null, certificate: null }
  for (const text of texts) {
    try {
      found = { ...found, ...(await readOne(text)) }
    } catch (error) {
      if (codeOf(error) === 'INTERNAL') throw error
    }
  }
  return found
}

/** Why a certificate cannot be used with these keys now; null when it can. */
export async function certificateFault(
  certificate: Signed<InvestigatorCertificate>,
  keys: DeskKeys,
  nowMs: number,
): Promise<'other-keys' | 'expired' | null> {
  const { signer, opener } = await openKeys(keys)
  const { sub, exp, latchkey } = certificate.payload
  if (sub !== signer.urn || latchkey.recipient !== opener.recipient) return 'other-keys'
  return exp * 1000 <= nowMs ? 'expired' : null
}
