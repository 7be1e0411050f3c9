import { type ClipEntry, LatchkeyError } from '@latchkey/shared'
import type { Database, ItemStore, Queryable, TellHousehold } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Failpoints } from '../kernel/failpoint.ts'

/** Clips per answer: descriptors of a minute are about 10 kB. */
const PAGE = 50

/** Between two of these the world may stop. */
export const DELETE_FAILPOINTS = ['clip.tombstone-committed', 'clip.payload-deleted'] as const

/** A page of a household's clips; `next` is the cursor to go on from, null at the end. */
export interface ClipPage {
  readonly clips: ClipEntry[]
  readonly next: number | null
}

/** How many days a clip stays: usually, and when a member keeps it. */
export interface ClipDays {
  readonly usual: number
  readonly kept: number
}

/** Newest manifest of each clip that changed behind the cursor, oldest change first. */
export async function listClips(database: Database, root: string, after: number): Promise<ClipPage> {
  const rows = await database.query<ClipEntry>(
    `SELECT m.cursor, m.clip, m.jws AS manifest, d.jws AS "deviceCertificate", m.descriptors, (SELECT min(h.keyset)
       FROM item_headers h WHERE h.root = m.root AND h.clip = m.clip HAVING count(*) >= m.item_count) AS "headersKeyset",
       m.received_ms AS "receivedMs",
       EXISTS (SELECT FROM kept_clips k WHERE k.root = m.root AND k.clip = m.clip) AS kept
     FROM manifests m JOIN devices d ON d.certificate = m.certificate
     WHERE m.root = $1 AND m.cursor > $2
       AND NOT EXISTS (SELECT FROM manifests n WHERE n.root = m.root AND n.clip = m.clip AND n.revision > m.revision)
     ORDER BY m.cursor LIMIT $3`,
    [root, after, PAGE],
  )
  return { clips: rows, next: rows.length < PAGE ? null : rows.at(-1)!.cursor }
}

export interface KeepParts {
  readonly database: Database
  readonly clock: Pick<Clock, 'nowMs'>
  readonly tell: TellHousehold
}

/**
 * Keeps a clip for as long as the policy lets any clip be kept, or no longer than others. Idempotent; what changes
 * nothing is told to nobody.
 * @throws NOT_FOUND
 */
export async function keepClip(
  { database, clock, tell }: KeepParts,
  root: string,
  { clip, kept }: { readonly clip: string; readonly kept: boolean },
): Promise<void> {
  await database.transaction(async (tx) => {
    // Retention and deletion wait for this lock, and then see what was done.
    const known = await tx.query('SELECT 1 FROM manifests WHERE root = $1 AND clip = $2 FOR SHARE', [root, clip])
    if (known.length === 0) throw new LatchkeyError('NOT_FOUND', 'no such clip')
    const changed = kept
      ? await tx.query('INSERT INTO kept_clips VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING clip', [
          root,
          clip,
          clock.nowMs(),
        ])
      : await tx.query('DELETE FROM kept_clips WHERE root = $1 AND clip = $2 RETURNING clip', [root, clip])
    if (changed.length > 0) await tell(tx, root, { type: 'kept', clip, kept })
  })
}

export interface DeletionParts {
  readonly database: Database
  readonly items: ItemStore
  readonly clock: Pick<Clock, 'nowMs'>
  readonly failpoints: Failpoints
  /** Ends every consent on the clip, in the transaction that deletes it. */
  endConsents(tx: Queryable, root: string, clip: string): Promise<void>
  readonly tell: TellHousehold
}

async function finishDeletion(
  parts: Pick<DeletionParts, 'database' | 'items' | 'failpoints'>,
  key: string,
): Promise<void> {
  await parts.database.transaction(async (tx) => {
    // The row stays locked while the payload goes, so that an upload of the same bytes waits and then stores them anew.
    const claimed = await tx.query('DELETE FROM payload_deletions WHERE store_key = $1 RETURNING store_key', [key])
    if (claimed.length === 0) return
    // Durable 2/3: the payload is gone.
    await parts.items.delete(key)
    await parts.failpoints.hit('clip.payload-deleted')
    // Durable 3/3: the tombstone of the payload, by the commit.
  })
}

/** Removes payloads whose deletion is committed; what fails is left for the next run. */
export async function finishDeletions(parts: Pick<DeletionParts, 'database' | 'items' | 'failpoints'>): Promise<void> {
  const rows = await parts.database.query<{ store_key: string }>('SELECT store_key FROM payload_deletions LIMIT 1000')
  for (const { store_key: key } of rows) await finishDeletion(parts, key)
}

/**
 * Deletes a clip: headers at once (without them nobody can open the payloads), then the payloads through a tombstone.
 * A late upload of the same clip is refused. Idempotent.
 * @param isDue asked first, while nobody can keep or share the clip; when it says no, nothing happens
 * @returns false when it was not due
 * @throws NOT_FOUND when the household never had the clip
 */
export async function deleteClip(
  parts: DeletionParts,
  root: string,
  clip: string,
  isDue: (tx: Queryable) => Promise<boolean> = async () => true,
): Promise<boolean> {
  const isDone = await parts.database.transaction(async (tx) => {
    await tx.query('SELECT 1 FROM manifests WHERE root = $1 AND clip = $2 FOR UPDATE', [root, clip])
    if (!(await isDue(tx))) return false
    // Durable 1/3: rows out, tombstones in.
    const items = await tx.query(
      `WITH gone AS (DELETE FROM items WHERE root = $1 AND clip = $2 RETURNING store_key)
       INSERT INTO payload_deletions SELECT store_key FROM gone ON CONFLICT DO NOTHING RETURNING store_key`,
      [root, clip],
    )
    const manifests = await tx.query('DELETE FROM manifests WHERE root = $1 AND clip = $2 RETURNING digest', [
      root,
      clip,
    ])
    await tx.query('DELETE FROM kept_clips WHERE root = $1 AND clip = $2', [root, clip])
    if (items.length + manifests.length > 0) {
      await tx.query('INSERT INTO deleted_clips VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
        root,
        clip,
        parts.clock.nowMs(),
      ])
      await parts.endConsents(tx, root, clip)
      await parts.tell(tx, root, { type: 'deleted', clip })
      return true
    }
    const known = await tx.query('SELECT 1 FROM deleted_clips WHERE root = $1 AND clip = $2', [root, clip])
    if (known.length === 0) throw new LatchkeyError('NOT_FOUND', 'no such clip')
    return true
  })
  if (!isDone) return false
  await parts.failpoints.hit('clip.tombstone-committed')
  await finishDeletions(parts)
  return true
}
