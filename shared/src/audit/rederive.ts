/** The relay's answer to a request, derived again from what is public. */
import { checkRequest, signedMsOf } from '../consent/policy-check.ts'
import { checkAgency, checkIdentity } from '../consent/request-identity.ts'
import { urnOf } from '../crypto/keys.ts'
import { type ErrorCode, LatchkeyError } from '../errors.ts'
import type { LeafData } from '../tlog/leaf.ts'
import { requestLeafData } from '../verify/bundle-leaf.ts'
import { isSignedBy, type Signed } from '../wire/jws.ts'
import type { Policy } from '../wire/policy.ts'
import type { Finding } from '../wire/problem.ts'
import type { ClipRequest, InvestigatorCertificate } from '../wire/request.ts'
import { boundedHistory, hasFullCase, type RecordedRequest, type Span } from './request-record.ts'

/** What was in force where a leaf stands, and what is known of the request. */
export interface Judged {
  readonly agency: LeafData<'agency'>
  readonly policy: Policy
  readonly policyDigest: string
  /** Accepted requests of this agency before the leaf. */
  readonly before: readonly RecordedRequest[]
  /** When the relay can have judged. */
  readonly now: Span
}

/** `derived`: the public record leads to this answer and no other. `open`: it allows it; `why` says what is missing. */
export type Rederived =
  | { readonly kind: 'derived' }
  | { readonly kind: 'open'; readonly why: string }
  | { readonly kind: 'contradicted'; readonly reason: ErrorCode | null; readonly message: string }

const contradicted = ({ code, field, message }: Finding): Rederived => ({
  kind: 'contradicted',
  reason: code,
  message: `${code}${field === undefined ? '' : ` (${field})`}: ${message}`,
})

/** In the order in which a relay asks; the first finding is its answer. */
function findingsAt(
  request: Signed<ClipRequest>,
  judged: Judged,
  at: { readonly nowMs: number; readonly history: Parameters<typeof checkRequest>[2]['history'] },
): Finding[] {
  const { agency, policy, policyDigest } = judged
  const ofAgency = checkAgency(agency, request.payload.iat, at.nowMs)
  if (ofAgency.length > 0) return ofAgency
  if (request.payload.latchkey.policy !== policyDigest)
    return [{ code: 'POLICY_UNKNOWN', message: 'names another policy than the one in force', field: 'policy' }]
  return checkRequest(request.payload, policy, at)
}

function checkSigner(
  request: Signed<ClipRequest>,
  certificate: Signed<InvestigatorCertificate> | null,
  { agency, origin }: { agency: LeafData<'agency'>; origin: string },
): Finding[] {
  if (certificate !== null)
    return checkIdentity({ request, certificate, agency, nowMs: signedMsOf(request.payload) }, origin)
  const { cnf, sub, aud } = request.payload
  const wrong = (code: Finding['code'], message: string): Finding[] => [{ code, message }]
  if (sub !== urnOf(cnf.jwk) || !isSignedBy(request, cnf.jwk))
    return wrong('SIGNATURE_INVALID', 'the request is not signed by its requester')
  return aud === origin ? [] : wrong('REQUEST_INVALID', 'meant for another relay')
}

/** Was it right to accept? `certificate` null: it is not shown, which leaves the question open. */
export function rederiveAccept(
  request: Signed<ClipRequest>,
  certificate: Signed<InvestigatorCertificate> | null,
  judged: Judged & { readonly origin: string },
): Rederived {
  const [identity] = checkSigner(request, certificate, judged)
  if (identity) return contradicted(identity)
  const { now, before } = judged
  const { outcomeDueMs } = judged.policy
  const { certain, possible } = boundedHistory(
    before,
    { caseHash: requestLeafData(request).caseHash, outcomeDueMs },
    now,
  )
  const signedMs = signedMsOf(request.payload)
  // The earliest and the latest moment at which it can have been judged: what fails at either failed when it was.
  const moments = [Math.min(signedMs, now.toMs), Math.max(signedMs, now.fromMs)]
  for (const nowMs of moments) {
    const [finding] = findingsAt(request, judged, { nowMs: Math.min(nowMs, now.toMs), history: certain })
    if (finding) return contradicted(finding)
  }
  if (findingsAt(request, judged, { nowMs: moments[0]!, history: possible }).length > 0)
    return { kind: 'open', why: 'the log tells hours: within them a limit may or may not have been reached' }
  return certificate === null
    ? { kind: 'open', why: 'the investigator’s certificate is not shown' }
    : { kind: 'derived' }
}

