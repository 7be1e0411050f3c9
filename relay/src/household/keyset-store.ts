import { keyset, type Keyset, type KeysetList, type PublicJwk, type Signed } from '@latchkey/shared'
import type { MemberCaller, Queryable } from '../flow.ts'

/** A household's row. */
export interface Household {
  readonly root: string
  readonly rootJwk: PublicJwk
}

/** An accepted keyset. */
export interface StoredKeyset {
  readonly signed: Signed<Keyset>
  readonly authority: 'root-first' | 'members' | 'root-pending'
  readonly effectiveMs: number
  readonly leaf: number
  /** Null until its leaf is published: before that it counts for nothing. */
  readonly logIndex: number | null
}

interface KeysetRow {
  jws: string
  authority: StoredKeyset['authority']
  effective_ms: number
  leaf: number
  log_index: number | null
}

const COLUMNS = 'jws, authority, effective_ms, leaf, log_index'
/** `$2` is the time now: a keyset by root alone counts from its effective time on. */
const COUNTS = "k.log_index IS NOT NULL AND NOT k.voided AND (k.authority <> 'root-pending' OR k.effective_ms <= $2)"

function parseRow(row: KeysetRow): StoredKeyset {
  return {
    signed: keyset.parse(row.jws),
    authority: row.authority,
    effectiveMs: row.effective_ms,
    leaf: row.leaf,
    logIndex: row.log_index,
  }
}

/** The household of a root, its row locked until the transaction ends; null for a stranger. */
export async function lockHousehold(tx: Queryable, root: string): Promise<Household | null> {
  const [row] = await tx.query<{ root: string; root_jwk: PublicJwk }>(
    'SELECT root, root_jwk FROM households WHERE root = $1 FOR UPDATE',
    [root],
  )
  return row ? { root: row.root, rootJwk: row.root_jwk } : null
}

/** The keyset in force at `nowMs`. */
export async function findKeysetInForce(db: Queryable, root: string, nowMs: number): Promise<StoredKeyset | null> {
  const [row] = await db.query<KeysetRow>(
    `SELECT ${COLUMNS} FROM keysets k WHERE root = $1 AND ${COUNTS} ORDER BY version DESC LIMIT 1`,
    [root, nowMs],
  )
  return row ? parseRow(row) : null
}

/** The newest accepted version, whether it counts yet or not; voided ones keep their number. */
export async function findNewestKeyset(db: Queryable, root: string): Promise<StoredKeyset | null> {
  const [row] = await db.query<KeysetRow>(
    `SELECT ${COLUMNS} FROM keysets WHERE root = $1 ORDER BY version DESC LIMIT 1`,
    [root],
  )
  return row ? parseRow(row) : null
}

export async function findKeyset(db: Queryable, digest: string): Promise<StoredKeyset | null> {
  const [row] = await db.query<KeysetRow>(`SELECT ${COLUMNS} FROM keysets WHERE digest = $1`, [digest])
  return row ? parseRow(row) : null
}

interface ListedRow {
  readonly keyset: string
  readonly index: number
  readonly ack: string | null
  readonly certificate: string | null
  readonly approvals: readonly string[]
}

/** Published keysets of a household whose leaf stands behind `afterIndex`, in log order, each with what stands behind it. */
export async function listKeysets(db: Queryable, root: string, afterIndex: number): Promise<KeysetList['keysets']> {
  const rows = await db.query<ListedRow>(
    `SELECT k.jws AS keyset, k.log_index AS index, k.ack_jws AS ack, k.ack_certificate AS certificate,
       ARRAY(SELECT a.jws FROM approvals a WHERE a.subject = k.digest ORDER BY a.digest) AS approvals
     FROM keysets k WHERE k.root = $1 AND k.log_index > $2 ORDER BY 2`,
    [root, afterIndex],
  )
  return rows.map(({ keyset, index, ack, certificate, approvals }) => ({
    keyset,
    index,
    press: ack === null || certificate === null ? null : { ack, deviceCertificate: certificate },
    approvals: [...approvals],
  }))
}

/** Writes a new version and its members. @throws CONFLICT when the version is taken */
export async function insertKeyset(
  tx: Queryable,
  root: string,
  keysetRow: Pick<StoredKeyset, 'signed' | 'authority' | 'leaf'> & {
    readonly members: readonly [thumbprint: string, role: string][]
    readonly ack: { readonly jws: string; readonly certificate: string } | null
  },
): Promise<void> {
  const { signed, authority, leaf, members, ack } = keysetRow
  const { version, effectiveMs } = signed.payload.latchkey
  await tx.query(
    `INSERT INTO keysets (digest, root, version, authority, effective_ms, jws, ack_jws, ack_certificate, leaf)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      signed.digest,
      root,
      version,
      authority,
      effectiveMs,
      signed.raw,
      ack?.jws ?? null,
      ack?.certificate ?? null,
      leaf,
    ],
  )
  for (const [thumbprint, role] of members)
    await tx.query('INSERT INTO keyset_members (keyset, thumbprint, role) VALUES ($1, $2, $3)', [
      signed.digest,
      thumbprint,
      role,
    ])
}

/**
 * The member that a key is: in the keyset in force of its oldest household, or else in one by root alone that waits.
 */
export async function findMember(db: Queryable, thumbprint: string, nowMs: number): Promise<MemberCaller | null> {
  const [row] = await db.query<{ root: string; role: MemberCaller['role']; in_force: boolean }>(
    `SELECT k.root, m.role, (k.authority <> 'root-pending' OR k.effective_ms <= $2) AS in_force
     FROM keyset_members m JOIN keysets k ON k.digest = m.keyset JOIN households h ON h.root = k.root
     WHERE m.thumbprint = $1 AND k.log_index IS NOT NULL AND NOT k.voided
       AND NOT EXISTS (SELECT FROM keysets n WHERE n.root = k.root AND n.version > k.version AND ${COUNTS.replaceAll('k.', 'n.')})
     ORDER BY in_force DESC, h.created_ms, k.root LIMIT 1`,
    [thumbprint, nowMs],
  )
  return row ? { kind: 'member', thumbprint, root: row.root, role: row.role, inForce: row.in_force } : null
}

/** Is this digest an accepted keyset of the household? */
export async function isKeysetOf(db: Queryable, root: string, digest: string): Promise<boolean> {
  const rows = await db.query('SELECT 1 FROM keysets WHERE digest = $1 AND root = $2', [digest, root])
  return rows.length > 0
}

/** The household whose root key this is; the thumbprint itself, since that is what names a household. */
export async function findRoot(db: Queryable, thumbprint: string): Promise<string | null> {
  const rows = await db.query('SELECT 1 FROM households WHERE root = $1', [thumbprint])
  return rows.length > 0 ? thumbprint : null
}

/** Digest of the keyset in force at a log index, at a moment: by it a consent with that leaf is judged. */
export async function findKeysetAt(
  db: Queryable,
  root: string,
  at: { readonly index: number; readonly ms: number },
): Promise<string | null> {
  const [row] = await db.query<{ digest: string }>(
    `SELECT digest FROM keysets WHERE root = $1 AND log_index < $3 AND NOT voided
       AND (authority <> 'root-pending' OR effective_ms <= $2) ORDER BY version DESC LIMIT 1`,
    [root, at.ms, at.index],
  )
  return row?.digest ?? null
}
