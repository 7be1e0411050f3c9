import { isSignedBy } from '../../wire/jws.ts'
import { PROOF_FILES } from '../bundle-paths.ts'
import { type CaseContext, type CheckOutcome, keysetByDigest } from '../check.ts'
import { bundleFinding, type BundleFinding } from '../finding.ts'

/** Check 5: the device signed the manifest, under this certificate and a keyset of the chain, in its place. */
export function checkManifest({ bundleCase }: CaseContext): CheckOutcome {
  const { manifest, device } = bundleCase
  const { iss, latchkey } = manifest.payload
  const findings: BundleFinding[] = []
  const wrong = (message: string) => findings.push(bundleFinding('MANIFEST_INVALID', PROOF_FILES.manifest, message))
  if (!isSignedBy(manifest, device.payload.cnf.jwk))
    findings.push(bundleFinding('SIGNATURE_INVALID', PROOF_FILES.manifest, 'not signed by the certified device'))
  if (iss !== device.payload.sub || latchkey.deviceCertificate !== device.digest) wrong('names another device')
  if (latchkey.epoch !== device.payload.latchkey.epoch) wrong('from another epoch of the device')
  if (keysetByDigest(bundleCase, latchkey.keyset) === null) wrong('names a keyset that is not in the chain')
  if (latchkey.endMs < latchkey.startMs) wrong('ends before it starts')
  // The clip before is named by its final manifest, which an open one cannot know yet and the first has none of.
  const hasPrevious = !latchkey.open && latchkey.sequence > 1
  if (hasPrevious !== (latchkey.previous !== null)) wrong('its place in the chain of clips is impossible')
  return { findings }
}
