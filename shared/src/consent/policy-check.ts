import { areaM2Of, assertPolygon } from '../area/polygon.ts'
import { LatchkeyError } from '../errors.ts'
import type { Policy } from '../wire/policy.ts'
import type { Finding } from '../wire/problem.ts'
import type { ClipRequest } from '../wire/request.ts'
import { normalCaseNumber } from './case-number.ts'
import { CLOCK_TOLERANCE_SECONDS } from './consent-times.ts'
import { templateEntry } from './request-templates.ts'

const HOUR_MS = 3_600_000

/** What this agency has asked before: counts from the public log, so that anyone can repeat them. */
export interface RequestHistory {
  /** Accepted requests of this agency for the same case (`normalCaseNumber`). */
  readonly sameCase: number
  /** Accepted requests of this agency in the last 24 hours. */
  readonly lastDay: number
  /** … in the last 30 days. */
  readonly last30Days: number
  /** … whose `exp` has not passed. */
  readonly open: number
  /** … that closed `outcomeDueMs` ago or earlier, and of which no outcome was reported. */
  readonly overdue: number
}

/** When, and after what, a request is judged. */
export interface RequestContext {
  readonly nowMs: number
  /** `null` where history is not known: an offline check of a draft says nothing of the per-case and per-agency limits. */
  readonly history: RequestHistory | null
}

const finding = (code: Finding['code'], field: string, message: string): Finding => ({ code, field, message })

function checkFields({ latchkey }: ClipRequest, policy: Policy): Finding[] {
  const findings: Finding[] = []
  for (const field of ['caseNumber', 'incidentType', 'reason', 'contact', 'template'] as const)
    if (latchkey[field].trim() === '') findings.push(finding('FIELD_MISSING', field, `${field} is required`))
  const caseNumber = normalCaseNumber(latchkey.caseNumber)
  if (latchkey.caseNumber.trim() !== '' && (caseNumber === '' || policy.refusedCaseNumbers.includes(caseNumber)))
    findings.push(finding('CASE_NUMBER_INVALID', 'caseNumber', 'a real case number is required'))
  if (policy.refusedIncidentTypes.includes(latchkey.incidentType))
    findings.push(finding('PURPOSE_REFUSED', 'incidentType', 'requests of this kind are refused by policy'))
  else if (latchkey.incidentType.trim() !== '' && !policy.incidentTypes.includes(latchkey.incidentType))
    findings.push(finding('PURPOSE_REFUSED', 'incidentType', 'not on the closed list of incident types'))
  if (
    latchkey.template.trim() !== '' &&
    policy.templates.every((entry) => templateEntry(entry).id !== latchkey.template)
  )
    findings.push(finding('REQUEST_INVALID', 'template', 'not a published template'))
  return findings
}

/**
 * The last millisecond of the second in which a request says it was signed. Who judges a request later, from the log or
 * a bundle, judges it at this moment and comes to the answer of the relay that took it.
 */
export function signedMsOf({ iat }: Pick<ClipRequest, 'iat'>): number {
  return iat * 1000 + 999
}

function checkWindow(request: ClipRequest, policy: Policy, nowMs: number): Finding[] {
  const { startMs, endMs } = request.authorization_details[0]!.window
  const signedMs = signedMsOf(request)
  const findings: Finding[] = []
  const lengthMs = endMs - startMs
  if (lengthMs < policy.window.minimumMs)
    findings.push(finding('WINDOW_TOO_SHORT', 'window', `shorter than ${policy.window.minimumMs / 60_000} minutes`))
  if (lengthMs > policy.window.maximumMs)
    findings.push(finding('WINDOW_TOO_LONG', 'window', `longer than ${policy.window.maximumMs / HOUR_MS} hours`))
  if (endMs > Math.min(nowMs, signedMs))
    findings.push(finding('WINDOW_IN_FUTURE', 'window', 'ends in the future: standing requests do not exist'))
  if (startMs < Math.max(nowMs, signedMs) - policy.window.maximumAgeMs)
    findings.push(
      finding('WINDOW_TOO_OLD', 'window', `starts over ${policy.window.maximumAgeMs / (24 * HOUR_MS)} days ago`),
    )
  return findings
}

function checkArea(request: ClipRequest, policy: Policy): Finding[] {
  const [{ area, window }] = request.authorization_details as [ClipRequest['authorization_details'][number]]
  try {
    assertPolygon(area)
  } catch (error) {
    if (error instanceof LatchkeyError) return [finding('AREA_INVALID', 'area', error.message)]
    throw error
  }
  const areaM2 = areaM2Of(area)
  const findings: Finding[] = []
  if (areaM2 < policy.area.minimumM2)
    findings.push(finding('AREA_TOO_SMALL', 'area', `${areaM2} m² is under ${policy.area.minimumM2} m²`))
  if (areaM2 > policy.area.maximumM2)
    findings.push(finding('AREA_TOO_LARGE', 'area', `${areaM2} m² is over ${policy.area.maximumM2} m²`))
  const hours = Math.max(0, window.endMs - window.startMs) / HOUR_MS
  if (areaM2 * hours > policy.areaTimeM2Hours)
    findings.push(
      finding('AREA_TIME_BUDGET', 'area', `${Math.round(areaM2 * hours)} m²·h is over ${policy.areaTimeM2Hours} m²·h`),
    )
  return findings
}

function checkTimes({ iat, exp }: ClipRequest, policy: Policy, nowMs: number): Finding[] {
  const nowSeconds = nowMs / 1000
  const findings: Finding[] = []
  if (iat > nowSeconds + CLOCK_TOLERANCE_SECONDS)
    findings.push(finding('REQUEST_INVALID', 'iat', 'signed in the future'))
  if (exp <= nowSeconds) findings.push(finding('REQUEST_EXPIRED', 'exp', 'has expired'))
  if (exp <= iat || exp - iat > policy.requestLifeSeconds.maximum)
    findings.push(
      finding('REQUEST_INVALID', 'exp', `open longer than ${policy.requestLifeSeconds.maximum / 86_400} days`),
    )
  return findings
}

function checkHistory(history: RequestHistory, policy: Policy): Finding[] {
  const findings: Finding[] = []
  const { perDay, per30Days, open } = policy.agencyLimits
  if (history.overdue > 0)
    findings.push(
      finding('OUTCOME_DUE', 'iss', `${history.overdue} closed requests of the agency have no report of their outcome`),
    )
  if (history.sameCase >= policy.requestsPerCase)
    findings.push(finding('CASE_LIMIT', 'caseNumber', `this case has used its ${policy.requestsPerCase} requests`))
  if (history.lastDay >= perDay || history.last30Days >= per30Days || history.open >= open)
    findings.push(
      finding('AGENCY_LIMIT', 'iss', `over ${perDay} a day, ${per30Days} in 30 days or ${open} open requests`),
    )
  return findings
}

/**
 * May this request be published? Pure: the relay, the command line and anyone who re-checks the log get the same answer.
 * Identity (certificate, agency status, policy digest) is judged elsewhere.
 * @returns every finding, in a fixed order; empty when it may
 * @see spec/request.md, policy/us.json
 */
export function checkRequest(request: ClipRequest, policy: Policy, context: RequestContext): Finding[] {
  return [
    ...checkFields(request, policy),
    ...checkArea(request, policy),
    ...checkWindow(request, policy, context.nowMs),
    ...checkTimes(request, policy, context.nowMs),
    ...(context.history === null ? [] : checkHistory(context.history, policy)),
  ]
}
