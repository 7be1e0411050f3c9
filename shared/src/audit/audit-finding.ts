import type { ErrorCode } from '../errors.ts'

/** What a monitor may find, each with what it means. A closed list. @see spec/monitor.md */
export const AUDIT_CODES = {
  CHECKPOINT_UNSIGNED: 'what is served as the checkpoint is not signed as the trust file asks',
  CHECKPOINT_OTHER_LOG: 'the checkpoint is of another log than before',
  LOG_ROLLED_BACK: 'the log is smaller than it was',
  LOG_UNPROVEN: 'the log does not prove that it still holds what it held',
  LOG_FORKED: 'the log signed two histories',
  ENTRIES_WRONG: 'the entries are not those that the log signed',
  LEAF_INVALID: 'an entry has no form that the log allows',
  HOUR_RUNS_BACK: 'an entry is of an earlier hour than the one before it',
  HOUR_IN_FUTURE: 'an entry is of an hour that has not come',
  DOCUMENT_MISSING: 'what an entry names is not shown to the public',
  DOCUMENT_WRONG: 'what is shown for an entry is not what the entry names',
  LOGGED_TWICE: 'one request has two entries where it may have one',
  REQUEST_AGAINST_POLICY: 'a request was accepted that the rules refuse',
  REFUSAL_UNFOUNDED: 'a request was refused for a reason that cannot be',
  OUTCOME_UNFOUNDED: 'a report is of a request that the agency never made',
  AGENCY_AGAINST_POLICY: 'an agency takes part that the policy does not admit',
  POLICY_NOTICE_SHORT: 'looser rules were put in force before their public notice was over',
  POLICY_NOT_IN_FORCE: 'a request was accepted by rules that were only announced',
  AGENCY_NOTICE_SHORT: 'an agency or its key did not wait the public notice period',
  NUMBERS_MISSING: 'the numbers of a month are not told',
  REQUEST_WITHHELD: 'the relay does not tell a cell of a question that is open there',
  TOLD_OTHERWISE: 'the relay tells something else than its log holds',
} as const

/** A stable code of a finding. */
export type AuditCode = keyof typeof AUDIT_CODES

/** One thing that is not as it must be. */
export interface AuditFinding {
  readonly code: AuditCode
  /** Of the leaf it is about; null where it is about the log as a whole. */
  readonly index: number | null
  /** A sentence for people. */
  readonly message: string
  /** The rule that was broken, where it has a code of its own. */
  readonly reason: ErrorCode | null
  /** What shows it to others, as text; empty where the log itself does. */
  readonly evidence: Readonly<Record<string, string>>
}

/** A finding; `more` adds reason and evidence. */
export function auditFinding(
  code: AuditCode,
  index: number | null,
  message: string,
  more: Partial<Pick<AuditFinding, 'reason' | 'evidence'>> = {},
): AuditFinding {
  return { code, index, message, reason: more.reason ?? null, evidence: more.evidence ?? {} }
}
