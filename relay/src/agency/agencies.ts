import {
  type AgencyEntry,
  type AgencySubmission,
  canonicalJson,
  type LeafData,
  LatchkeyError,
  type Policy,
  rawKeyOf,
} from '@latchkey/shared'
import type { Database, LeafLog, Queryable } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { LeafSettler } from '../kernel/leaf-settler.ts'

/** An agency as its newest published leaf says. */
export type Agency = LeafData<'agency'>

export interface AgencyParts {
  readonly database: Database
  readonly leaves: LeafLog
  readonly settler: LeafSettler
  readonly clock: Pick<Clock, 'nowMs'>
  /** The rules in force as they are, and stay until the transaction ends. */
  holdPolicy(tx: Queryable, nowMs: number): Promise<{ readonly policy: Policy }>
}

/** The newest published change of each agency, with where it stands in the log and where the notice of its keys began. */
const ENTRIES = `SELECT DISTINCT ON (c.uri) c.data, c.log_index AS index,
  (SELECT min(f.log_index) FROM agency_changes f
   WHERE f.uri = c.uri AND f.data->'noticeUntilMs' = c.data->'noticeUntilMs') AS notice
  FROM agency_changes c WHERE c.log_index IS NOT NULL AND ($1::text IS NULL OR c.uri = $1)
  ORDER BY c.uri, c.change DESC`

async function loadEntries(db: Queryable, uri: string | null): Promise<AgencyEntry[]> {
  const rows = await db.query<{ data: Agency; index: number; notice: number }>(ENTRIES, [uri])
  return rows.map(({ data: { statusSinceMs, ...agency }, index, notice }) => ({
    ...agency,
    sinceMs: statusSinceMs,
    index,
    noticeIndex: notice,
  }))
}

/** What counts now: the newest change whose leaf is published. */
export async function findAgency(db: Queryable, uri: string): Promise<Agency | null> {
  const [row] = await db.query<{ data: Agency }>(
    'SELECT data FROM agency_changes WHERE uri = $1 AND log_index IS NOT NULL ORDER BY change DESC LIMIT 1',
    [uri],
  )
  return row?.data ?? null
}

/** The change in force at a log index, with its ticket: under it a request of that index was judged. */
export async function findAgencyAt(
  db: Queryable,
  uri: string,
  index: number,
): Promise<{ data: Agency; leaf: number } | null> {
  const [row] = await db.query<{ data: Agency; leaf: number }>(
    'SELECT data, leaf FROM agency_changes WHERE uri = $1 AND log_index < $2 ORDER BY log_index DESC LIMIT 1',
    [uri, index],
  )
  return row ?? null
}

/**
 * What a request or report of this agency is judged by: its newest change, published or on its way. Held until the transaction ends, so
 * that no change comes between the judgement and its leaf: in the log, nothing is accepted after the entry that stops its agency.
 */
export async function holdAgency(tx: Queryable, uri: string): Promise<Agency | null> {
  await lockAgency(tx, uri)
  return (await newestChange(tx, uri))?.data ?? null
}

/** Every agency ever enrolled, withdrawn ones included, by address. */
export const listAgencies = (db: Queryable): Promise<AgencyEntry[]> => loadEntries(db, null)

/** A new agency, and a new key of a known one, wait a whole notice period; other changes keep what was waited. */
function nextOf(
  before: Agency | null,
  submission: AgencySubmission,
  { policy, nowMs }: { policy: Policy; nowMs: number },
): Agency {
  const known = new Set(before?.keys.map((key) => key.x))
  const hasNewKey = submission.keys.some((key) => !known.has(key.x))
  return {
    ...submission,
    statusSinceMs: before?.status === submission.status ? before.statusSinceMs : nowMs,
    noticeUntilMs: before && !hasNewKey ? before.noticeUntilMs : nowMs + policy.agencyNoticeMs,
  }
}

function assertAcceptable(submission: AgencySubmission, policy: Policy): void {
  for (const key of submission.keys) rawKeyOf(key)
  if (!policy.agencyKinds.includes(submission.kind))
    throw new LatchkeyError('MESSAGE_INVALID', 'kind is not one that policy lets take part')
}

/** One change, request or report of an agency at a time. */
async function lockAgency(tx: Queryable, uri: string): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`agency/${uri}`])
}

async function newestChange(tx: Queryable, uri: string): Promise<{ data: Agency; leaf: number } | null> {
  const [row] = await tx.query<{ data: Agency; leaf: number }>(
    'SELECT data, leaf FROM agency_changes WHERE uri = $1 ORDER BY change DESC LIMIT 1',
    [uri],
  )
  return row ?? null
}

/**
 * Enrols or changes an agency: public, one leaf per change, published when it resolves. The same again changes nothing.
 * @param submission from the operator
 * @throws MESSAGE_INVALID (kind not allowed by policy) | KEY_INVALID
 */
export async function putAgency(parts: AgencyParts, submission: AgencySubmission): Promise<AgencyEntry> {
  const ticket = await parts.database.transaction(async (tx) => {
    await lockAgency(tx, submission.uri)
    const nowMs = parts.clock.nowMs()
    const { policy } = await parts.holdPolicy(tx, nowMs)
    assertAcceptable(submission, policy)
    const before = await newestChange(tx, submission.uri)
    const changed = nextOf(before?.data ?? null, submission, { policy, nowMs })
    if (before && canonicalJson(before.data) === canonicalJson(changed)) return before.leaf
    const leaf = await parts.leaves.enqueue(tx, { type: 'agency', data: changed })
    await tx.query('INSERT INTO agency_changes (uri, data, leaf) VALUES ($1, $2::jsonb, $3)', [
      submission.uri,
      JSON.stringify(changed),
      leaf,
    ])
    return leaf
  })
  await parts.settler.settle('agency_changes', ticket)
  const [entry] = await loadEntries(parts.database, submission.uri)
  return entry!
}
