import { urnOf } from '../../crypto/keys.ts'
import { checkFirstKeyset, checkNextKeyset, type KeysetVerdict, signingMember } from '../../household/keyset-chain.ts'
import { leafHourStartMs } from '../../tlog/leaf.ts'
import { isSignedBy } from '../../wire/jws.ts'
import type { BundleCase, KeysetEntry } from '../bundle-case.ts'
import { keysetPath, PROOF, PROOF_FILES } from '../bundle-paths.ts'
import type { CaseContext, CheckOutcome } from '../check.ts'
import { bundleFinding, type BundleFinding, findingsIn } from '../finding.ts'

/** When a keyset was logged, as far as the bundle knows: its leaf's hour, else its own word. */
function loggedMs({ leaves }: BundleCase, entry: KeysetEntry, version: number): number {
  const leaf = leaves.leaves.find(({ file }) => PROOF + file === keysetPath(version))
  return leaf ? leafHourStartMs(leaf.hour) : entry.keyset.payload.iat * 1000
}

function judge(bundleCase: BundleCase, i: number): KeysetVerdict {
  const entry = bundleCase.keysets[i]!
  const { root } = bundleCase
  const before = bundleCase.keysets[i - 1]
  if (!before) return checkFirstKeyset(entry.keyset, root)
  const { keyset, ack, approvals } = entry
  const change = { keyset, approvals, ...(ack ? { ack } : {}) }
  return checkNextKeyset(before.keyset, change, { root, leafMs: loggedMs(bundleCase, entry, i + 1) })
}

/** What lies beside a keyset must belong to its change, needed or not: nothing unbound rides along. */
function checkCompanions({ root, keysets }: BundleCase, i: number): BundleFinding[] {
  const { keyset, ack, approvals } = keysets[i]!
  const before = keysets[i - 1]?.keyset.payload
  const findings: BundleFinding[] = []
  const wrong = (file: string, message: string) => findings.push(bundleFinding('KEYSET_INVALID', file, message))
  if (ack) {
    const { signed, certificate } = ack
    const certifier = keysets.find((entry) => entry.keyset.digest === certificate.payload.latchkey.keyset)
    const isOurs =
      certificate.payload.iss === urnOf(root) &&
      certificate.payload.sub === urnOf(certificate.payload.cnf.jwk) &&
      certifier !== undefined &&
      signingMember(certifier.keyset.payload, certificate) !== null
    if (!isOurs) wrong(keysetPath(i + 1, 'device'), 'not a device of this household')
    if (
      !isSignedBy(signed, certificate.payload.cnf.jwk) ||
      signed.payload.iss !== certificate.payload.sub ||
      signed.payload.latchkey.keyset !== keyset.digest
    )
      wrong(keysetPath(i + 1, 'ack'), 'not the press of that device for this keyset')
  }
  approvals.forEach((approval, n) => {
    const member = before ? signingMember(before, approval) : null
    if (member?.role !== 'owner' || approval.payload.latchkey.consent !== keyset.digest)
      wrong(keysetPath(i + 1, `approval-${n + 1}`), 'not the approval of an owner for this keyset')
  })
  return findings
}

/** A keyset by root alone counts only from its stated time on. */
function checkInForce({ keysets, consent }: BundleCase, verdict: KeysetVerdict): BundleFinding[] {
  const { version, effectiveMs } = keysets.at(-1)!.keyset.payload.latchkey
  if (verdict.authority !== 'root-pending' || consent.payload.iat * 1000 >= effectiveMs) return []
  return [bundleFinding('KEYSET_INVALID', keysetPath(version), 'by the root alone and not yet in force')]
}

/** Check 3: keysets chain from the root, one version after the other, up to the consent's. */
export function checkKeysetChain({ bundleCase, trust }: CaseContext): CheckOutcome {
  const { keysets, root, consent } = bundleCase
  const household = urnOf(root)
  const findings: BundleFinding[] = []
  if (household !== consent.payload.iss)
    findings.push(bundleFinding('KEYSET_INVALID', PROOF_FILES.root, 'not the root of the household that consented'))
  if (trust.households !== null && !trust.households.has(household))
    findings.push(bundleFinding('KEYSET_INVALID', PROOF_FILES.root, 'the trust file does not list this household'))
  keysets.forEach((_, i) => {
    const verdict = judge(bundleCase, i)
    findings.push(...findingsIn(keysetPath(i + 1), verdict.findings), ...checkCompanions(bundleCase, i))
    if (i === keysets.length - 1) findings.push(...checkInForce(bundleCase, verdict))
  })
  return { findings }
}
