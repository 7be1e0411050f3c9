import { type PublicJwk, urnOf } from '../crypto/keys.ts'
import type { Finding } from '../wire/problem.ts'
import type { Approval } from '../wire/consent.ts'
import type { DeviceCertificate } from '../wire/device.ts'
import { isSignedBy, type Signed } from '../wire/jws.ts'
import type { Ack, Keyset, Member } from '../wire/keyset.ts'

/** A keyset alone by root must wait this long, so that a thief with the sheet can be stopped. @see spec/keys.md */
export const ROOT_DELAY_MS = 73 * 3_600_000

/** What may accompany a change of keyset. */
export interface KeysetChange {
  readonly keyset: Signed<Keyset>
  /** Where a member is added: a device's button press. */
  readonly ack?: { readonly signed: Signed<Ack>; readonly certificate: Signed<DeviceCertificate> }
  /** Where a member is removed under a quorum of 2: the other owner's approval, naming the keyset's digest. */
  readonly approvals?: readonly Signed<Approval>[]
}

/** How a keyset got its right: `members` counts at once, `root` only from its `effectiveMs` on. */
export type KeysetAuthority = 'root-first' | 'members' | 'root-pending'

/** Who signed what, judged against the keyset before. */
export interface KeysetVerdict {
  readonly findings: readonly Finding[]
  readonly authority: KeysetAuthority | null
}

const invalid = (message: string, field?: string): Finding => ({
  code: 'KEYSET_INVALID',
  message,
  ...(field ? { field } : {}),
})

/** The member of `keyset` that signed `signed`, or null. */
export function signingMember(keyset: Keyset, signed: Signed<unknown>): Member | null {
  return keyset.latchkey.members.find((member) => isSignedBy(signed, member.signingKey)) ?? null
}

function duplicates(values: readonly string[]): boolean {
  return new Set(values).size !== values.length
}

/** Rules that any keyset of a household obeys on its own. */
export function checkKeysetForm(keyset: Keyset): Finding[] {
  const { members, quorum, recovery } = keyset.latchkey
  const owners = members.filter((member) => member.role === 'owner')
  const findings: Finding[] = []
  if (owners.length === 0) findings.push(invalid('a household needs an owner', 'members'))
  if (quorum > owners.length) findings.push(invalid('the quorum is larger than the number of owners', 'quorum'))
  if (duplicates(members.map((member) => member.signingKey.x)))
    findings.push(invalid('a signing key stands twice', 'members'))
  if (duplicates([...members.map((member) => member.recipient), recovery]))
    findings.push(invalid('a recipient stands twice', 'members'))
  return findings
}

/** The first keyset: version 1, signed by the root whose thumbprint is the household. */
export function checkFirstKeyset(keyset: Signed<Keyset>, root: PublicJwk): KeysetVerdict {
  const findings = checkKeysetForm(keyset.payload)
  const { version, previous } = keyset.payload.latchkey
  if (keyset.payload.iss !== urnOf(root)) findings.push(invalid('the issuer is not the root', 'iss'))
  if (version !== 1 || previous !== null)
    findings.push(invalid('the first keyset is version 1 without a previous one', 'version'))
  if (!isSignedBy(keyset, root))
    findings.push({ code: 'SIGNATURE_INVALID', message: 'the first keyset is not signed by the root' })
  return { findings, authority: findings.length === 0 ? 'root-first' : null }
}

const keyOf = (member: Member) => `${member.signingKey.x} ${member.recipient} ${member.role}`

function checkAck(change: KeysetChange, root: string): Finding[] {
  if (!change.ack) return [invalid('adding a member needs the press of a device button', 'ack')]
  const { signed, certificate } = change.ack
  const ours = certificate.payload.iss === root && signed.payload.iss === certificate.payload.sub
  if (
    !ours ||
    !isSignedBy(signed, certificate.payload.cnf.jwk) ||
    signed.payload.latchkey.keyset !== change.keyset.digest
  )
    return [invalid('the button press is not by a device of this household for this keyset', 'ack')]
  return []
}

/** Owner-members of `before` that stand behind the change: its signer, and approvals by others. */
function ownersBehind(before: Keyset, change: KeysetChange): Set<string> {
  const signers = new Set<string>()
  const first = signingMember(before, change.keyset)
  if (first?.role === 'owner') signers.add(first.signingKey.x)
  for (const approval of change.approvals ?? []) {
    const member = signingMember(before, approval)
    if (member?.role === 'owner' && approval.payload.latchkey.consent === change.keyset.digest)
      signers.add(member.signingKey.x)
  }
  return signers
}

/** Did an owner of one of these keysets, all of this root, vouch for this device, and for its own key? */
export function isVouchedDevice(
  certificate: Signed<DeviceCertificate>,
  { root, keysets }: { readonly root: PublicJwk; readonly keysets: readonly Signed<Keyset>[] },
): boolean {
  const { iss, sub, cnf, latchkey } = certificate.payload
  const certifier = keysets.find(({ digest }) => digest === latchkey.keyset)
  return (
    iss === urnOf(root) &&
    sub === urnOf(cnf.jwk) &&
    certifier !== undefined &&
    signingMember(certifier.payload, certificate)?.role === 'owner'
  )
}

/**
 * What the version after a pending one is judged against when its owners answer it: the owners in force, but behind the
 * pending version's number and digest. @see spec/keys.md, "Which keyset counts"
 */
export function answering(inForce: Signed<Keyset>, pending: Signed<Keyset>): Signed<Keyset> {
  const { version } = pending.payload.latchkey
  const { payload } = inForce
  return { ...inForce, digest: pending.digest, payload: { ...payload, latchkey: { ...payload.latchkey, version } } }
}

/**
 * May `change.keyset` follow `before`? Additions need one owner and a device's button, removals and other changes the
 * quorum of owners; the root alone may change anything but waits {@link ROOT_DELAY_MS} after `leafMs`.
 * @param leafMs when its leaf was (or would be) logged, UTC ms
 */
export function checkNextKeyset(
  before: Signed<Keyset>,
  change: KeysetChange,
  context: { root: PublicJwk; leafMs: number },
): KeysetVerdict {
  const { keyset } = change
  const next = keyset.payload.latchkey
  const findings = checkKeysetForm(keyset.payload)
  if (keyset.payload.iss !== before.payload.iss) findings.push(invalid('another household', 'iss'))
  if (next.version !== before.payload.latchkey.version + 1)
    findings.push(invalid('versions follow one by one', 'version'))
  if (next.previous !== before.digest) findings.push(invalid('does not name the keyset before it', 'previous'))
  if (isSignedBy(keyset, context.root)) {
    if (next.effectiveMs < context.leafMs + ROOT_DELAY_MS)
      findings.push(invalid('a keyset by the root alone takes effect 73 hours after it is logged', 'effectiveMs'))
    return { findings, authority: findings.length === 0 ? 'root-pending' : null }
  }
  const old = new Set(before.payload.latchkey.members.map(keyOf))
  const added = next.members.filter((member) => !old.delete(keyOf(member)))
  const onlyAdds =
    old.size === 0 &&
    next.quorum === before.payload.latchkey.quorum &&
    next.recovery === before.payload.latchkey.recovery
  const owners = ownersBehind(before.payload, change)
  if (owners.size < (onlyAdds ? 1 : before.payload.latchkey.quorum))
    findings.push({ code: 'SIGNATURE_INVALID', message: 'not signed by enough owners of the keyset before it' })
  if (added.length > 0) findings.push(...checkAck(change, before.payload.iss))
  return { findings, authority: findings.length === 0 ? 'members' : null }
}
