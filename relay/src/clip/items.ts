import { type Digest, digestOf, LatchkeyError, MAX_ITEMS, splitAgeFile } from '@latchkey/shared'
import type { Database, DeviceCaller, ItemStore, Queryable, SealedFile } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Failpoints } from '../kernel/failpoint.ts'
import type { SignReceipt } from './receipts.ts'

/** Nonce and one empty chunk: the smallest payload that authenticates. */
const MIN_PAYLOAD_BYTES = 32
const NONCE_BYTES = 16

/** Between two of these the world may stop. */
export const ITEM_FAILPOINTS = ['item.payload-stored', 'item.row-committed'] as const

export interface ItemParts {
  readonly database: Database
  readonly items: ItemStore
  readonly clock: Pick<Clock, 'nowMs'>
  readonly failpoints: Failpoints
  readonly signReceipt: SignReceipt
}

/** One upload. Untrusted: all of it but the digest, which was compared with the body. */
export interface ItemUpload {
  readonly clip: string
  readonly index: number
  readonly body: Uint8Array
  /** `Latchkey-Payload-Digest`: SHA-256 of what follows the age header, base64url. */
  readonly payloadDigest: string
}

interface ItemRow {
  header: Uint8Array
  nonce: Uint8Array
  body_sha256: string
  payload_sha256: string
  payload_bytes: number
  store_key: string
  received_ms: number
}

/** The newest header: the device's own, or the one that a phone wrapped anew. */
const SELECT_ITEM = `SELECT coalesce(h.header, i.header) AS header, i.nonce, i.body_sha256, i.payload_sha256,
  i.payload_bytes, i.store_key, i.received_ms FROM items i LEFT JOIN item_headers h USING (root, clip, index)
  WHERE root = $1 AND clip = $2 AND index = $3`

async function findItem(db: Queryable, root: string, clip: string, index: number): Promise<ItemRow | null> {
  const [row] = await db.query<ItemRow>(SELECT_ITEM, [root, clip, index])
  return row ?? null
}

/** Header and payload of a whole age file, its payload what the caller says. @throws AGE_HEADER_INVALID | ITEM_INVALID */
function splitUpload(upload: ItemUpload): { header: Uint8Array; payload: Uint8Array; payloadDigest: Digest } {
  const { header, payload } = splitAgeFile(upload.body)
  if (payload.length < MIN_PAYLOAD_BYTES) throw new LatchkeyError('ITEM_INVALID', 'the payload is truncated')
  const payloadDigest = digestOf(payload)
  if (payloadDigest !== upload.payloadDigest)
    throw new LatchkeyError('ITEM_INVALID', 'Latchkey-Payload-Digest is not the digest of the payload')
  return { header, payload, payloadDigest }
}

export async function assertClipNotDeleted(db: Queryable, root: string, clip: string): Promise<void> {
  const rows = await db.query('SELECT 1 FROM deleted_clips WHERE root = $1 AND clip = $2', [root, clip])
  if (rows.length > 0) throw new LatchkeyError('NOT_FOUND', 'this clip was deleted')
}

/** From here on nobody removes what lies under this key; waits for a removal that is under way. */
async function claimKey(db: Queryable, key: string): Promise<void> {
  await db.query('DELETE FROM payload_deletions WHERE store_key = $1', [key])
  await db.query('DELETE FROM orphan_payloads WHERE store_key = $1', [key])
}

/**
 * Takes a sealed item: payload to the item store, header to the database, and only then the receipt. Idempotent: the
 * same bytes again give the same receipt.
 * @throws AGE_HEADER_INVALID | ITEM_INVALID | ITEM_CONFLICT (other bytes hold the index) | NOT_FOUND (deleted clip) |
 *   STORAGE_FULL | STORAGE_FAILED
 */
export async function putItem(parts: ItemParts, caller: DeviceCaller, upload: ItemUpload): Promise<string> {
  const { database, items, clock, failpoints } = parts
  if (upload.index >= MAX_ITEMS) throw new LatchkeyError('ITEM_INVALID', `a clip has at most ${MAX_ITEMS} items`)
  const { header, payload, payloadDigest } = splitUpload(upload)
  const bodyDigest = digestOf(upload.body)
  await assertClipNotDeleted(database, caller.root, upload.clip)
  const known = await findItem(database, caller.root, upload.clip, upload.index)
  if (known) return answer(known)
  // The digest in the name: an upload that died before its row never stands in the way of another.
  const key = `items/${caller.root}/${upload.clip}/${upload.index}-${payloadDigest}`
  await claimKey(database, key)
  // Durable 1/3: the payload and its name.
  await items.put(key, payload, { sha256B64u: payloadDigest, sizeBytes: payload.length })
  await failpoints.hit('item.payload-stored')
  // Durable 2/3: the row that makes the payload an item; before it the payload is an orphan that retention removes.
  await database.query(
    `INSERT INTO items (root, clip, index, certificate, header, nonce, body_sha256, payload_sha256, payload_bytes,
       store_key, received_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (root, clip, index) DO NOTHING`,
    [
      caller.root,
      upload.clip,
      upload.index,
      caller.certificate,
      header,
      payload.subarray(0, NONCE_BYTES),
      bodyDigest,
      payloadDigest,
      payload.length,
      key,
      clock.nowMs(),
    ],
  )
  await failpoints.hit('item.row-committed')
  const row = await findItem(database, caller.root, upload.clip, upload.index)
  if (!row) throw new LatchkeyError('NOT_FOUND', 'this clip was deleted')
  return answer(row)

  // Durable 3/3: the receipt, on which the device forgets the item.
  async function answer(row: ItemRow): Promise<string> {
    if (row.body_sha256 !== bodyDigest)
      throw new LatchkeyError('ITEM_CONFLICT', 'another item holds this index of the clip')
    const { clip, index } = upload
    return parts.signReceipt(caller.urn, {
      kind: 'item',
      clip,
      index,
      sha256: bodyDigest,
      receivedMs: row.received_ms,
    })
  }
}

/** Digest and size of each stored payload of a clip, by index. */
export async function storedPayloads(
  db: Queryable,
  root: string,
  clip: string,
): Promise<ReadonlyMap<number, { sha256: Digest; sizeBytes: number }>> {
  const rows = await db.query<{ index: number; payload_sha256: string; payload_bytes: number }>(
    'SELECT index, payload_sha256, payload_bytes FROM items WHERE root = $1 AND clip = $2',
    [root, clip],
  )
  return new Map(rows.map((row) => [row.index, { sha256: row.payload_sha256, sizeBytes: row.payload_bytes }]))
}

/** One item for its household, or, with `header`, as a release serves it. @throws NOT_FOUND */
export async function openItem(
  parts: Pick<ItemParts, 'database' | 'items'>,
  root: string,
  item: { readonly clip: string; readonly index: number; readonly header?: Uint8Array },
): Promise<SealedFile> {
  const row = await findItem(parts.database, root, item.clip, item.index)
  if (!row) throw new LatchkeyError('NOT_FOUND', 'no such item')
  return {
    header: item.header ?? row.header,
    payloadBytes: row.payload_bytes,
    open: async (range) => (await parts.items.get(row.store_key, range)).stream,
  }
}
