import { equalBytes, utf8 } from '../../bytes/bytes.ts'
import { PROOF_FILES } from '../bundle-paths.ts'
import type { CaseContext, CheckOutcome } from '../check.ts'
import { renderCustody } from '../custody.ts'
import { bundleFinding } from '../finding.ts'

/** Check 15: the custody file is what the signed objects and their places in the log give. */
export function checkCustody({ bundleCase, files }: CaseContext): CheckOutcome {
  const written = files.get(PROOF_FILES.custody)
  if (written !== undefined && equalBytes(written, utf8(renderCustody(bundleCase)))) return { findings: [] }
  return { findings: [bundleFinding('BUNDLE_INVALID', PROOF_FILES.custody, 'not what the signed objects give')] }
}
