import { digestOfJson } from '../crypto/hash.ts'
import { LatchkeyError } from '../errors.ts'
import type { LeafData } from '../tlog/leaf.ts'
import { type RegisterEntry, registerEntry } from '../wire/register.ts'
import { parseWith } from '../wire/schema.ts'
import { auditFinding, type AuditFinding } from './audit-finding.ts'

/** Why a document is not the one that a leaf names; null when it is. Untrusted: `value`. */
function wrongEntry(value: unknown, book: RegisterEntry['book'], data: LeafData<'legal'>): string | null {
  try {
    const entry = parseWith(registerEntry, value, 'entry')
    if (digestOfJson(entry) !== data.digest) return 'it has another digest'
    if (entry.book !== book) return `it stands in the ${entry.book} book`
    if (entry.book === 'statistics') return null
    const removes = entry.book === 'legal' ? entry.removes : undefined
    return removes === data.removes ? null : 'it removes another text'
  } catch (error) {
    if (error instanceof LatchkeyError) return error.message
    throw error
  }
}

/**
 * What is shown for an entry of the register, against its leaf: a register of digests alone would be none.
 * @param value untrusted; null where nothing is shown
 */
export function checkDisclosed(
  value: unknown,
  at: { readonly index: number; readonly book: RegisterEntry['book']; readonly data: LeafData<'legal'> },
): AuditFinding[] {
  const { index, book, data } = at
  if (value === null) return [auditFinding('DOCUMENT_MISSING', index, `what entry ${index} discloses is not shown`)]
  const wrong = wrongEntry(value, book, data)
  if (wrong === null) return []
  const message = `what is shown for entry ${index} is not what it discloses: ${wrong}`
  return [auditFinding('DOCUMENT_WRONG', index, message, { evidence: { shown: JSON.stringify(value) } })]
}
