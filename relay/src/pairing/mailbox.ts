import { digestOf, equalBytes, LatchkeyError } from '@latchkey/shared'
import type { Database } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'

/** The three letters of a pairing, in order. */
export type PairingSlot = 'hello' | 'answer' | 'done'

const BEFORE: Readonly<Record<PairingSlot, PairingSlot | null>> = { hello: null, answer: 'hello', done: 'answer' }
/** Life of a mailbox, from its hello on: the same as the life of the secret behind it. */
const LIFE_MS = 15 * 60_000
/** New mailboxes per address and minute: a household needs one, a shared address a few. */
const PER_MINUTE = 30
const MINUTE_MS = 60_000

/** Pairing mailboxes. The relay carries the letters and understands none of them. */
export interface Mailboxes {
  /**
   * Writes a slot once; the same bytes again are fine. Untrusted: `body`.
   * @param address of the peer, for the rate limit
   * @returns digest of the body
   * @throws NOT_FOUND (the slot before is empty) | CONFLICT (other bytes) | RATE_LIMITED
   */
  put(letter: { id: string; slot: PairingSlot; body: Uint8Array; address: string }): Promise<string>
  /** @throws NOT_FOUND until it is written, and when it has expired */
  get(id: string, slot: PairingSlot): Promise<Uint8Array>
  /** Drops expired mailboxes. */
  sweep(): Promise<void>
}

/** Counts events per address in whole minutes; forgets the minute before. */
function createMinuteLimit(limit: number, clock: Pick<Clock, 'nowMs'>): (address: string) => boolean {
  let minute = 0
  const counts = new Map<string, number>()
  return (address) => {
    const now = Math.floor(clock.nowMs() / MINUTE_MS)
    if (now !== minute) counts.clear()
    minute = now
    const count = (counts.get(address) ?? 0) + 1
    counts.set(address, count)
    return count <= limit
  }
}

export function createMailboxes(parts: { database: Database; clock: Pick<Clock, 'nowMs'> }): Mailboxes {
  const { database, clock } = parts
  const mayCreate = createMinuteLimit(PER_MINUTE, clock)
  const find = async (id: string, slot: PairingSlot): Promise<{ body: Uint8Array; expiresMs: number } | null> => {
    const [row] = await database.query<{ body: Uint8Array; expires_ms: number }>(
      'SELECT body, expires_ms FROM pairings WHERE id = $1 AND slot = $2 AND expires_ms > $3',
      [id, slot, clock.nowMs()],
    )
    return row ? { body: row.body, expiresMs: row.expires_ms } : null
  }
  return {
    put: async ({ id, slot, body, address }) => {
      const before = BEFORE[slot]
      const previous = before === null ? null : await find(id, before)
      if (before !== null && !previous) throw new LatchkeyError('NOT_FOUND', `this mailbox has no ${before}`)
      if (before === null && !mayCreate(address)) throw new LatchkeyError('RATE_LIMITED', 'too many new pairings')
      await database.query(
        'INSERT INTO pairings (id, slot, body, expires_ms) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
        [id, slot, body, previous?.expiresMs ?? clock.nowMs() + LIFE_MS],
      )
      const stored = await find(id, slot)
      if (!stored || !equalBytes(stored.body, body))
        throw new LatchkeyError('CONFLICT', `the ${slot} is already written`)
      return digestOf(body)
    },
    get: async (id, slot) => {
      const stored = await find(id, slot)
      if (!stored) throw new LatchkeyError('NOT_FOUND', `this mailbox has no ${slot}`)
      return stored.body
    },
    sweep: async () => {
      await database.query('DELETE FROM pairings WHERE expires_ms <= $1', [clock.nowMs()])
    },
  }
}
