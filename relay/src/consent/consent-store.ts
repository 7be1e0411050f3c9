import { RELEASE_HEADER_BYTES } from '@latchkey/shared'
import type { Queryable, GrantedConsent } from '../flow.ts'

/**
 * Another owner's published word stands behind it, or none is needed. Who signed an approval was judged when it came.
 * For use in statements over `consents c`.
 */
const IS_APPROVED = `(NOT c.needs_approval OR EXISTS (SELECT FROM approvals a WHERE a.subject = c.digest
  AND a.keyset = c.keyset AND a.signer <> c.signer AND a.log_index IS NOT NULL))`

/** Where a consent stands, as its household sees it; over `consents c`, `$2`: now, seconds. First match counts. */
export const CONSENT_STATE = `CASE WHEN c.ended_ms IS NOT NULL THEN 'revoked' WHEN c.exp_s <= $2 THEN 'expired'
  WHEN c.log_index IS NULL THEN 'pending' WHEN NOT ${IS_APPROVED} THEN 'awaiting-approval'
  WHEN c.nbf_s > $2 THEN 'waiting' WHEN c.downloads_taken >= c.max_downloads THEN 'used' ELSE 'live' END`

interface GrantedRow {
  digest: string
  root: string
  clip: string
  request: string
  jws: string
  salt: string
  keyset: string
  headers: Uint8Array
  disclosure: Uint8Array | null
  exp_s: number
  max_downloads: number
  downloads_taken: number
  received_ms: number
  log_index: number
  leaf: number
  ended_ms: number | null
}

function splitHeaders(headers: Uint8Array): Uint8Array[] {
  return Array.from({ length: headers.length / RELEASE_HEADER_BYTES }, (_, i) =>
    headers.slice(i * RELEASE_HEADER_BYTES, (i + 1) * RELEASE_HEADER_BYTES),
  )
}

const parseGranted = (row: GrantedRow): GrantedConsent => ({
  digest: row.digest,
  root: row.root,
  clip: row.clip,
  request: row.request,
  jws: row.jws,
  salt: row.salt,
  keyset: row.keyset,
  headers: splitHeaders(row.headers),
  disclosure: row.disclosure,
  expSeconds: row.exp_s,
  maxDownloads: row.max_downloads,
  downloadsTaken: row.downloads_taken,
  receivedMs: row.received_ms,
  logIndex: row.log_index,
  leaf: row.leaf,
  ended: row.ended_ms !== null,
})

const IS_GRANTED = `c.nbf_s <= $3 AND c.log_index IS NOT NULL AND ${IS_APPROVED}`

/**
 * The consent if it names this requester and may be known of; null for every other reason alike, by one statement, so
 * that neither answer nor time tells them apart.
 */
export async function findGranted(
  db: Queryable,
  digest: string,
  asker: { readonly requester: string; readonly nowMs: number },
): Promise<GrantedConsent | null> {
  const [row] = await db.query<GrantedRow>(
    `SELECT c.* FROM consents c WHERE c.digest = $1 AND c.requester = $2 AND ${IS_GRANTED}`,
    [digest, asker.requester, Math.floor(asker.nowMs / 1000)],
  )
  return row ? parseGranted(row) : null
}

/** Consents that this requester may use or used, in log order. */
export async function listGranted(
  db: Queryable,
  requester: string,
  nowMs: number,
): Promise<{ consent: string; request: string; downloads: number }[]> {
  return db.query(
    `SELECT c.jws AS consent, c.request, c.downloads_taken AS downloads FROM consents c
     WHERE c.requester = $2 AND c.ended_ms IS NULL AND c.exp_s > $1 AND ${IS_GRANTED} ORDER BY c.log_index LIMIT 500`,
    [Math.floor(nowMs / 1000), requester, Math.floor(nowMs / 1000)],
  )
}

/**
 * Takes one of the consent's downloads: one statement, so that two at once never take the same.
 * @returns which it is, from 1; null when none is left, or when it ended meanwhile
 */
export async function takeDownload(tx: Queryable, digest: string, nowMs: number): Promise<number | null> {
  const [row] = await tx.query<{ downloads_taken: number }>(
    `UPDATE consents SET downloads_taken = downloads_taken + 1
     WHERE digest = $1 AND downloads_taken < max_downloads AND ended_ms IS NULL AND nbf_s <= $2 AND exp_s > $2
     RETURNING downloads_taken`,
    [digest, Math.floor(nowMs / 1000)],
  )
  return row?.downloads_taken ?? null
}

/** Ends every consent on a clip, within the transaction that deletes it. */
export async function endConsentsOnClip(tx: Queryable, root: string, clip: string, nowMs: number): Promise<void> {
  await tx.query('UPDATE consents SET ended_ms = $3 WHERE root = $1 AND clip = $2 AND ended_ms IS NULL', [
    root,
    clip,
    nowMs,
  ])
}

/** Ends one consent of a household. @returns false when the household has no such consent */
export async function endConsent(tx: Queryable, root: string, digest: string, nowMs: number): Promise<boolean> {
  const rows = await tx.query(
    'UPDATE consents SET ended_ms = coalesce(ended_ms, $3) WHERE root = $1 AND digest = $2 RETURNING digest',
    [root, digest, nowMs],
  )
  return rows.length > 0
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
