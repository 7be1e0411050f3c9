/** What this phone knows of its household. */
import { type KeysetChain, keyset, keysetInForce, type KeysetLink, type PublicJwk } from '@latchkey/shared'
import type { Database } from '../../kernel/database.ts'
import type { PhoneKeys } from '../keys/phone-keys.ts'

/** Latitude and longitude of the door in integer microdegrees; they never leave the phone unsealed. */
export type Place = readonly [latMicro: number, lonMicro: number]

/** A doorbell that this household vouched for. */
export interface PairedDoorbell {
  /** Its certificate, compact JWS. */
  readonly certificate: string
  readonly pairedMs: number
}

/** A version of the household's keyset as it is kept. */
export interface KeptKeyset {
  /** Compact JWS. */
  readonly keyset: string
  readonly standing: KeysetLink['standing']
}

/** One household as this phone pins it: nothing of it is taken from a relay's word again. */
export interface Home {
  readonly v: 1
  readonly relay: string
  readonly logVkey: string
  readonly rootJwk: PublicJwk
  /** The keyset in force as this phone knows it, compact JWS. */
  readonly keyset: string
  /** Every version from the first on, each followed from the root. */
  readonly keysets: readonly KeptKeyset[]
  readonly cell: string
  readonly place: Place
  readonly doorbells: readonly PairedDoorbell[]
  readonly keys: PhoneKeys
  /** The recovery key of the sheet by which this phone took the household over: as unreadable as its own, and kept only until old clips open without it. */
  readonly recovery?: CryptoKeyPair | null
}

const RECORD = 'home'

/** `null` on a phone that belongs to no household yet. */
export async function loadHome(database: Database): Promise<Home | null> {
  const kept = (await database.load(RECORD)) as (Omit<Home, 'keysets'> & Partial<Home>) | undefined
  // Phones that were set up before there was a chain kept the first keyset only.
  return kept === undefined ? null : { keysets: [{ keyset: kept.keyset, standing: 'counts' }], ...kept }
}

/** The keysets that this phone followed from its root. */
export function chainOf({ keysets }: Pick<Home, 'keysets'>): KeysetChain {
  const [first, ...more] = keysets.map((kept) => ({ ...kept, keyset: keyset.parse(kept.keyset) }))
  return [first!, ...more]
}

/** The same household with the keysets as they are known now. */
export const withChain = (home: Home, chain: KeysetChain): Home => ({
  ...home,
  keyset: keysetInForce(chain).raw,
  keysets: chain.map((link) => ({ keyset: link.keyset.raw, standing: link.standing })),
})

/** Keeps it; durable when this resolves. */
export const saveHome = (database: Database, home: Home): Promise<void> => database.save(RECORD, home)
