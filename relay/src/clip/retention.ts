import type { Database, ItemStore } from '../flow.ts'
import type { Log } from '../kernel/log.ts'
import { type DeletionParts, deleteClip, finishDeletions } from './clips.ts'

const DAY_MS = 24 * 3_600_000
/** An item that no manifest names within this is nobody's. */
const UNNAMED_MS = DAY_MS
const BATCH = 200

export interface RetentionParts extends DeletionParts {
  readonly log: Log
  readonly retentionDays: number
  /** Does a live consent, or a running download, hold the items of this clip? */
  isHeld(root: string, clip: string, nowMs: number): Promise<boolean>
}

/** Counts of one run. */
export interface RetentionOutcome {
  readonly clips: number
  readonly items: number
  readonly orphans: number
}

/** Clips whose newest manifest came longer ago than they are kept; by the relay's clock, a Pi's may be wrong. */
async function deleteOldClips(parts: RetentionParts, nowMs: number): Promise<number> {
  const rows = await parts.database.query<{ root: string; clip: string }>(
    `SELECT root, clip FROM manifests GROUP BY root, clip HAVING max(received_ms) <= $1
     ORDER BY max(received_ms) LIMIT $2`,
    [nowMs - parts.retentionDays * DAY_MS, BATCH],
  )
  let deleted = 0
  for (const { root, clip } of rows) {
    if (await parts.isHeld(root, clip, nowMs)) continue
    await deleteClip(parts, root, clip)
    deleted++
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

async function isNamed(database: Database, key: string): Promise<boolean> {
  const rows = await database.query('SELECT 1 FROM items WHERE store_key = $1', [key])
  return rows.length > 0
}

/** Payloads of uploads that died before their row: noticed in one run, removed a day later. */
async function dropOrphans(parts: { database: Database; items: ItemStore }, nowMs: number): Promise<number> {
  const { database, items } = parts
  for await (const { key } of items.list('items/'))
    if (!(await isNamed(database, key)))
      await database.query('INSERT INTO orphan_payloads VALUES ($1, $2) ON CONFLICT DO NOTHING', [key, nowMs])
  await database.query('DELETE FROM orphan_payloads o USING items i WHERE i.store_key = o.store_key')
  const rows = await database.query<{ store_key: string }>(
    'DELETE FROM orphan_payloads WHERE noticed_ms <= $1 RETURNING store_key',
    [nowMs - UNNAMED_MS],
  )
  for (const { store_key: key } of rows) await items.delete(key)
  return rows.length
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
