import {
  type ClipManifest,
  clipManifest,
  deviceCertificate,
  type ItemDescriptor,
  LatchkeyError,
  type ManifestUpload,
  type Signed,
} from '@latchkey/shared'
import type { Database, DeviceCaller, Queryable, TellHousehold, Transaction } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Failpoints } from '../kernel/failpoint.ts'
import { assertClipNotDeleted, storedPayloads } from './items.ts'
import { assertExtends, assertManifest } from './manifest-rules.ts'
import type { SignReceipt } from './receipts.ts'

/** Between two of these the world may stop. */
export const MANIFEST_FAILPOINTS = ['manifest.row-committed'] as const

export interface ManifestParts {
  readonly database: Database
  readonly clock: Pick<Clock, 'nowMs'>
  readonly failpoints: Failpoints
  readonly signReceipt: SignReceipt
  readonly tell: TellHousehold
  /** Compact JWS of a device certificate by digest. */
  findCertificate(db: Queryable, digest: string): Promise<string | null>
  /** Is this digest a keyset of the household? */
  isKeysetOf(db: Queryable, root: string, digest: string): Promise<boolean>
}

/** A stored revision. */
export interface StoredManifest {
  readonly signed: Signed<ClipManifest>
  readonly descriptors: readonly ItemDescriptor[]
  readonly root: string
  readonly certificate: string
}

interface ManifestRow {
  jws: string
  descriptors: ItemDescriptor[]
  root: string
  certificate: string
  received_ms: number
}

const COLUMNS = 'jws, descriptors, root, certificate, received_ms'
const parseRow = (row: ManifestRow): StoredManifest => ({ ...row, signed: clipManifest.parse(row.jws) })

/** By digest; null when the relay does not keep that revision. */
export async function findManifest(db: Queryable, digest: string): Promise<StoredManifest | null> {
  const [row] = await db.query<ManifestRow>(`SELECT ${COLUMNS} FROM manifests WHERE digest = $1`, [digest])
  return row ? parseRow(row) : null
}

async function newestOf(tx: Queryable, root: string, clip: string): Promise<StoredManifest | null> {
  const [row] = await tx.query<ManifestRow>(
    `SELECT ${COLUMNS} FROM manifests WHERE root = $1 AND clip = $2 ORDER BY revision DESC LIMIT 1`,
    [root, clip],
  )
  return row ? parseRow(row) : null
}

/** A sequence number names one clip, and a final names the final before it, where the relay still has that. */
async function assertChain(tx: Queryable, { payload }: Signed<ClipManifest>): Promise<void> {
  const { deviceCertificate: certificate, epoch, sequence, clip, open, previous } = payload.latchkey
  const rivals = await tx.query(
    'SELECT 1 FROM manifests WHERE certificate = $1 AND epoch = $2 AND sequence = $3 AND clip <> $4',
    [certificate, epoch, sequence, clip],
  )
  if (rivals.length > 0) throw new LatchkeyError('MANIFEST_CONFLICT', 'another clip has this sequence number')
  if (open) return
  const [before] = await tx.query<{ digest: string }>(
    'SELECT digest FROM manifests WHERE certificate = $1 AND epoch = $2 AND sequence = $3 AND NOT open',
    [certificate, epoch, sequence - 1],
  )
  if (before && before.digest !== previous)
    throw new LatchkeyError('MANIFEST_CONFLICT', 'previous is not the final manifest before this one')
}

async function insert(tx: Queryable, root: string, stored: Omit<StoredManifest, 'root'>, nowMs: number): Promise<void> {
  const { digest, raw, payload } = stored.signed
  const { clip, epoch, sequence, revision, open, endMs, items } = payload.latchkey
  await tx.query(
    `INSERT INTO manifests (digest, root, clip, certificate, epoch, sequence, revision, open, end_ms, item_count, jws,
       descriptors, received_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13)`,
    [
      digest,
      root,
      clip,
      stored.certificate,
      epoch,
      sequence,
      revision,
      open,
      endMs,
      items,
      raw,
      JSON.stringify(stored.descriptors),
      nowMs,
    ],
  )
  // The relay keeps the newest and every consented revision.
  await tx.query('DELETE FROM manifests WHERE root = $1 AND clip = $2 AND revision < $3 AND NOT consented', [
    root,
    clip,
    revision,
  ])
}

async function accept(
  parts: ManifestParts,
  tx: Transaction,
  caller: DeviceCaller,
  upload: { clip: string; signed: Signed<ClipManifest>; descriptors: readonly ItemDescriptor[] },
): Promise<void> {
  const { clip, signed, descriptors } = upload
  // One writer per household at a time: cursors then appear in the order of their numbers.
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`manifests/${caller.root}`])
  await assertClipNotDeleted(tx, caller.root, clip)
  const raw = await parts.findCertificate(tx, caller.certificate)
  if (raw === null) throw new LatchkeyError('DEVICE_REVOKED', 'the device certificate is gone')
  const certificate = deviceCertificate.parse(raw)
  const stored = await storedPayloads(tx, caller.root, clip)
  assertManifest({ signed, descriptors, clip, certificate, stored })
  if (!(await parts.isKeysetOf(tx, caller.root, signed.payload.latchkey.keyset)))
    throw new LatchkeyError('MANIFEST_INVALID', 'names a keyset that is not of this household')
  const before = await newestOf(tx, caller.root, clip)
  if (before)
    assertExtends(
      { manifest: signed.payload, descriptors },
      { manifest: before.signed.payload, descriptors: before.descriptors },
    )
  await assertChain(tx, signed)
  await insert(tx, caller.root, { signed, descriptors, certificate: caller.certificate }, parts.clock.nowMs())
  const { revision, open } = signed.payload.latchkey
  await parts.tell(tx, caller.root, { type: 'manifest', clip, manifest: signed.digest, revision, open })
}

/**
 * Takes a manifest whose items are all stored. Idempotent: the same bytes again give the same receipt.
 * @param upload untrusted
 * @throws MANIFEST_INVALID | MANIFEST_CONFLICT | SIGNATURE_INVALID | NOT_FOUND (deleted clip) | form codes
 */
export async function putManifest(
  parts: ManifestParts,
  caller: DeviceCaller,
  clip: string,
  upload: ManifestUpload,
): Promise<string> {
  const signed = clipManifest.parse(upload.manifest)
  const receivedMs = async (): Promise<number | null> => {
    const [row] = await parts.database.query<{ received_ms: number }>(
      'SELECT received_ms FROM manifests WHERE digest = $1 AND root = $2 AND clip = $3',
      [signed.digest, caller.root, clip],
    )
    return row?.received_ms ?? null
  }
  let known = await receivedMs()
  if (known === null) {
    // Durable 1/2: the manifest, which makes the clip visible to its household.
    await parts.database.transaction((tx) =>
      accept(parts, tx, caller, { clip, signed, descriptors: upload.descriptors }),
    )
    await parts.failpoints.hit('manifest.row-committed')
    known = await receivedMs()
  }
  // Durable 2/2: the receipt.
  return parts.signReceipt(caller.urn, {
    kind: 'manifest',
    clip,
    index: null,
    sha256: signed.digest,
    receivedMs: known ?? parts.clock.nowMs(),
  })
}

/** Marks a revision as consented: it stays until its clip goes. */
export async function keepManifest(tx: Queryable, digest: string): Promise<void> {
  await tx.query('UPDATE manifests SET consented = true WHERE digest = $1', [digest])
}
