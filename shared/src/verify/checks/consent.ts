import { checkConsent, checkQuorum } from '../../consent/consent-check.ts'
import { signingMember } from '../../household/keyset-chain.ts'
import type { Finding } from '../../wire/problem.ts'
import type { BundleCase } from '../bundle-case.ts'
import { numberedPath, PROOF_FILES } from '../bundle-paths.ts'
import type { CaseContext, CheckOutcome } from '../check.ts'
import { bundleFinding, type BundleFinding, findingsIn } from '../finding.ts'

/** Everything the one consent check says, of the bundle's own material. */
export function consentFindings({ bundleCase, media }: CaseContext): Finding[] {
  const { consent, keysets, device, manifest, items, request, agency, policy } = bundleCase
  return checkConsent({
    consent,
    headers: media.map((item) => item.header),
    keyset: keysets.at(-1)!.keyset,
    deviceCertificate: device,
    manifest,
    descriptors: new Map(items.items.map(({ descriptor }) => [descriptor.index, descriptor])),
    request,
    agencyName: agency.name,
    relayOrigin: request.payload.aud,
    policy,
  })
}

/** Each approval is by another owner and for this consent: nothing unbound rides along. */
function checkApprovals({ approvals, consent, keysets }: BundleCase): BundleFinding[] {
  const { keyset } = keysets.at(-1)!
  const signer = signingMember(keyset.payload, consent)
  return approvals.flatMap((approval, i) => {
    const member = signingMember(keyset.payload, approval)
    const isOther = member?.role === 'owner' && member.signingKey.x !== signer?.signingKey.x
    const { consent: named, keyset: under } = approval.payload.latchkey
    if (isOther && named === consent.digest && under === keyset.digest && approval.payload.iss === keyset.payload.iss)
      return []
    return [
      bundleFinding('CONSENT_QUORUM', numberedPath('approval', i + 1), 'not another owner’s approval of this consent'),
    ]
  })
}

/** Check 8: parties, terms, items and approvals of the consent. Its words are check 9, its headers check 13. */
export function checkBundleConsent(context: CaseContext): CheckOutcome {
  const { consent, keysets, approvals } = context.bundleCase
  const own = consentFindings(context).filter(({ code }) => code !== 'CONSENT_NOTICE' && code !== 'CONSENT_HEADERS')
  const quorum = checkQuorum(consent, keysets.at(-1)!.keyset, approvals)
  return {
    findings: [...findingsIn(PROOF_FILES.consent, [...own, ...quorum]), ...checkApprovals(context.bundleCase)],
  }
}
