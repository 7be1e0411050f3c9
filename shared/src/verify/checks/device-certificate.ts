import { urnOf } from '../../crypto/keys.ts'
import { signingMember } from '../../household/keyset-chain.ts'
import type { BundleCase } from '../bundle-case.ts'
import { numberedPath, PROOF_FILES } from '../bundle-paths.ts'
import { type CaseContext, type CheckOutcome, keysetByDigest } from '../check.ts'
import { bundleFinding, type BundleFinding } from '../finding.ts'

/** Each revocation is by a member of the household and about something in this bundle. */
function checkRevocations({ revocations, keysets, root, device, consent, manifest }: BundleCase): BundleFinding[] {
  return revocations.flatMap((revocation, i) => {
    const file = numberedPath('revocation', i + 1)
    const { iss, iat, latchkey } = revocation.payload
    const isByMember = keysets.some(({ keyset }) => signingMember(keyset.payload, revocation) !== null)
    if (!isByMember || iss !== urnOf(root))
      return [bundleFinding('REVOCATION_INVALID', file, 'not by a member of the household')]
    if (latchkey.revokes === consent.digest) return []
    if (latchkey.revokes !== device.digest)
      return [bundleFinding('REVOCATION_INVALID', file, 'revokes nothing of this bundle')]
    return iat <= manifest.payload.iat
      ? [bundleFinding('DEVICE_REVOKED', PROOF_FILES.manifest, 'signed after its device was revoked')]
      : []
  })
}

/** Check 4: an owner vouches for the device, and nobody took that back before the clip. */
export function checkDeviceCertificate({ bundleCase }: CaseContext): CheckOutcome {
  const { device, root } = bundleCase
  const { iss, sub, cnf, latchkey } = device.payload
  const findings: BundleFinding[] = []
  const wrong = (message: string) => findings.push(bundleFinding('DEVICE_INVALID', PROOF_FILES.device, message))
  if (iss !== urnOf(root)) wrong('from another household')
  if (sub !== urnOf(cnf.jwk)) wrong('the subject is not the certified key')
  const certifier = keysetByDigest(bundleCase, latchkey.keyset)
  if (certifier === null) wrong('names a keyset that is not in the chain')
  else if (signingMember(certifier.keyset.payload, device)?.role !== 'owner')
    wrong('not signed by an owner of the keyset it names')
  return { findings: [...findings, ...checkRevocations(bundleCase)] }
}
