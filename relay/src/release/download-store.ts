import type { Queryable } from '../flow.ts'

/** A counted download. */
export interface StoredDownload {
  readonly download: string
  readonly consent: string
  readonly number: number
  /** Digest of the release. */
  readonly release: string
  readonly releaseJws: string
  readonly proofJws: string
  readonly salt: string
  readonly untilMs: number
  readonly leaf: number
  /** Null until the release leaf is published: nothing is given before. */
  readonly logIndex: number | null
}

interface DownloadRow {
  download: string
  consent: string
  number: number
  release: string
  release_jws: string
  proof_jws: string
  salt: string
  until_ms: number
  leaf: number
  log_index: number | null
}

const COLUMNS = 'download, consent, number, release, release_jws, proof_jws, salt, until_ms, leaf, log_index'

/** By the requester's own id for it. */
export async function findDownload(db: Queryable, requester: string, download: string): Promise<StoredDownload | null> {
  const [row] = await db.query<DownloadRow>(`SELECT ${COLUMNS} FROM downloads WHERE requester = $1 AND download = $2`, [
    requester,
    download,
  ])
  if (!row) return null
  return {
    download: row.download,
    consent: row.consent,
    number: row.number,
    release: row.release,
    releaseJws: row.release_jws,
    proofJws: row.proof_jws,
    salt: row.salt,
    untilMs: row.until_ms,
    leaf: row.leaf,
    logIndex: row.log_index,
  }
}

export async function insertDownload(
  tx: Queryable,
  requester: string,
  row: Omit<StoredDownload, 'logIndex'> & { readonly takenMs: number },
): Promise<void> {
  await tx.query(
    `INSERT INTO downloads (requester, download, consent, number, release, release_jws, proof_jws, salt, taken_ms,
       until_ms, leaf) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      requester,
      row.download,
      row.consent,
      row.number,
      row.release,
      row.releaseJws,
      row.proofJws,
      row.salt,
      row.takenMs,
      row.untilMs,
      row.leaf,
    ],
  )
}

/** Log proofs of a download's bundle, by log index; the first of an index stands, so that a bundle never changes. */
export async function keepProofs(
  db: Queryable,
  release: string,
  proofs: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  await db.query("UPDATE downloads SET proofs = $2::jsonb || coalesce(proofs, '{}'::jsonb) WHERE release = $1", [
    release,
    JSON.stringify(proofs),
  ])
  return (await findProofs(db, release)) ?? proofs
}

export async function findProofs(db: Queryable, release: string): Promise<Readonly<Record<string, string>> | null> {
  const [row] = await db.query<{ proofs: Record<string, string> | null }>(
    'SELECT proofs FROM downloads WHERE release = $1',
    [release],
  )
  return row?.proofs ?? null
}
