import { checkRequest, signedMsOf } from '../../consent/policy-check.ts'
import { digestOfJson } from '../../crypto/hash.ts'
import { thumbprintOf, urnOf } from '../../crypto/keys.ts'
import { leafHourStartMs } from '../../tlog/leaf.ts'
import { isSignedBy } from '../../wire/jws.ts'
import type { BundleCase } from '../bundle-case.ts'
import { PROOF, PROOF_FILES } from '../bundle-paths.ts'
import type { CaseContext, CheckOutcome } from '../check.ts'
import { bundleFinding, type BundleFinding, findingsIn } from '../finding.ts'
import { holdsKey, type VerifierTrust } from '../trust.ts'

function checkSignature({ request, investigator }: BundleCase): BundleFinding[] {
  const { sub, cnf, iss, latchkey } = request.payload
  const certified = investigator.payload
  const findings: BundleFinding[] = []
  const wrong = (message: string) => findings.push(bundleFinding('REQUEST_INVALID', PROOF_FILES.request, message))
  if (!isSignedBy(request, cnf.jwk))
    findings.push(bundleFinding('SIGNATURE_INVALID', PROOF_FILES.request, 'not signed by its requester'))
  if (sub !== urnOf(cnf.jwk)) wrong('the subject is not the requester key')
  if (latchkey.investigatorCertificate !== investigator.digest) wrong('names another investigator certificate')
  if (iss !== certified.iss || sub !== certified.sub || thumbprintOf(cnf.jwk) !== thumbprintOf(certified.cnf.jwk))
    wrong('the certificate is for another agency or investigator')
  if (latchkey.recipient !== certified.latchkey.recipient) wrong('the recipient is not the certified one')
  return findings
}

function checkCertificate({ investigator, agency }: BundleCase, trust: VerifierTrust): BundleFinding[] {
  const { iss, sub, cnf } = investigator.payload
  const findings: BundleFinding[] = []
  const wrong = (message: string) =>
    findings.push(bundleFinding('INVESTIGATOR_INVALID', PROOF_FILES.investigator, message))
  if (sub !== urnOf(cnf.jwk)) wrong('the subject is not the certified key')
  const keys = trust.agencies.get(iss)
  if (keys === undefined)
    findings.push(bundleFinding('AGENCY_UNKNOWN', PROOF_FILES.investigator, `the trust file does not list ${iss}`))
  else if (!keys.some((jwk) => isSignedBy(investigator, jwk))) wrong('not signed by a trusted key of its agency')
  if (agency.uri !== iss) findings.push(bundleFinding('AGENCY_UNKNOWN', PROOF_FILES.agency, 'describes another agency'))
  if ('keys' in agency && !holdsKey(agency.keys, investigator.kid))
    wrong('signed by a key that its agency has not logged')
  return findings
}

/** The latest moment at which a relay can have taken the request: the end of its leaf's hour, else of its own second. */
function latestReceiptMs({ request, leaves }: BundleCase): number {
  const leaf = leaves.leaves.find(({ file }) => PROOF + file === PROOF_FILES.request)
  return Math.max(signedMsOf(request.payload), leaf ? leafHourStartMs(leaf.hour + 1) : 0)
}

/** What the agency's log entry says of its standing, at the time of the request. */
function checkStanding(bundleCase: BundleCase): BundleFinding[] {
  const { agency, policy } = bundleCase
  if (!('status' in agency)) return []
  const findings: BundleFinding[] = []
  const wrong = (code: 'AGENCY_SUSPENDED' | 'AGENCY_UNKNOWN' | 'AGENCY_NOTICE', message: string) =>
    findings.push(bundleFinding(code, PROOF_FILES.agency, message))
  if (agency.status !== 'active' && agency.status !== 'pilot')
    wrong('AGENCY_SUSPENDED', `the agency is ${agency.status}`)
  if (!policy.agencyKinds.includes(agency.kind)) wrong('AGENCY_UNKNOWN', 'policy does not admit agencies of this kind')
  if (agency.noticeUntilMs > latestReceiptMs(bundleCase))
    wrong('AGENCY_NOTICE', 'the request is older than the end of the notice period')
  return findings
}

/** Check 7: who asks, vouched for by a trusted agency, within the policy the request names. */
export function checkBundleRequest({ bundleCase, trust }: CaseContext): CheckOutcome {
  const { request, policy } = bundleCase
  const findings = [
    ...checkSignature(bundleCase),
    ...checkCertificate(bundleCase, trust),
    ...checkStanding(bundleCase),
    // Judged at its own time; how often the agency asked before is not in a bundle.
    ...findingsIn(
      PROOF_FILES.request,
      checkRequest(request.payload, policy, { nowMs: signedMsOf(request.payload), history: null }),
    ),
  ]
  if (request.payload.latchkey.policy !== digestOfJson(policy))
    findings.push(bundleFinding('POLICY_UNKNOWN', PROOF_FILES.policy, 'not the policy that the request names'))
  return { findings }
}
