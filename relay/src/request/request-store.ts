import {
  type ClipRequest,
  clipRequest,
  type InvestigatorCertificate,
  investigatorCertificate,
  MAX_CELL_REQUESTS,
  type RequestHistory,
  type Signed,
} from '@latchkey/shared'
import type { InvestigatorCaller, Queryable } from '../flow.ts'

const DAY_MS = 24 * 3_600_000

/** An accepted request. */
export interface StoredRequest {
  readonly request: Signed<ClipRequest>
  readonly certificate: Signed<InvestigatorCertificate>
  readonly leaf: number
  readonly logIndex: number | null
}

interface RequestRow {
  jws: string
  certificate_jws: string
  leaf: number
  log_index: number | null
}

/** A published request `r` whose text no published entry of the register removes. */
const IS_SHOWN = `r.log_index IS NOT NULL AND NOT EXISTS
  (SELECT 1 FROM register_entries e WHERE e.removes = r.digest AND e.log_index IS NOT NULL)`

/** The agency of request `r` left after it asked: then what it asked is over, whether or not it came back. */
const IS_ENDED_BY_LEAVING = `EXISTS (SELECT FROM agency_changes a
  WHERE a.uri = r.agency AND a.log_index > r.log_index AND a.data->>'status' = 'withdrawn')`
/** As anyone finds it in the log. */
const MAY_BE_ANSWERED = `NOT ${IS_ENDED_BY_LEAVING} AND (SELECT a.data->>'status' FROM agency_changes a
    WHERE a.uri = r.agency AND a.log_index IS NOT NULL ORDER BY a.change DESC LIMIT 1) <> 'suspended'`

const COLUMNS = 'jws, certificate_jws, leaf, log_index'
const parseRow = (row: RequestRow): StoredRequest => ({
  request: clipRequest.parse(row.jws),
  certificate: investigatorCertificate.parse(row.certificate_jws),
  leaf: row.leaf,
  logIndex: row.log_index,
})

export async function findRequest(db: Queryable, digest: string): Promise<StoredRequest | null> {
  const [row] = await db.query<RequestRow>(`SELECT ${COLUMNS} FROM requests WHERE digest = $1`, [digest])
  return row ? parseRow(row) : null
}

/** The text of a published request and who vouches for its requester; null for an unknown one and where the law removed it. */
export async function findPublicRequest(
  db: Queryable,
  digest: string,
): Promise<{ request: string; certificate: string } | null> {
  const [row] = await db.query<{ request: string; certificate: string }>(
    `SELECT r.jws AS request, r.certificate_jws AS certificate FROM requests r WHERE r.digest = $1 AND ${IS_SHOWN}`,
    [digest],
  )
  return row ?? null
}

export async function isEndedByLeaving(db: Queryable, digest: string): Promise<boolean> {
  const rows = await db.query(`SELECT 1 FROM requests r WHERE r.digest = $1 AND ${IS_ENDED_BY_LEAVING}`, [digest])
  return rows.length > 0
}

/** Published requests of a cell that may be answered now, in log order; all that a reader of the log finds open there. */
export async function listCell(
  db: Queryable,
  cell: string,
  nowMs: number,
): Promise<{ request: string; investigatorCertificate: string; index: number }[]> {
  return db.query(
    `SELECT r.jws AS request, r.certificate_jws AS "investigatorCertificate", r.log_index AS index
     FROM request_cells c JOIN requests r ON r.digest = c.request
     WHERE c.cell = $1 AND ${IS_SHOWN} AND ${MAY_BE_ANSWERED} AND r.exp_s > $2 ORDER BY r.log_index LIMIT $3`,
    [cell, Math.floor(nowMs / 1000), MAX_CELL_REQUESTS],
  )
}

interface HistoryRow {
  same_case: number
  last_day: number
  last_30_days: number
  open: number
  overdue: number
}

/** What this agency has asked before. */
export async function historyOf(
  tx: Queryable,
  asked: {
    readonly agency: string
    readonly caseHash: string
    readonly nowMs: number
    readonly outcomeDueMs: number
  },
): Promise<RequestHistory> {
  const { agency, caseHash, nowMs, outcomeDueMs } = asked
  const [row] = await tx.query<HistoryRow>(
    `SELECT count(*) FILTER (WHERE case_hash = $2) AS same_case, count(*) FILTER (WHERE received_ms > $3) AS last_day,
       count(*) FILTER (WHERE received_ms > $4) AS last_30_days, count(*) FILTER (WHERE exp_s > $5) AS open,
       count(*) FILTER (WHERE exp_s * 1000 < $6 AND NOT EXISTS (SELECT 1 FROM outcomes o WHERE o.request = digest)) AS overdue
     FROM requests WHERE agency = $1`,
    [agency, caseHash, nowMs - DAY_MS, nowMs - 30 * DAY_MS, Math.floor(nowMs / 1000), nowMs - outcomeDueMs],
  )
  return {
    sameCase: row!.same_case,
    lastDay: row!.last_day,
    last30Days: row!.last_30_days,
    open: row!.open,
    overdue: row!.overdue,
  }
}

/** Seconds until the oldest request of the last day is a day old. */
export async function secondsUntilNextSlot(tx: Queryable, agency: string, nowMs: number): Promise<number> {
  const [row] = await tx.query<{ oldest: number | null }>(
    'SELECT min(received_ms) AS oldest FROM requests WHERE agency = $1 AND received_ms > $2',
    [agency, nowMs - DAY_MS],
  )
  return Math.max(1, Math.ceil(((row?.oldest ?? nowMs) + DAY_MS - nowMs) / 1000))
}

/** The requester that a key is: it asked at least once and was accepted. */
export async function findInvestigator(db: Queryable, thumbprint: string): Promise<InvestigatorCaller | null> {
  const rows = await db.query('SELECT 1 FROM requests WHERE requester = $1 AND log_index IS NOT NULL LIMIT 1', [
    thumbprint,
  ])
  return rows.length > 0 ? { kind: 'investigator', thumbprint } : null
}
