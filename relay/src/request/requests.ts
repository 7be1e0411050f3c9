import {
  checkAgency,
  checkIdentity,
  checkRequest,
  type ClipRequest,
  clipRequest,
  type Finding,
  type InvestigatorCertificate,
  investigatorCertificate,
  LatchkeyError,
  type LeafData,
  parseCompact,
  type Policy,
  requestLeafData,
  type Signed,
  thumbprintOfUrn,
} from '@latchkey/shared'
import type { Database, LeafLog, Queryable, Transaction } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { LeafSettler } from '../kernel/leaf-settler.ts'
import { findRequest, historyOf, secondsUntilNextSlot } from './request-store.ts'

export interface RequestParts {
  readonly database: Database
  readonly leaves: LeafLog
  readonly settler: LeafSettler
  readonly clock: Pick<Clock, 'nowMs'>
  readonly publicOrigin: string
  /** The rules in force as they are, and stay until the transaction ends. */
  holdPolicy(tx: Queryable, nowMs: number): Promise<{ readonly policy: Policy; readonly digest: string }>
  /** The agency as it is, and stays until the transaction ends; nobody else's request of it is judged meanwhile. */
  holdAgency(tx: Queryable, uri: string): Promise<LeafData<'agency'> | null>
  /** Inclusion proof of a published leaf, a tlog-proof file. */
  prove(index: number): Promise<Uint8Array>
}

/** What became of a request. */
export type RequestOutcome =
  | { readonly kind: 'accepted'; readonly digest: string; readonly index: number; readonly proof: Uint8Array }
  | { readonly kind: 'refused'; readonly findings: readonly [Finding, ...Finding[]]; readonly retryAfterS?: number }

type Verdict = { readonly ticket: number } | Extract<RequestOutcome, { kind: 'refused' }>

interface Submission {
  readonly request: Signed<ClipRequest>
  readonly certificate: Signed<InvestigatorCertificate>
}

const REQUIRED = ['caseNumber', 'incidentType', 'reason', 'contact', 'template'] as const

/** Required text that is not there at all: named, where the schema alone would only say "invalid". Untrusted: `raw`. */
function missingFields(raw: string): Finding[] {
  const { payload } = parseCompact(raw)
  const latchkey = (payload as { latchkey?: unknown } | null)?.latchkey
  if (typeof latchkey !== 'object' || latchkey === null) return []
  return REQUIRED.filter((field) => !(field in latchkey)).map((field) => ({
    code: 'FIELD_MISSING',
    field,
    message: `${field} is required`,
  }))
}

function isSome<T>(list: readonly T[]): list is readonly [T, ...T[]] {
  return list.length > 0
}

/** A refusal of a proven requester is public: one leaf per request, whatever it is sent again. */
async function logRefusal(parts: RequestParts, tx: Transaction, submission: Submission, code: string): Promise<void> {
  const { digest, payload } = submission.request
  const known = await tx.query('SELECT 1 FROM refusals WHERE request = $1', [digest])
  if (known.length > 0) return
  const data = { agency: payload.iss, code, requestDigest: digest }
  const leaf = await parts.leaves.enqueue(tx, { type: 'refusal', data })
  await tx.query('INSERT INTO refusals (request, agency, code, leaf) VALUES ($1, $2, $3, $4)', [
    digest,
    payload.iss,
    code,
    leaf,
  ])
  parts.settler.settleLater('refusals', leaf)
}

async function insertRequest(
  parts: RequestParts,
  tx: Transaction,
  { request, certificate }: Submission,
): Promise<number> {
  const { digest, payload, raw } = request
  const data = requestLeafData(request)
  const leaf = await parts.leaves.enqueue(tx, { type: 'request', data })
  await tx.query(
    `INSERT INTO requests (digest, agency, requester, jti, case_hash, jws, certificate_jws, received_ms, exp_s, leaf)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      digest,
      payload.iss,
      thumbprintOfUrn(payload.sub),
      payload.jti,
      data.caseHash,
      raw,
      certificate.raw,
      parts.clock.nowMs(),
      payload.exp,
      leaf,
    ],
  )
  for (const cell of data.cells)
    await tx.query('INSERT INTO request_cells (cell, request) VALUES ($1, $2)', [cell, digest])
  return leaf
}

/** Content, limits and history, in the transaction that counts them. */
async function judge(
  parts: RequestParts,
  tx: Queryable,
  submission: Submission,
  agency: LeafData<'agency'>,
): Promise<Finding[]> {
  const nowMs = parts.clock.nowMs()
  const { request } = submission
  const { iat } = request.payload
  const ofAgency = checkAgency(agency, iat, nowMs)
  if (ofAgency.length > 0) return ofAgency
  const { policy, digest } = await parts.holdPolicy(tx, nowMs)
  if (request.payload.latchkey.policy !== digest)
    return [{ code: 'POLICY_UNKNOWN', message: 'names another policy than the one in force', field: 'policy' }]
  const ofContent = checkRequest(request.payload, policy, { nowMs, history: null })
  if (ofContent.length > 0) return ofContent
  const { caseHash } = requestLeafData(request)
  const history = await historyOf(tx, { agency: agency.uri, caseHash, nowMs, outcomeDueMs: policy.outcomeDueMs })
  return checkRequest(request.payload, policy, { nowMs, history })
}

async function decide(parts: RequestParts, tx: Transaction, submission: Submission): Promise<Verdict> {
  const agency = await parts.holdAgency(tx, submission.request.payload.iss)
  if (!agency) throw new LatchkeyError('AGENCY_UNKNOWN', 'the agency is not enrolled')
  const unproven = checkIdentity({ ...submission, agency, nowMs: parts.clock.nowMs() }, parts.publicOrigin)
  if (isSome(unproven)) return { kind: 'refused', findings: unproven }
  const known = await findRequest(tx, submission.request.digest)
  if (known) return { ticket: known.leaf }
  const findings = await judge(parts, tx, submission, agency)
  if (!isSome(findings)) return { ticket: await insertRequest(parts, tx, submission) }
  const [{ code }] = findings
  await logRefusal(parts, tx, submission, code)
  const retryAfterS = code === 'AGENCY_LIMIT' ? await secondsUntilNextSlot(tx, agency.uri, parts.clock.nowMs()) : null
  return { kind: 'refused', findings, ...(retryAfterS === null ? {} : { retryAfterS }) }
}

/**
 * Takes a request: who asks, whether policy allows it, how often was asked before; accepted ones are in the public log
 * when this resolves, refusals of a proven requester follow. The same bytes again give the same answer.
 * @param callerThumbprint of the key that proved the call: it must be the requester's
 * @param raw untrusted
 * @throws CALLER_REFUSED | AGENCY_UNKNOWN | form codes
 */
export async function submitRequest(
  parts: RequestParts,
  callerThumbprint: string,
  raw: { readonly request: string; readonly investigatorCertificate: string },
): Promise<RequestOutcome> {
  const missing = missingFields(raw.request)
  if (isSome(missing)) return { kind: 'refused', findings: missing }
  const submission = {
    request: clipRequest.parse(raw.request),
    certificate: investigatorCertificate.parse(raw.investigatorCertificate),
  }
  const { payload, digest } = submission.request
  if (thumbprintOfUrn(payload.sub) !== callerThumbprint)
    throw new LatchkeyError('CALLER_REFUSED', 'this key may not use this route')
  const verdict = await parts.database.transaction((tx) => decide(parts, tx, submission))
  if ('kind' in verdict) return verdict
  const index = await parts.settler.settle('requests', verdict.ticket)
  return { kind: 'accepted', digest, index, proof: await parts.prove(index) }
}
