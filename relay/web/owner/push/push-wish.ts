/** What this phone wants to be told while nobody looks, and what it told its doorbells and the relay about that. */
import {
  digestOfJson,
  encodeBase64url,
  type PublicJwk,
  pushSubscriptionList,
  type PushWish,
  sealPushKeys,
  urnOf,
} from '@latchkey/shared'
import { loadDoorbells } from '../doorbells/known-doorbells.ts'
import type { Home } from '../household/home.ts'
import { memberClient } from '../household/relay-clients.ts'
import { nowMs, utcOffsetMinutesAt } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import { phoneOf } from '../keys/phone-keys.ts'

/** As this phone keeps it; there is none where it is told nothing. */
interface KeptWish {
  readonly v: 1
  readonly events: PushWish['events']
  /** Digest over what the relay and the doorbells were last told; null before. */
  readonly told: string | null
}

/** A browser's address and keys. */
export type BrowserSubscription = Pick<PushSubscription, 'endpoint' | 'getKey'>

const RECORD = 'push'
const PATH = '/v1/push-subscriptions'
/** When the day is over and one sits down, for a household that chose no hour. */
export const USUAL_HOUR = 18

const keyOf = (subscription: BrowserSubscription, name: PushEncryptionKeyName): string => {
  const key = subscription.getKey(name)
  return key === null ? '' : encodeBase64url(new Uint8Array(key))
}

/** Minute of the UTC day at which it is this hour here, today. */
const minuteOf = (hour: number): number => (((hour * 60 - utcOffsetMinutesAt(nowMs())) % 1_440) + 1_440) % 1_440

/** Sealing to more would not fit, and no household has them. */
const MAX_DOORBELLS = 8

/** Keys of the doorbells that an owner vouched for and no member took back. */
async function findDoorbells(home: Home, database: Database): Promise<PublicJwk[]> {
  const doorbells = await loadDoorbells(home, database)
  const trusted = doorbells.filter(({ revokedMs }) => revokedMs === null)
  const keys = new Map(trusted.map(({ certificate: { payload } }) => [payload.sub, payload.cnf.jwk]))
  return [...keys.values()].slice(-MAX_DOORBELLS)
}

/** `null`: this phone is told nothing. `isTold`: doorbells know of it. */
export async function loadWish(
  database: Database,
): Promise<{ readonly events: PushWish['events']; readonly isTold: boolean } | null> {
  const kept = (await database.load(RECORD)) as KeptWish | undefined
  return kept === undefined ? null : { events: kept.events, isTold: kept.told !== null }
}

/** Keeps it; {@link tellWish} carries it to relay and doorbells. */
export const saveWish = (database: Database, events: PushWish['events']): Promise<void> =>
  database.save(RECORD, { v: 1, events, told: null } satisfies KeptWish)

/** The relay's own key, and whether it still knows this phone. */
export async function askRelay(home: Home): Promise<{ applicationServerKey: string; isKnown: boolean }> {
  const client = await memberClient(home)
  const { applicationServerKey, subscriptions } = await client.json('GET', PATH, pushSubscriptionList)
  return { applicationServerKey, isKnown: subscriptions.length > 0 }
}

/**
 * Tells the doorbells, sealed, how to write to this phone, and the relay where and when. Does nothing when all of that stands already.
 * @param given.hour of the daily look, by this phone's clock
 * @param given.again though nothing changed: the relay forgot
 * @throws UNAVAILABLE and whatever the relay refuses
 */
export async function tellWish(
  { database, home }: { readonly database: Database; readonly home: Home },
  subscription: BrowserSubscription,
  given: { readonly hour: number; readonly again?: boolean },
): Promise<void> {
  const kept = (await database.load(RECORD)) as KeptWish | undefined
  if (kept === undefined) return
  const doorbells = await findDoorbells(home, database)
  // A household whose first doorbell is still to come: there is nobody to seal to.
  if (doorbells.length === 0) return
  const { events } = kept
  const wish: PushWish = { p256dh: keyOf(subscription, 'p256dh'), auth: keyOf(subscription, 'auth'), events }
  const where = { endpoint: subscription.endpoint, minuteUtc: minuteOf(given.hour) }
  const told = digestOfJson({ wish, where, doorbells })
  if (told === kept.told && given.again !== true) return
  const { signer } = await phoneOf(home.keys)
  const household = urnOf(home.rootJwk)
  const keys = await sealPushKeys(wish, { household, signer, doorbells, nowSeconds: Math.floor(nowMs() / 1000) })
  const client = await memberClient(home)
  await client.bytes('PUT', PATH, { json: { ...where, keys: encodeBase64url(keys) } })
  await database.save(RECORD, { ...kept, told })
}

/** Ends it here and at the relay; here at once, whatever the relay answers. @throws UNAVAILABLE */
export async function forgetWish(database: Database, home: Home): Promise<void> {
  await database.deleteAll([RECORD])
  const client = await memberClient(home)
  await client.bytes('DELETE', PATH)
}
