import { decodeBase64url } from '../../bytes/base64url.ts'
import { openIdentity } from '../../consent/identity-item.ts'
import { PAYLOAD_NONCE_BYTES } from '../../crypto/age-payload.ts'
import { openCommitted, recoverFileKey } from '../../crypto/seal.ts'
import type { ReadyOpener } from '../../crypto/keys.ts'
import type { CaseContext, CheckOutcome, MediaItem, OpenedItem } from '../check.ts'
import { IDENTITY_ITEM, PROOF_FILES } from '../bundle-paths.ts'
import { bundleFinding, type BundleFinding, catchFinding } from '../finding.ts'

function openItem({ descriptor, header, payload }: MediaItem, identity: ReadyOpener): OpenedItem {
  const keyCommitment = decodeBase64url(descriptor.keyCommitment)
  const plaintextCommitment = decodeBase64url(descriptor.plaintextCommitment)
  const nonce = payload.subarray(0, PAYLOAD_NONCE_BYTES)
  const fileKey = recoverFileKey(header, identity, { nonce, keyCommitment })
  return { descriptor, fileKey, plaintext: openCommitted(fileKey, payload, { keyCommitment, plaintextCommitment }) }
}

/**
 * Check 14: with the requester's key, every item opens to what the device committed to: one key, one plaintext. What the
 * owner told about themselves opens too.
 */
export function checkDecryption({ bundleCase, media, options }: CaseContext): CheckOutcome {
  const { identity } = options
  if (identity === undefined) return { findings: [], notApplicable: 'no key was given: nothing was opened' }
  if (identity.recipient !== bundleCase.consent.payload.authorization_details[0]!.recipient)
    return { findings: [bundleFinding('AGE_NO_MATCH', PROOF_FILES.consent, 'was given to another key than this one')] }
  const findings: BundleFinding[] = []
  const opened = media.map((item) => catchFinding(findings, item.path, () => openItem(item, identity)))
  const { disclosure } = bundleCase
  const ownerDetails = disclosure && catchFinding(findings, IDENTITY_ITEM, () => openIdentity(disclosure, identity))
  // Without a finding every item was opened.
  return findings.length > 0 ? { findings } : { findings, opened: opened as OpenedItem[], ownerDetails }
}
