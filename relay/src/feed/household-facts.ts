import type { HouseholdFact } from '@latchkey/shared'
import type { Database, FactToTell, Queryable } from '../flow.ts'

/** Writes a fact, last in its transaction: the lock it takes is held until the commit, and no other is taken after it. */
export async function insertFact(tx: Queryable, root: string, fact: FactToTell, nowMs: number): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`facts/${root}`])
  await tx.query('INSERT INTO household_facts (root, at_ms, fact) VALUES ($1, $2, $3::jsonb)', [
    root,
    nowMs,
    JSON.stringify(fact),
  ])
}

/** Facts behind a position, in order. */
export async function factsAfter(db: Queryable, root: string, after: number, limit: number): Promise<HouseholdFact[]> {
  const rows = await db.query<{ position: number; at_ms: number; fact: FactToTell }>(
    'SELECT position, at_ms, fact FROM household_facts WHERE root = $1 AND position > $2 ORDER BY position LIMIT $3',
    [root, after, limit],
  )
  return rows.map(({ position, at_ms: atMs, fact }) => ({ ...fact, position, atMs }))
}

/**
 * Where a phone goes on from: behind the position it names, or behind the newest fact when it names none or one that this
 * relay never gave.
 */
export async function startingPoint(
  db: Queryable,
  root: string,
  after: number | null,
): Promise<{ position: number; complete: boolean }> {
  const [row] = await db.query<{ forgotten: number; newest: number | null }>(
    `SELECT facts_forgotten AS forgotten, (SELECT max(position) FROM household_facts f WHERE f.root = h.root) AS newest
     FROM households h WHERE root = $1`,
    [root],
  )
  const forgotten = row?.forgotten ?? 0
  const newest = row?.newest ?? forgotten
  if (after === null) return { position: newest, complete: true }
  if (after > newest) return { position: newest, complete: false }
  return { position: after, complete: after >= forgotten }
}

/** Drops facts from before a moment, and remembers that they were. */
export async function forgetFacts(database: Database, beforeMs: number): Promise<void> {
  await database.query(
    `WITH gone AS (DELETE FROM household_facts WHERE at_ms < $1 RETURNING root, position)
     UPDATE households h SET facts_forgotten = greatest(h.facts_forgotten, g.newest)
     FROM (SELECT root, max(position) AS newest FROM gone GROUP BY root) g WHERE g.root = h.root`,
    [beforeMs],
  )
}
