import type { LeafData } from '../tlog/leaf.ts'
import type { Policy } from '../wire/policy.ts'
import { auditFinding, type AuditFinding } from './audit-finding.ts'
import { spanOfHour } from './request-record.ts'

/** An agency's entry in its place. */
export interface AgencyEntryAt {
  readonly index: number
  readonly data: LeafData<'agency'>
  readonly hour: number
}

/** May this agency take part, and did it, or its new key, wait as long as the policy says? `policy` null: not known. */
export function checkAgencyEntry(
  { index, data, hour }: AgencyEntryAt,
  before: LeafData<'agency'> | null,
  policy: Policy | null,
): AuditFinding[] {
  const findings: AuditFinding[] = []
  if (policy && (!policy.agencyKinds.includes(data.kind) || policy.refusedAgencyKinds.includes(data.kind)))
    findings.push(
      auditFinding(
        'AGENCY_AGAINST_POLICY',
        index,
        `entry ${index} enrols ${data.uri}: the policy admits no '${data.kind}'`,
      ),
    )
  const known = new Set(before?.keys.map(({ x }) => x))
  const hasNewKey = before === null || data.keys.some(({ x }) => !known.has(x))
  const leastMs = hasNewKey ? spanOfHour(hour).fromMs + (policy?.agencyNoticeMs ?? 0) : before.noticeUntilMs
  if (data.noticeUntilMs >= leastMs) return findings
  const from = new Date(data.noticeUntilMs).toISOString()
  const which = hasNewKey ? 'of its keys' : 'it was given'
  const message = `entry ${index} lets ${data.uri} ask from ${from}, before the notice period ${which} is over`
  return [...findings, auditFinding('AGENCY_NOTICE_SHORT', index, message)]
}
