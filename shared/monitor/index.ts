/** The door for whoever follows a relay's log from outside: the reader, the judge, and what they find. */
export { AUDIT_CODES, type AuditCode, type AuditFinding } from '../src/audit/audit-finding.ts'
export type { Audit } from '../src/audit/audit.ts'
export type { AuditedAgency, AuditState, AuditTally } from '../src/audit/audit-state.ts'
export { NOT_JUDGED } from '../src/audit/not-judged.ts'
export { createExportedRelay } from './exported-relay.ts'
export { type CheckpointMemory, createLogMonitor, type LogMonitor, type Look } from './log-monitor.ts'
export { createPublicRelay, type PublicRelay } from './public-relay.ts'
