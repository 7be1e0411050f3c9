import { decodeBase64url, isPushBody, LatchkeyError, type PushSubmission } from '@latchkey/shared'
import type { Database } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import { nextDailyMs } from './daily-times.ts'
import type { PushQueue } from './push-queue.ts'
import { deleteSubscription, findEndpoint } from './push-subscriptions.ts'

/** What pushes need. */
export interface PushParts {
  readonly database: Database
  readonly clock: Clock
  readonly queue: Pick<PushQueue, 'add' | 'room'>
  readonly isMember: (root: string, thumbprint: string) => Promise<boolean>
}

/** Who rang ten minutes ago is gone. */
const DOOR_TTL_SECONDS = 600
/** A phone that was off until now is told at its next hour. */
const DAILY_TTL_SECONDS = 12 * 3_600
/** How long this relay tries: after that the day's push comes with the next. */
const DAILY_TRIES_MS = 3_600_000
/** More in one run would only wait longer in memory; the next run is in half a minute. */
const MAX_PER_RUN = 200

/**
 * Hands a device's message to the push service of a member of its household. What it says this relay cannot read.
 * Untrusted: `given`.
 * @throws ENCODING_INVALID | MESSAGE_INVALID | NOT_FOUND for who is no member or has no subscription | RATE_LIMITED
 */
export async function submitPush(parts: PushParts, root: string, given: PushSubmission): Promise<void> {
  const { database, clock, queue, isMember } = parts
  const { member } = given
  const body = decodeBase64url(given.body)
  if (!isPushBody(body)) throw new LatchkeyError('MESSAGE_INVALID', 'body: not a message encrypted to a browser')
  const endpoint = (await isMember(root, member)) ? await findEndpoint(database, root, member) : null
  if (endpoint === null) throw new LatchkeyError('NOT_FOUND', 'this member is written to nowhere')
  const message = { endpoint, body, ttlSeconds: DOOR_TTL_SECONDS, urgency: 'high' } as const
  const untilMs = clock.nowMs() + DOOR_TTL_SECONDS * 1000
  if (!queue.add({ root, member, message, untilMs }))
    throw new LatchkeyError('RATE_LIMITED', 'too many pushes are on their way')
}

/**
 * The empty push of the day to every phone whose minute has come, whether or not anything waits for it: nothing here can know.
 * The next moment is written before the push is handed over, so that no relay that dies and comes back sends two.
 */
export async function sendDaily(parts: PushParts): Promise<number> {
  const { database, clock, queue, isMember } = parts
  const nowMs = clock.nowMs()
  const limit = Math.min(MAX_PER_RUN, queue.room)
  const due = await database.query<{ member: string; root: string; minute_utc: number; next_daily_ms: number }>(
    `SELECT member, root, minute_utc, next_daily_ms FROM push_subscriptions
     WHERE next_daily_ms <= $1 ORDER BY next_daily_ms LIMIT $2`,
    [nowMs, limit],
  )
  let sent = 0
  for (const { member, root, minute_utc: minuteUtc, next_daily_ms: dueMs } of due) {
    if (!(await isMember(root, member))) {
      await deleteSubscription(database, { root, thumbprint: member })
      continue
    }
    const [taken] = await database.query<{ endpoint: string }>(
      `UPDATE push_subscriptions SET next_daily_ms = $3, last_daily_ms = $4
       WHERE member = $1 AND next_daily_ms = $2 RETURNING endpoint`,
      [member, dueMs, nextDailyMs(minuteUtc, { nowMs, lastMs: null }), nowMs],
    )
    if (taken === undefined) continue
    const { endpoint } = taken
    const message = { endpoint, body: null, ttlSeconds: DAILY_TTL_SECONDS, urgency: 'normal', topic: 'daily' } as const
    if (queue.add({ root, member, message, untilMs: nowMs + DAILY_TRIES_MS })) sent++
  }
  return sent
}
