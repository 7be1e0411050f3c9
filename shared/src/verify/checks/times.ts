import { CLOCK_TOLERANCE_SECONDS, consentPhase } from '../../consent/consent-times.ts'
import { leafHourOf } from '../../tlog/leaf.ts'
import type { BundleCase } from '../bundle-case.ts'
import { PROOF, PROOF_FILES } from '../bundle-paths.ts'
import type { CaseContext, CheckOutcome } from '../check.ts'
import { bundleFinding, type BundleFinding } from '../finding.ts'

/** A certificate lives a year at most: 366 days. */
const MAX_CERTIFICATE_SECONDS = 366 * 86_400

function checkCertificateTimes({ investigator, request }: BundleCase): BundleFinding[] {
  const { iat, exp } = investigator.payload
  const findings: BundleFinding[] = []
  const wrong = (message: string) =>
    findings.push(bundleFinding('INVESTIGATOR_INVALID', PROOF_FILES.investigator, message))
  if (exp <= iat || exp - iat > MAX_CERTIFICATE_SECONDS) wrong('lives longer than a year, or not at all')
  if (request.payload.iat + CLOCK_TOLERANCE_SECONDS < iat || request.payload.iat >= exp)
    wrong('was not valid when the request was signed')
  return findings
}

/** A release is logged after it happened, so its leaf cannot be of an earlier hour than it states. */
function checkReleaseHour({ leaves, release }: BundleCase): BundleFinding[] {
  const leaf = leaves.leaves.find(({ file }) => PROOF + file === PROOF_FILES.release)
  if (!leaf || release === null || leaf.hour >= leafHourOf(release.payload.toe * 1000)) return []
  return [bundleFinding('CONSENT_REQUIRED', PROOF_FILES.release, 'logged before it is said to have happened')]
}

function checkReleaseTimes({ release, consent }: BundleCase): BundleFinding[] {
  if (release === null) return []
  const { toe, iat, latchkey } = release.payload
  const phase = consentPhase(consent.payload, toe)
  const findings: BundleFinding[] = []
  const file = PROOF_FILES.release
  if (phase === 'early') findings.push(bundleFinding('CONSENT_REQUIRED', file, 'released before the consent began'))
  if (phase === 'expired') findings.push(bundleFinding('CONSENT_EXPIRED', file, 'released after the consent ended'))
  if (iat < toe) findings.push(bundleFinding('CONSENT_INVALID', file, 'signed before the release happened'))
  if (latchkey.download > consent.payload.latchkey.maxDownloads)
    findings.push(bundleFinding('CONSENT_USED', file, 'more downloads than the consent allows'))
  return findings
}

function checkFuture({ consent, release }: BundleCase, nowSeconds: number): BundleFinding[] {
  const latest = nowSeconds + CLOCK_TOLERANCE_SECONDS
  const findings: BundleFinding[] = []
  if (consent.payload.iat > latest)
    findings.push(bundleFinding('CONSENT_INVALID', PROOF_FILES.consent, 'signed in the future'))
  if (release !== null && release.payload.iat > latest)
    findings.push(bundleFinding('CONSENT_INVALID', PROOF_FILES.release, 'signed in the future'))
  return findings
}

/** Check 10: certificate, consent and release each in their time. The time of release is the relay's word. */
export function checkTimes({ bundleCase, options }: CaseContext): CheckOutcome {
  const { nowSeconds } = options
  return {
    findings: [
      ...checkCertificateTimes(bundleCase),
      ...checkReleaseTimes(bundleCase),
      ...checkReleaseHour(bundleCase),
      ...(nowSeconds === undefined ? [] : checkFuture(bundleCase, nowSeconds)),
    ],
  }
}
