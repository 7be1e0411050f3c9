import { canonicalJson } from '../../bytes/canonical-json.ts'
import { urnOf } from '../../crypto/keys.ts'
import { isSignedBy } from '../../wire/jws.ts'
import type { Release } from '../../wire/release.ts'
import type { BundleCase } from '../bundle-case.ts'
import { PROOF_FILES } from '../bundle-paths.ts'
import type { CaseContext, CheckOutcome } from '../check.ts'
import { bundleFinding, type BundleFinding } from '../finding.ts'

const wrong = (message: string, file: string = PROOF_FILES.release) => bundleFinding('CONSENT_INVALID', file, message)

function checkClaims(release: Release, { request, consent }: BundleCase): BundleFinding[] {
  const { items, headersSha256 } = consent.payload.authorization_details[0]!
  const findings: BundleFinding[] = []
  if (release.iss !== request.payload.aud) findings.push(wrong('from another relay than the request was made to'))
  if (release.aud !== request.payload.sub) findings.push(wrong('to another requester'))
  if (release.latchkey.request !== request.digest) findings.push(wrong('of another request'))
  if (release.latchkey.consent !== consent.digest) findings.push(wrong('of another consent'))
  if (
    canonicalJson(release.latchkey.items) !== canonicalJson(items) ||
    release.latchkey.headersSha256 !== headersSha256
  )
    findings.push(wrong('of other items than the consent names'))
  return findings
}

/** The requester's own key asked for this download. */
function checkDpop({ dpop, release, request, consent }: BundleCase): BundleFinding[] {
  if (dpop === null) return []
  const invalid = (message: string) => bundleFinding('DPOP_INVALID', PROOF_FILES.dpop, message)
  const findings: BundleFinding[] = []
  if (release?.payload.latchkey.proof !== dpop.digest) findings.push(invalid('not the proof that the release names'))
  if (urnOf(dpop.jwk) !== request.payload.sub) findings.push(invalid('not by the requester'))
  const { htm, htu } = dpop.claims
  if (htm !== 'POST' || htu !== `${request.payload.aud}/v1/releases/${consent.digest}/downloads`)
    findings.push(invalid('made for another address'))
  return findings
}

/** Check 12: the relay says that it released this, because the requester's key asked. */
export function checkRelease({ bundleCase, trust }: CaseContext): CheckOutcome {
  const { release, request } = bundleCase
  const findings = checkDpop(bundleCase)
  if (release !== null) findings.push(...checkClaims(release.payload, bundleCase))
  if (trust.relays.size === 0)
    return { findings, notApplicable: 'the trust file lists no relay: nobody vouches for a release' }
  const jwk = trust.relays.get(request.payload.aud)
  if (release === null) findings.push(wrong('there is no release'))
  else if (jwk === undefined) findings.push(wrong(`the trust file does not list the relay ${request.payload.aud}`))
  else if (!isSignedBy(release, jwk))
    findings.push(bundleFinding('SIGNATURE_INVALID', PROOF_FILES.release, 'not signed by the trusted relay'))
  return { findings }
}
