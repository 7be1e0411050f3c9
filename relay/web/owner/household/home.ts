/** What this phone knows of its household. */
import type { PublicJwk } from '@latchkey/shared'
import type { Database } from '../kernel/database.ts'
import type { PhoneKeys } from '../keys/phone-keys.ts'

/** Latitude and longitude of the door in integer microdegrees; they never leave the phone unsealed. */
export type Place = readonly [latMicro: number, lonMicro: number]

/** A doorbell that this household vouched for. */
export interface PairedDoorbell {
  /** Its certificate, compact JWS. */
  readonly certificate: string
  readonly pairedMs: number
}

/** One household as this phone pins it: nothing of it is taken from a relay's word again. */
export interface Home {
  readonly v: 1
  readonly relay: string
  readonly logVkey: string
  readonly rootJwk: PublicJwk
  /** The keyset in force as this phone knows it, compact JWS. */
  readonly keyset: string
  readonly cell: string
  readonly place: Place
  readonly doorbells: readonly PairedDoorbell[]
  readonly keys: PhoneKeys
}

const RECORD = 'home'

/** `null` on a phone that belongs to no household yet. */
export async function loadHome(database: Database): Promise<Home | null> {
  return ((await database.load(RECORD)) as Home | undefined) ?? null
}

/** Keeps it; durable when this resolves. */
export const saveHome = (database: Database, home: Home): Promise<void> => database.save(RECORD, home)
