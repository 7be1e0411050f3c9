import { digestOf } from '../../crypto/hash.ts'
import { IDENTITY_ITEM, PROOF_FILES } from '../bundle-paths.ts'
import type { CaseContext, CheckOutcome } from '../check.ts'
import { bundleFinding, type BundleFinding } from '../finding.ts'
import { consentFindings } from './consent.ts'

/**
 * Headers against the consent. Its one digest covers them all: where it matches, a wrong hash in `items.json` is that
 * file's; where it does not, the headers that differ from `items.json` are named, or that file when none does.
 */
function checkHeaders(context: CaseContext): BundleFinding[] {
  const differing = context.media.filter(({ header, headerSha256 }) => digestOf(header) !== headerSha256)
  const [against] = consentFindings(context).filter(({ code }) => code === 'CONSENT_HEADERS')
  if (!against)
    return differing.length === 0
      ? []
      : [bundleFinding('CONSENT_HEADERS', PROOF_FILES.items, 'lists other header hashes than the headers have')]
  const named = differing.length > 0 ? differing.map(({ path }) => path) : [PROOF_FILES.items]
  return named.map((file) => bundleFinding('CONSENT_HEADERS', file, against.message))
}

/** What the owner told about themselves is what the owner signed. */
function checkIdentity({ bundleCase }: CaseContext): BundleFinding[] {
  const { disclosure, consent } = bundleCase
  if (disclosure === null || digestOf(disclosure) === consent.payload.latchkey.disclosure) return []
  return [bundleFinding('CONSENT_INVALID', IDENTITY_ITEM, 'the sealed identity is not the one that the consent names')]
}

/** Check 13: every sealed item is, byte for byte, the header the owner signed and the payload the device signed. */
export function checkPayloadHashes(context: CaseContext): CheckOutcome {
  const findings = [...checkHeaders(context), ...checkIdentity(context)]
  for (const { path, payload, descriptor } of context.media)
    if (payload.length !== descriptor.payloadBytes || digestOf(payload) !== descriptor.payloadSha256)
      findings.push(bundleFinding('ITEM_INVALID', path, 'the payload is not the one that the device sealed'))
  return { findings }
}
