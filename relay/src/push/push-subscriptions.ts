import { decodeBase64url, encodeBase64url, LatchkeyError, MAX_PUSH_KEYS_BYTES, splitAgeFile } from '@latchkey/shared'
import type { PushSubscription, PushSubscriptionList } from '@latchkey/shared'
import type { Database, Queryable } from '../flow.ts'
import { nextDailyMs } from './daily-times.ts'
import { parseEndpoint, type PushServices } from './push-endpoint.ts'

/** What the subscriptions need. */
export interface SubscriptionParts {
  readonly database: Database
  readonly clock: { nowMs(): number }
  readonly services: PushServices
}

/** A member's phone, as its proof named it. */
export interface PushMember {
  readonly root: string
  readonly thumbprint: string
}

/** Opaque to this relay; what is no age file at all is a mistake that is better heard of now. */
function parseKeys(keys: string): Uint8Array {
  const file = decodeBase64url(keys)
  if (file.length > MAX_PUSH_KEYS_BYTES)
    throw new LatchkeyError('MESSAGE_TOO_LARGE', `keys: at most ${MAX_PUSH_KEYS_BYTES} bytes`)
  splitAgeFile(file)
  return file
}

/**
 * Keeps where a member's phone is written to, in the place of what was kept. Idempotent; another minute does not bring a
 * second daily push.
 * @param given untrusted
 * @throws MESSAGE_INVALID | ENCODING_INVALID | MESSAGE_TOO_LARGE | AGE_HEADER_INVALID
 */
export async function putSubscription(
  { database, clock, services }: SubscriptionParts,
  { root, thumbprint }: PushMember,
  given: PushSubscription,
): Promise<void> {
  const { href } = parseEndpoint(given.endpoint, services)
  const keys = parseKeys(given.keys)
  await database.transaction(async (tx) => {
    const [known] = await tx.query<{ minute_utc: number; next_daily_ms: number; last_daily_ms: number | null }>(
      'SELECT minute_utc, next_daily_ms, last_daily_ms FROM push_subscriptions WHERE member = $1 AND root = $2 FOR UPDATE',
      [thumbprint, root],
    )
    const nextMs =
      known?.minute_utc === given.minuteUtc
        ? known.next_daily_ms
        : nextDailyMs(given.minuteUtc, { nowMs: clock.nowMs(), lastMs: known?.last_daily_ms ?? null })
    await tx.query(
      `INSERT INTO push_subscriptions (member, root, endpoint, keys, minute_utc, next_daily_ms)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (member) DO UPDATE
       SET root = $2, endpoint = $3, keys = $4, minute_utc = $5, next_daily_ms = $6`,
      [thumbprint, root, href, keys, given.minuteUtc, nextMs],
    )
  })
}

/** Forgets it. Idempotent. */
export async function deleteSubscription(db: Queryable, { root, thumbprint }: PushMember): Promise<void> {
  await db.query('DELETE FROM push_subscriptions WHERE member = $1 AND root = $2', [thumbprint, root])
}

/** Forgets an address at which nobody listens, unless the phone has named another since. */
export async function forgetEndpoint(db: Queryable, member: string, endpoint: string): Promise<void> {
  await db.query('DELETE FROM push_subscriptions WHERE member = $1 AND endpoint = $2', [member, endpoint])
}

/** Of a household, or of one of its members. */
export async function listSubscriptions(
  db: Queryable,
  root: string,
  member: string | null,
): Promise<PushSubscriptionList['subscriptions']> {
  const rows = await db.query<{ member: string; keys: Uint8Array }>(
    'SELECT member, keys FROM push_subscriptions WHERE root = $1 AND ($2::text IS NULL OR member = $2) ORDER BY member LIMIT 64',
    [root, member],
  )
  return rows.map((row) => ({ member: row.member, keys: encodeBase64url(row.keys) }))
}

/** Where a member of this household is written to; null where it is not. */
export async function findEndpoint(db: Queryable, root: string, member: string): Promise<string | null> {
  const [row] = await db.query<{ endpoint: string }>(
    'SELECT endpoint FROM push_subscriptions WHERE root = $1 AND member = $2',
    [root, member],
  )
  return row?.endpoint ?? null
}
