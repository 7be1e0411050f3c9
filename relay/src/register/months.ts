import { type EntryOf, leafHourStartMs, monthEndMs, monthOf, OUTCOMES, stepOf } from '@latchkey/shared'
import type { Queryable } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import { insertVersion, type RegisterParts } from './register.ts'

/** What was taken in the last moment of a month is in the database by then. */
const SETTLED_MS = 3_600_000

/** Months that have ended since the log began, oldest first, without those that are told. */
async function untoldMonths(db: Queryable, nowMs: number): Promise<string[]> {
  const [first] = await db.query<{ hour: number }>('SELECT hour FROM log_leaves WHERE leaf_index = 0')
  if (!first) return []
  const told = await db.query<{ id: string }>("SELECT id FROM register_entries WHERE book = 'statistics'")
  const known = new Set(told.map(({ id }) => id))
  const months: string[] = []
  for (
    let month = monthOf(leafHourStartMs(first.hour));
    monthEndMs(month) + SETTLED_MS <= nowMs;
    month = monthOf(monthEndMs(month))
  )
    if (!known.has(month)) months.push(month)
  return months
}

/** The numbers of a month, of every agency that has any. */
async function countMonth(db: Queryable, month: string): Promise<EntryOf<'statistics'>['agencies']> {
  const span = [Date.parse(`${month}-01T00:00:00Z`), monthEndMs(month)]
  const releases = await db.query<{ agency: string; count: number }>(
    `SELECT r.agency, count(*)::int AS count
     FROM downloads d JOIN consents c ON c.digest = d.consent JOIN requests r ON r.digest = c.request
     WHERE d.number = 1 AND d.taken_ms >= $1 AND d.taken_ms < $2 GROUP BY r.agency`,
    span,
  )
  const reports = await db.query<{ agency: string; outcome: string; count: number }>(
    `SELECT agency, outcome, count(*)::int AS count FROM outcomes
     WHERE received_ms >= $1 AND received_ms < $2 GROUP BY agency, outcome`,
    span,
  )
  const agencies = [...new Set([...releases, ...reports].map(({ agency }) => agency))].sort()
  return agencies.map((agency) => {
    const given = releases.find((row) => row.agency === agency)?.count ?? 0
    const reported = (word: string) => reports.find((row) => row.agency === agency && row.outcome === word)?.count ?? 0
    const outcomes = Object.fromEntries(OUTCOMES.map((word) => [word, stepOf(reported(word))]))
    return {
      agency,
      releases: stepOf(given),
      outcomes: outcomes as Record<(typeof OUTCOMES)[number], ReturnType<typeof stepOf>>,
    }
  })
}

/**
 * Tells the numbers of every month that has ended, once and for good: each is an entry of the register under a leaf of its own.
 * @returns how many months were told now
 */
export async function tellMonths(parts: RegisterParts & { readonly clock: Pick<Clock, 'nowMs'> }): Promise<number> {
  const months = await untoldMonths(parts.database, parts.clock.nowMs())
  let told = 0
  for (const month of months) {
    const ticket = await parts.database.transaction(async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`register/statistics/${month}`])
      const known = await tx.query("SELECT 1 FROM register_entries WHERE book = 'statistics' AND id = $1", [month])
      if (known.length > 0) return null
      const agencies = await countMonth(tx, month)
      return insertVersion(parts, tx, { v: 1, book: 'statistics', id: month, version: 1, agencies })
    })
    if (ticket === null) continue
    await parts.settler.settle('register_entries', ticket)
    told++
  }
  return told
}
