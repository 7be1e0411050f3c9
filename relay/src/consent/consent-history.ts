import { type ConsentEntry, MAX_SHARED_ON } from '@latchkey/shared'
import type { Queryable } from '../flow.ts'
import { CONSENT_STATE } from './consent-store.ts'

const PAGE = 200
/** Of one consent or release. Members and requesters can repeat their word without end; the first ones say it. */
const MAX_WORDS = 10

/** Rows of a subquery as a JSON array, the oldest first. `inner` names `at` for their order. */
function listOf(members: string, inner: string, limit = MAX_WORDS): string {
  return `(SELECT coalesce(jsonb_agg(jsonb_build_object(${members}) ORDER BY w.at), '[]'::jsonb)
    FROM (${inner} ORDER BY at LIMIT ${limit}) w)`
}

const APPROVALS = listOf(
  "'approval', w.jws, 'salt', w.salt, 'index', w.log_index",
  'SELECT *, leaf AS at FROM approvals WHERE subject = c.digest AND root = c.root',
)
const REVOCATIONS = listOf(
  "'revocation', w.jws, 'salt', w.salt, 'index', w.log_index, 'receivedMs', w.received_ms",
  'SELECT *, leaf AS at FROM revocations WHERE subject = c.digest AND root = c.root',
)
const RECEIPTS = listOf(
  "'received', w.jws, 'salt', w.salt, 'index', w.log_index, 'receivedMs', w.received_ms",
  'SELECT *, leaf AS at FROM receipts WHERE release = d.release',
)
/** Each tells of somebody who has it now: as many as are taken are told. */
const SHARED_ON = listOf(
  "'sharedOn', w.jws, 'salt', w.salt, 'index', w.log_index, 'receivedMs', w.received_ms",
  'SELECT *, leaf AS at FROM shared_on WHERE release = d.release',
  MAX_SHARED_ON,
)
/** As many as were allowed, which the policy bounds. */
const RELEASES = `(SELECT coalesce(jsonb_agg(jsonb_build_object('release', d.release_jws, 'salt', d.salt,
    'index', d.log_index, 'takenMs', d.taken_ms, 'receipts', ${RECEIPTS}, 'sharedOn', ${SHARED_ON}) ORDER BY d.number), '[]'::jsonb)
  FROM downloads d WHERE d.consent = c.digest)`

/**
 * Consents of a household behind a cursor, in order of arrival, each with all that became of it: what its members need to
 * show it, and to find every object of it in the log for themselves.
 */
export async function listConsents(
  db: Queryable,
  root: string,
  page: { readonly after: number; readonly nowMs: number },
): Promise<ConsentEntry[]> {
  return db.query(
    `SELECT c.cursor, c.jws AS consent, c.clip, c.received_ms AS "receivedMs", c.ended_ms AS "endedMs", c.salt,
       c.log_index AS index, c.downloads_taken AS downloads, ${CONSENT_STATE} AS state,
       ${APPROVALS} AS approvals, ${REVOCATIONS} AS revocations, ${RELEASES} AS releases
     FROM consents c WHERE c.root = $1 AND c.cursor > $3 ORDER BY c.cursor LIMIT ${PAGE}`,
    [root, Math.floor(page.nowMs / 1000), page.after],
  )
}
