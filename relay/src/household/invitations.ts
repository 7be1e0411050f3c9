import { digestOf, LatchkeyError, utf8 } from '@latchkey/shared'
import type { Queryable } from '../flow.ts'

/** Who may enrol a household: anybody, or who holds an unused code of the operator's file. */
export type Enrolment = { readonly mode: 'open' } | { readonly mode: 'invitation'; readonly codes: readonly string[] }

/** Judges a new household inside the transaction that creates it, so that a code works once. */
export function createAdmission(
  enrolment: Enrolment,
): (tx: Queryable, root: string, invitation: string | undefined) => Promise<void> {
  if (enrolment.mode === 'open') return () => Promise.resolve()
  // Compared as hashes: a lookup then tells nothing about the codes by its time.
  const known = new Set(enrolment.codes.map((code) => digestOf(utf8(code))))
  return async (tx, root, invitation) => {
    const hash = digestOf(utf8(invitation ?? ''))
    const taken = known.has(hash)
      ? await tx.query(
          'INSERT INTO invitations_used (code_sha256, root) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING root',
          [hash, root],
        )
      : []
    if (taken.length === 0) throw new LatchkeyError('ENROLMENT_CLOSED', 'a new household needs an unused invitation')
  }
}