/** Moments of a span at which an answer can change. */
function turningPoints({ payload }: Signed<ClipRequest>, { agency, policy, now }: Judged): number[] {
  const { startMs, endMs } = payload.authorization_details[0]!.window
  const turns = [
    signedMsOf(payload),
    endMs,
    startMs + policy.window.maximumAgeMs,
    (payload.iat - 60) * 1000,
    payload.exp * 1000,
    agency.noticeUntilMs,
  ]
  const inside = turns.flatMap((ms) => [ms - 1, ms, ms + 1]).filter((ms) => ms >= now.fromMs && ms <= now.toMs)
  return [...new Set([now.toMs, now.fromMs, ...inside])]
}

/** Was it right to refuse with this code? For who holds the text; it is not public. */
export function rederiveRefusal(request: Signed<ClipRequest>, code: string, judged: Judged): Rederived {
  const { before } = judged
  const { outcomeDueMs } = judged.policy
  let caseHash: string | null = null
  try {
    caseHash = requestLeafData(request).caseHash
  } catch (error) {
    // An area without cells: refused before any limit is counted.
    if (!(error instanceof LatchkeyError)) throw error
  }
  const answers = (which: 'certain' | 'possible') =>
    turningPoints(request, judged).map((nowMs) => {
      const history = boundedHistory(before, { caseHash, outcomeDueMs }, { fromMs: nowMs, toMs: nowMs })[which]
      return findingsAt(request, judged, { nowMs, history })[0]?.code ?? null
    })
  const certain = answers('certain')
  if (certain.includes(code as ErrorCode)) return { kind: 'derived' }
  if (answers('possible').includes(code as ErrorCode))
    return { kind: 'open', why: 'the log tells hours: within them a limit may or may not have been reached' }
  const others = [...new Set(certain)].map((other) => other ?? 'no refusal').join(' or ')
  return { kind: 'contradicted', reason: null, message: `the rules lead to ${others}, not to ${code}` }
}

/** Codes with which a relay may refuse a proven requester. @see spec/request.md */
export const REFUSAL_CODES: ReadonlySet<string> = new Set<ErrorCode>([
  ...(['AGENCY_SUSPENDED', 'AGENCY_NOTICE', 'POLICY_UNKNOWN'] as const),
  ...(['FIELD_MISSING', 'CASE_NUMBER_INVALID', 'PURPOSE_REFUSED', 'REQUEST_INVALID', 'REQUEST_EXPIRED'] as const),
  ...(['AREA_INVALID', 'AREA_TOO_SMALL', 'AREA_TOO_LARGE', 'AREA_TIME_BUDGET'] as const),
  ...(['WINDOW_TOO_SHORT', 'WINDOW_TOO_LONG', 'WINDOW_IN_FUTURE', 'WINDOW_TOO_OLD'] as const),
  ...(['OUTCOME_DUE', 'CASE_LIMIT', 'AGENCY_LIMIT'] as const),
])

/** What can be said of a refusal without its text, which only agency, relay and requester have. */
export function rederiveUnseenRefusal(code: string, { agency, policy, before, now }: Judged): Rederived {
  const wrong = (message: string): Rederived => ({ kind: 'contradicted', reason: null, message })
  const isStopped = agency.status === 'suspended' || agency.status === 'withdrawn'
  if (isStopped !== (code === 'AGENCY_SUSPENDED')) return wrong(`the agency is ${agency.status}`)
  if (isStopped) return { kind: 'derived' }
  if (now.toMs < agency.noticeUntilMs)
    return code === 'AGENCY_NOTICE' ? { kind: 'derived' } : wrong('the notice period of the agency was not over')
  const { possible } = boundedHistory(before, { caseHash: null, outcomeDueMs: policy.outcomeDueMs }, now)
  const { perDay, per30Days, open } = policy.agencyLimits
  if (code === 'OUTCOME_DUE' && possible.overdue === 0) return wrong('no report of the agency can have been overdue')
  if (code === 'AGENCY_LIMIT' && possible.lastDay < perDay && possible.last30Days < per30Days && possible.open < open)
    return wrong('the agency had not used its requests')
  if (code === 'CASE_LIMIT' && !hasFullCase(before, policy.requestsPerCase))
    return wrong('no case of the agency had used its requests')
  return { kind: 'open', why: 'the text of a refused request is not public' }
}
