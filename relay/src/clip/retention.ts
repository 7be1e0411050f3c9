import type { Database, ItemStore, Queryable } from '../flow.ts'
import type { Log } from '../kernel/log.ts'
import { type ClipDays, type DeletionParts, deleteClip, finishDeletions } from './clips.ts'

const DAY_MS = 24 * 3_600_000
/** An item that no manifest names within this is nobody's. */
const UNNAMED_MS = DAY_MS
/** Keys that are looked up at once. */
const BATCH = 500

export interface RetentionParts extends DeletionParts {
  readonly log: Log
  readonly days: ClipDays
  /** Does a live consent, or a running download, hold the items of this clip? */
  isHeld(db: Queryable, root: string, clip: string, nowMs: number): Promise<boolean>
}

/** Counts of one run. */
export interface RetentionOutcome {
  readonly clips: number
  readonly items: number
  readonly orphans: number
}

/** By the relay's clock, a Pi's may be wrong. $1, $2: what came before had its time, and what came before had it and is kept. */
const DUE = `FROM manifests m LEFT JOIN kept_clips k USING (root, clip) GROUP BY root, clip
  HAVING max(received_ms) <= CASE WHEN count(k.clip) > 0 THEN $2::bigint ELSE $1::bigint END`

/** Clips whose newest manifest came longer ago than they are kept. */
async function deleteOldClips(parts: RetentionParts, nowMs: number): Promise<number> {
  const { database, days, isHeld } = parts
  const due = [nowMs - days.usual * DAY_MS, nowMs - days.kept * DAY_MS]
  const rows = await database.query<{ root: string; clip: string }>(
    `SELECT root, clip ${DUE} ORDER BY max(received_ms)`,
    due,
  )
  let deleted = 0
  for (const { root, clip } of rows) {
    // Somebody may keep or share it just now.
    const isDue = async (tx: Queryable): Promise<boolean> => {
      const still = await tx.query(`SELECT 1 ${DUE} AND root = $3 AND clip = $4`, [...due, root, clip])
      return still.length > 0 && !(await isHeld(tx, root, clip, nowMs))
    }
    if (await deleteClip(parts, root, clip, isDue)) deleted++
  }
  return deleted
}

/** Items that no manifest of their clip names. */
async function dropUnnamedItems(database: Database, nowMs: number): Promise<number> {
  const rows = await database.query(
    `WITH gone AS (
       DELETE FROM items i WHERE received_ms <= $1 AND NOT EXISTS (
         SELECT FROM manifests m WHERE m.root = i.root AND m.clip = i.clip AND m.item_count > i.index)
       RETURNING store_key)
     INSERT INTO payload_deletions SELECT store_key FROM gone ON CONFLICT DO NOTHING RETURNING store_key`,
    [nowMs - UNNAMED_MS],
  )
  return rows.length
}

/** Notes which of these keys no row names. */
async function noteOrphans(database: Database, keys: readonly string[], nowMs: number): Promise<void> {
  await database.query(
    `INSERT INTO orphan_payloads SELECT key, $2 FROM unnest($1::text[]) AS key
     WHERE NOT EXISTS (SELECT FROM items i WHERE i.store_key = key)
       AND NOT EXISTS (SELECT FROM payload_deletions d WHERE d.store_key = key) ON CONFLICT DO NOTHING`,
    [keys, nowMs],
  )
}

async function dropOrphan(parts: { database: Database; items: ItemStore }, key: string): Promise<number> {
  return parts.database.transaction(async (tx) => {
    // The row stays locked while the payload goes, so that an upload of the same bytes waits and then stores them anew.
    const claimed = await tx.query('DELETE FROM orphan_payloads WHERE store_key = $1 RETURNING store_key', [key])
    const named = await tx.query('SELECT 1 FROM items WHERE store_key = $1', [key])
    if (claimed.length === 0 || named.length > 0) return 0
    await parts.items.delete(key)
    return 1
  })
}

/** Payloads of uploads that died before their row: noticed in one run, removed a day later. */
async function dropOrphans(parts: { database: Database; items: ItemStore }, nowMs: number): Promise<number> {
  const { database, items } = parts
  let keys: string[] = []
  for await (const { key } of items.list('items/')) {
    if (keys.push(key) < BATCH) continue
    await noteOrphans(database, keys, nowMs)
    keys = []
  }
  await noteOrphans(database, keys, nowMs)
  const rows = await database.query<{ store_key: string }>(
    'SELECT store_key FROM orphan_payloads WHERE noticed_ms <= $1',
    [nowMs - UNNAMED_MS],
  )
  let dropped = 0
  for (const { store_key: key } of rows) dropped += await dropOrphan(parts, key)
  return dropped
}

/**
 * One run of retention: clips with their headers at the end of their time unless a live consent holds them, items that no
 * manifest names, payloads that no row names, and what an interrupted run left. Idempotent.
 */
export async function runRetention(parts: RetentionParts): Promise<RetentionOutcome> {
  const nowMs = parts.clock.nowMs()
  const outcome = {
    clips: await deleteOldClips(parts, nowMs),
    items: await dropUnnamedItems(parts.database, nowMs),
    orphans: await dropOrphans(parts, nowMs),
  }
  await finishDeletions(parts)
  return outcome
}
