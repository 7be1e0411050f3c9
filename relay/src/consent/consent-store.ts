import type { Queryable } from '../flow.ts'

/** Ends every consent on a clip, within the transaction that deletes it. */
export async function endConsentsOnClip(tx: Queryable, root: string, clip: string, nowMs: number): Promise<void> {
  await tx.query('UPDATE consents SET ended_ms = $3 WHERE root = $1 AND clip = $2 AND ended_ms IS NULL', [
    root,
    clip,
    nowMs,
  ])
}

/** Does a live consent, or a download that may still be repeated, hold the items of this clip? */
export async function isClipHeld(db: Queryable, root: string, clip: string, nowMs: number): Promise<boolean> {
  const rows = await db.query(
    `SELECT 1 FROM consents c WHERE c.root = $1 AND c.clip = $2 AND c.ended_ms IS NULL AND (c.exp_s * 1000 > $3
       OR EXISTS (SELECT FROM downloads d WHERE d.consent = c.digest AND d.until_ms > $3)) LIMIT 1`,
    [root, clip, nowMs],
  )
  return rows.length > 0
}
