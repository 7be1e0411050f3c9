import {
  dayRecord,
  type DayRecord,
  decodeBase64url,
  deviceCertificate,
  isSignedBy,
  LatchkeyError,
  sealedLeafData,
  type Signed,
  utf8,
} from '@latchkey/shared'
import type { Database, DeviceCaller, LeafLog, Queryable } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { LeafSettler } from '../kernel/leaf-settler.ts'
import type { SignReceipt } from './receipts.ts'

export interface DayParts {
  readonly database: Database
  readonly leaves: LeafLog
  readonly settler: LeafSettler
  readonly clock: Pick<Clock, 'nowMs'>
  readonly signReceipt: SignReceipt
  findCertificate(db: Queryable, digest: string): Promise<string | null>
}

/** A day record as uploaded. Untrusted. */
export interface DayUploadFields {
  /** Digest in the address. */
  readonly digest: string
  readonly day: string
  /** 32 bytes, base64url. */
  readonly salt: string
}

async function assertDay(
  parts: DayParts,
  tx: Queryable,
  caller: DeviceCaller,
  signed: Signed<DayRecord>,
): Promise<void> {
  const { iss, latchkey } = signed.payload
  const raw = await parts.findCertificate(tx, caller.certificate)
  const certificate = raw === null ? null : deviceCertificate.parse(raw)
  if (!certificate || !isSignedBy(signed, certificate.payload.cnf.jwk) || iss !== caller.urn)
    throw new LatchkeyError('SIGNATURE_INVALID', 'the day record is not signed by the calling device')
  if (latchkey.deviceCertificate !== caller.certificate || latchkey.epoch !== certificate.payload.latchkey.epoch)
    throw new LatchkeyError('DAY_INVALID', 'the day record names another certificate or epoch')
  if (latchkey.toMs < latchkey.fromMs) throw new LatchkeyError('DAY_INVALID', 'the day record ends before it starts')
}

/**
 * Takes a day record and queues its sealed leaf. Idempotent: the same bytes again give the same receipt.
 * @throws DAY_INVALID | SIGNATURE_INVALID | form codes
 */
export async function putDay(parts: DayParts, caller: DeviceCaller, upload: DayUploadFields): Promise<string> {
  const signed = dayRecord.parse(upload.day)
  if (signed.digest !== upload.digest) throw new LatchkeyError('DAY_INVALID', 'the address names another digest')
  const { receivedMs, leaf } = await parts.database.transaction(async (tx) => {
    const [known] = await tx.query<{ received_ms: number }>(
      'SELECT received_ms FROM day_records WHERE digest = $1 AND root = $2',
      [signed.digest, caller.root],
    )
    if (known) return { receivedMs: known.received_ms, leaf: null }
    await assertDay(parts, tx, caller, signed)
    const nowMs = parts.clock.nowMs()
    const data = sealedLeafData(decodeBase64url(upload.salt), 'day', utf8(signed.raw))
    const ticket = await parts.leaves.enqueue(tx, { type: 'sealed', data })
    await tx.query(
      `INSERT INTO day_records (digest, root, certificate, jws, salt, received_ms, leaf)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [signed.digest, caller.root, caller.certificate, signed.raw, upload.salt, nowMs, ticket],
    )
    return { receivedMs: nowMs, leaf: ticket }
  })
  if (leaf !== null) parts.settler.settleLater('day_records', leaf)
  return parts.signReceipt(caller.urn, { kind: 'day', clip: null, index: null, sha256: signed.digest, receivedMs })
}

const DAY_MS = 86_400_000
/** A week, and what is signed about it a day or two later. */
const TOLD_MS = 10 * DAY_MS
/** A doorbell signs once a day, and whenever it starts or stops: one that does so all the time fills no phone. */
const MOST_TOLD = 200

/** Records that arrived in the last ten days, newest first. */
export async function listDays(db: Queryable, root: string, nowMs: number): Promise<string[]> {
  const rows = await db.query<{ jws: string }>(
    'SELECT jws FROM day_records WHERE root = $1 AND received_ms > $2 ORDER BY received_ms DESC, digest LIMIT $3',
    [root, nowMs - TOLD_MS, MOST_TOLD],
  )
  return rows.map(({ jws }) => jws)
}
