import { equalBytes } from '../../bytes/bytes.ts'
import type { Seen } from '../../wire/fields.ts'
import type { BundleCase } from '../bundle-case.ts'
import { keysetPath, numberedPath, PROOF, PROOF_FILES } from '../bundle-paths.ts'
import { bundleFinding, type BundleFinding } from '../finding.ts'
import type { Checkpoint } from '../../tlog/checkpoint.ts'
import type { BundleLeaf } from '../../wire/bundle.ts'

/** A leaf whose proof leads to a checkpoint. */
export interface LoggedLeaf {
  readonly leaf: BundleLeaf
  readonly checkpoint: Checkpoint
}

/** Pairs of which the first must stand in the log before the second: what gives rests on what was given before. */
function orderedPairs({ keysets, approvals }: BundleCase): (readonly [string, string])[] {
  const versions = keysets.map((_, i) => keysetPath(i + 1))
  return [
    ...versions.slice(1).map((path, i) => [versions[i]!, path] as const),
    [versions.at(-1)!, PROOF_FILES.consent],
    [PROOF_FILES.device, PROOF_FILES.consent],
    [PROOF_FILES.agency, PROOF_FILES.consent],
    [PROOF_FILES.policy, PROOF_FILES.request],
    [PROOF_FILES.request, PROOF_FILES.consent],
    [PROOF_FILES.consent, PROOF_FILES.release],
    ...approvals.map((_, i) => [numberedPath('approval', i + 1), PROOF_FILES.release] as const),
  ]
}

function checkPairs(bundleCase: BundleCase, indexes: ReadonlyMap<string, number>): BundleFinding[] {
  return orderedPairs(bundleCase).flatMap(([before, after]) => {
    const [first, second] = [indexes.get(before), indexes.get(after)]
    if (first === undefined || second === undefined || first < second) return []
    return [bundleFinding('LOG_PROOF_INVALID', after, `stands in the log before ${before.slice(PROOF.length)}`)]
  })
}

/** A consent that was taken back before the release gave nothing. */
function checkRevoked({ revocations, consent }: BundleCase, indexes: ReadonlyMap<string, number>): BundleFinding[] {
  const released = indexes.get(PROOF_FILES.release) ?? Infinity
  return revocations.flatMap((revocation, i) => {
    const path = numberedPath('revocation', i + 1)
    if (revocation.payload.latchkey.revokes !== consent.digest || (indexes.get(path) ?? Infinity) > released) return []
    return [bundleFinding('CONSENT_REVOKED', path, 'the consent was revoked before the release')]
  })
}

/** Two roots of one size are proof that the log showed two faces; hours never run back. */
function checkTree(logged: readonly LoggedLeaf[]): BundleFinding[] {
  const [first] = logged
  return logged.flatMap(({ leaf, checkpoint }, i) => {
    const file = PROOF + leaf.file
    const before = logged[i - 1]
    const twin = logged.find((other) => other.checkpoint.size === checkpoint.size)!
    const findings: BundleFinding[] = []
    if (checkpoint.origin !== first!.checkpoint.origin)
      findings.push(bundleFinding('LOG_PROOF_INVALID', file, 'stands in another log than the rest'))
    else if (!equalBytes(twin.checkpoint.root, checkpoint.root))
      findings.push(bundleFinding('LOG_PROOF_INVALID', file, `the log signed two trees of ${checkpoint.size} leaves`))
    if (before && leaf.hour < before.leaf.hour)
      findings.push(bundleFinding('LOG_PROOF_INVALID', PROOF_FILES.leaves, `the hour of ${leaf.file} runs back`))
    return findings
  })
}

/** Whoever signed had seen a smaller tree of the same log than the one that holds the consent. */
function checkSeen(file: string, seen: Seen, consentLeaf: LoggedLeaf | undefined): BundleFinding[] {
  if (seen === null || consentLeaf === undefined) return []
  if (seen.origin !== consentLeaf.checkpoint.origin)
    return [bundleFinding('LOG_PROOF_INVALID', file, 'its signer watched another log')]
  if (seen.size > consentLeaf.leaf.index)
    return [bundleFinding('LOG_PROOF_INVALID', file, 'its signer saw a larger log than the one that held the consent')]
  return []
}

/** Order, forks and gossip, as far as the proved leaves show them. */
export function checkLogOrder(bundleCase: BundleCase, logged: readonly LoggedLeaf[]): BundleFinding[] {
  const indexes = new Map(logged.map(({ leaf }) => [PROOF + leaf.file, leaf.index]))
  const consentLeaf = logged.find(({ leaf }) => PROOF + leaf.file === PROOF_FILES.consent)
  return [
    ...checkPairs(bundleCase, indexes),
    ...checkRevoked(bundleCase, indexes),
    ...checkTree(logged),
    ...checkSeen(PROOF_FILES.consent, bundleCase.consent.payload.latchkey.seen, consentLeaf),
    ...checkSeen(PROOF_FILES.manifest, bundleCase.manifest.payload.latchkey.seen, consentLeaf),
  ]
}
