import type { CheckContext, CheckOutcome } from '../check.ts'

/** Check 2: every proof file parses: sizes, canonical form, schemas, text rules, key encodings. */
export function checkForm({ parseFindings }: CheckContext): CheckOutcome {
  return { findings: parseFindings }
}
