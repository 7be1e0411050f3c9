import { type Consent, consent, ConsentSubmission } from '../src/wire/consent.ts'
import type { Signed } from '../src/wire/jws.ts'
import { createValidator, parseWith } from '../src/wire/schema.ts'
import { readJsonFile } from './disk-files.ts'
import { inFile } from './failure.ts'

/** A submission of 4,096 items: 224 characters of header each. */
const MAX_SUBMISSION_BYTES = 2 * 1024 * 1024
const submission = createValidator(ConsentSubmission)

/** A consent as `latchkey consent` wrote it. Untrusted. @throws the codes of parsing */
export async function loadSubmission(path: string): Promise<ConsentSubmission & { readonly signed: Signed<Consent> }> {
  const value = await readJsonFile(path, MAX_SUBMISSION_BYTES)
  return inFile(path, () => {
    const parsed = parseWith(submission, value, 'consent file')
    return { ...parsed, signed: consent.parse(parsed.consent) }
  })
}
