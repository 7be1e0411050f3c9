import { isWrappedHeader, type Keyset, LatchkeyError, type Signed } from '@latchkey/shared'
import type { Database, Queryable, TellHousehold } from '../flow.ts'
import { assertClipNotDeleted } from './items.ts'

export interface HeaderParts {
  readonly database: Database
  readonly tell: TellHousehold
  /** The keyset in force, null for a household that has none yet. */
  keysetInForce(db: Queryable, root: string): Promise<Signed<Keyset> | null>
}

/** One item's header, and the first 16 bytes of its payload. */
export interface ItemHeader {
  readonly index: number
  readonly header: Uint8Array
  readonly nonce: Uint8Array
}

/** Headers of a clip and the keyset that they were wrapped for; null where the device's own are among them. */
export interface HeaderSet {
  readonly keyset: string | null
  readonly headers: readonly ItemHeader[]
}

/** Newest headers of a clip, index order: all that a phone needs to consent. @throws NOT_FOUND */
export async function listHeaders(db: Queryable, root: string, clip: string): Promise<HeaderSet> {
  const rows = await db.query<ItemHeader & { keyset: string | null }>(
    `SELECT i.index, coalesce(h.header, i.header) AS header, i.nonce, h.keyset
     FROM items i LEFT JOIN item_headers h USING (root, clip, index) WHERE root = $1 AND clip = $2 ORDER BY index`,
    [root, clip],
  )
  if (rows.length === 0) throw new LatchkeyError('NOT_FOUND', 'no such clip')
  const [{ keyset } = { keyset: null }] = rows.toSorted((a, b) => Number(a.keyset !== null) - Number(b.keyset !== null))
  return { keyset, headers: rows }
}

/** The device's own headers: sealed to whom it knew then, and never replaced. @throws NOT_FOUND */
export async function listOriginalHeaders(db: Queryable, root: string, clip: string): Promise<HeaderSet> {
  const headers = await db.query<ItemHeader>(
    'SELECT index, header, nonce FROM items WHERE root = $1 AND clip = $2 ORDER BY index',
    [root, clip],
  )
  if (headers.length === 0) throw new LatchkeyError('NOT_FOUND', 'no such clip')
  return { keyset: null, headers }
}

/** Items that the newest manifest of a clip names. @throws NOT_FOUND */
async function itemCount(tx: Queryable, root: string, clip: string): Promise<number> {
  await assertClipNotDeleted(tx, root, clip)
  const [row] = await tx.query<{ item_count: number }>(
    'SELECT item_count FROM manifests WHERE root = $1 AND clip = $2 ORDER BY revision DESC LIMIT 1',
    [root, clip],
  )
  if (!row) throw new LatchkeyError('NOT_FOUND', 'no such clip')
  return row.item_count
}

/** One stanza per member and one for recovery, and nothing else that could ride along. */
function assertHeaders(headers: readonly Uint8Array[], keyset: Keyset): void {
  const recipients = keyset.latchkey.members.length + 1
  const wrong = headers.findIndex((header) => !isWrappedHeader(header, recipients))
  if (wrong >= 0)
    throw new LatchkeyError('AGE_HEADER_INVALID', `header ${wrong} is not one with ${recipients} X25519 stanzas`)
}

/**
 * Takes the headers that a phone wrapped anew for the keyset in force, in place of any set before. The relay sees their
 * form and count; whether they open, and to the file keys that the device committed to, only members can tell, so the
 * device's own stay. Payloads, and headers of consents, are others and do not change. Idempotent.
 * @param set.headers untrusted; one per item that the newest manifest names, index order
 * @throws NOT_FOUND | KEYSET_SUPERSEDED | ITEM_INVALID (another count) | AGE_HEADER_INVALID
 */
export async function putHeaders(
  parts: HeaderParts,
  root: string,
  set: { readonly clip: string; readonly keyset: string; readonly headers: readonly Uint8Array[] },
): Promise<void> {
  const { clip, keyset, headers } = set
  await parts.database.transaction(async (tx) => {
    // The lock of manifests: the clip gets no more items meanwhile.
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`manifests/${root}`])
    const inForce = await parts.keysetInForce(tx, root)
    if (inForce?.digest !== keyset)
      throw new LatchkeyError('KEYSET_SUPERSEDED', 'the address names another keyset than the one in force')
    const count = await itemCount(tx, root, clip)
    if (headers.length !== count) throw new LatchkeyError('ITEM_INVALID', `the clip has ${count} items`)
    assertHeaders(headers, inForce.payload)
    await tx.query('DELETE FROM item_headers WHERE root = $1 AND clip = $2', [root, clip])
    await tx.query(
      `INSERT INTO item_headers (root, clip, index, keyset, header)
       SELECT $1, $2, n - 1, $3, header FROM unnest($4::bytea[]) WITH ORDINALITY AS wrapped (header, n)`,
      [root, clip, keyset, headers],
    )
    await parts.tell(tx, root, { type: 'headers', clip, keyset })
  })
}
