import type { EvidenceFile } from './evidence-file.ts'
import type { BundleFacts } from './verify-bundle.ts'

/** One column: its name and its value for a file. */
type Column = readonly [name: string, value: (facts: BundleFacts, file: EvidenceFile) => string | number | null]

const utc = (ms: number) => new Date(ms).toISOString()

/** A neutral sidecar: no evidence system publishes its import columns. @see product.md §4f */
const COLUMNS: readonly Column[] = [
  ['case_number', ({ caseNumber }) => caseNumber],
  ['evidence_id', ({ clip }, { path }) => `${clip}/${path}`],
  ['title', (_, { rendition, startMs }) => `Doorbell camera ${rendition} ${utc(startMs)}`],
  ['file_name', (_, { path }) => path],
  ['media_type', (_, { mediaType }) => mediaType],
  ['sha256', (_, { sha256 }) => sha256],
  ['bytes', (_, { sizeBytes }) => sizeBytes],
  ['recorded_start_utc', (_, { startMs }) => utc(startMs)],
  ['recorded_end_utc', (_, { endMs }) => utc(endMs)],
  ['timezone', () => 'UTC'],
  ['clock_offset_ms', ({ clock }) => clock.offsetMs],
  ['source_device_key', ({ device }) => device],
  ['rendition', (_, { rendition }) => rendition],
  ['derived_from_sha256', (_, { derivedFrom }) => derivedFrom],
  ['request_id', ({ request }) => request],
  ['agency', ({ agency }) => agency],
  ['investigator', ({ investigator }) => investigator.name],
  ['consent_token_id', ({ consentId }) => consentId],
  ['consent_exp', ({ consentExpSeconds }) => utc(consentExpSeconds * 1000)],
  ['retention_promise', ({ retentionDays }) => `P${retentionDays}D`],
  ['log_index', ({ releaseIndex }) => releaseIndex],
]

/** RFC 4180 field; a leading character that spreadsheets take for a formula is disarmed by an apostrophe. */
function field(value: string | number | null): string {
  if (value === null) return ''
  if (typeof value === 'number') return String(value)
  const plain = /^[=+\-@]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}

/** `import.csv`: one row per file. Pure. @see RFC 4180 */
export function renderImportCsv(facts: BundleFacts, files: readonly EvidenceFile[]): string {
  const rows = files.map((file) => COLUMNS.map(([, value]) => field(value(facts, file))))
  return [COLUMNS.map(([name]) => name), ...rows].map((row) => `${row.join(',')}\r\n`).join('')
}
