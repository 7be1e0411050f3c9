import { equalBytes, utf8 } from '../../bytes/bytes.ts'
import { noticeDigest } from '../../consent/notice.ts'
import { PROOF_FILES } from '../bundle-paths.ts'
import { renderBundleNotice } from '../bundle-texts.ts'
import type { CaseContext, CheckOutcome } from '../check.ts'
import { bundleFinding } from '../finding.ts'

/** Check 9: the words re-render, from request, agency name and items, to the digest that was signed. */
export function checkNotice({ bundleCase, files }: CaseContext): CheckOutcome {
  const text = renderBundleNotice(bundleCase)
  if (text === null || noticeDigest(text) !== bundleCase.consent.payload.latchkey.notice.sha256) {
    const message = 'the words do not re-render to the digest that the consent signs'
    // Without a log the agency's name is bound by nothing but these words.
    return {
      findings: [
        bundleFinding('CONSENT_NOTICE', PROOF_FILES.consent, message),
        bundleFinding('CONSENT_NOTICE', PROOF_FILES.agency, `${message}: another name of the agency`),
      ],
    }
  }
  const written = files.get(PROOF_FILES.notice)
  if (written !== undefined && equalBytes(written, utf8(text))) return { findings: [] }
  return { findings: [bundleFinding('CONSENT_NOTICE', PROOF_FILES.notice, 'not the words that re-render')] }
}
