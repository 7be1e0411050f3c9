import {
  approval,
  type Approval,
  decodeBase64url,
  type Keyset,
  LatchkeyError,
  revocation,
  type Revocation,
  sealedLeafData,
  type Signed,
  signingMember,
  thumbprintOfUrn,
  utf8,
} from '@latchkey/shared'
import type { Database, LeafLog, MemberCaller, Queryable, TellHousehold, Transaction } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { LeafSettler } from '../kernel/leaf-settler.ts'
import { endConsent } from './consent-store.ts'

export interface MemberWordParts {
  readonly database: Database
  readonly leaves: LeafLog
  readonly settler: LeafSettler
  readonly clock: Pick<Clock, 'nowMs'>
  keysetInForce(db: Queryable, root: string): Promise<Signed<Keyset> | null>
  /** Revokes a device certificate of the household, its logins too; false when it has none of this digest. */
  revokeDevice(tx: Transaction, root: string, certificate: string): Promise<boolean>
  readonly tell: TellHousehold
}

type MemberWord = Signed<Approval> | Signed<Revocation>

/** The word of a member of the keyset in force, about it. @throws KEYSET_SUPERSEDED | the given code */
async function assertMemberWord(
  parts: MemberWordParts,
  tx: Queryable,
  root: string,
  word: {
    readonly signed: MemberWord
    readonly code: 'CONSENT_QUORUM' | 'REVOCATION_INVALID'
    readonly owner: boolean
  },
): Promise<void> {
  const { signed, code, owner } = word
  if (thumbprintOfUrn(signed.payload.iss) !== root) throw new LatchkeyError(code, 'is of another household')
  const inForce = await parts.keysetInForce(tx, root)
  if (!inForce || signed.payload.latchkey.keyset !== inForce.digest)
    throw new LatchkeyError('KEYSET_SUPERSEDED', 'names another keyset than the one in force')
  const member = signingMember(inForce.payload, signed)
  if (member === null || (owner && member.role !== 'owner'))
    throw new LatchkeyError(code, owner ? 'is not signed by an owner' : 'is not signed by a member')
}

/**
 * Takes an owner's approval of a consent, or of a keyset to come. Idempotent. It counts once its leaf is published.
 * @param raw untrusted
 * @returns its digest
 * @throws CONSENT_QUORUM | KEYSET_SUPERSEDED | form codes
 */
export async function submitApproval(
  parts: MemberWordParts,
  caller: MemberCaller,
  raw: { readonly approval: string; readonly salt: string },
): Promise<string> {
  const signed = approval.parse(raw.approval)
  const ticket = await parts.database.transaction(async (tx) => {
    const known = await tx.query('SELECT 1 FROM approvals WHERE digest = $1 AND root = $2', [
      signed.digest,
      caller.root,
    ])
    if (known.length > 0) return null
    await assertMemberWord(parts, tx, caller.root, { signed, code: 'CONSENT_QUORUM', owner: true })
    const data = sealedLeafData(decodeBase64url(raw.salt), 'approval', utf8(signed.raw))
    const leaf = await parts.leaves.enqueue(tx, { type: 'sealed', data })
    const { consent: subject, keyset } = signed.payload.latchkey
    await tx.query(
      `INSERT INTO approvals (digest, root, subject, keyset, signer, jws, salt, leaf)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [signed.digest, caller.root, subject, keyset, signed.kid, signed.raw, raw.salt, leaf],
    )
    await parts.tell(tx, caller.root, { type: 'approval', approval: signed.digest, approves: subject, index: null })
    return leaf
  })
  if (ticket !== null) parts.settler.settleLater('approvals', ticket)
  return signed.digest
}

/**
 * Takes a revocation by any one member, of a consent or a device certificate of the household. It works on receipt and is
 * logged after. Idempotent.
 * @param raw untrusted
 * @returns its digest
 * @throws REVOCATION_INVALID | KEYSET_SUPERSEDED | form codes
 */
export async function submitRevocation(
  parts: MemberWordParts,
  caller: MemberCaller,
  raw: { readonly revocation: string; readonly salt: string },
): Promise<string> {
  const signed = revocation.parse(raw.revocation)
  const subject = signed.payload.latchkey.revokes
  const ticket = await parts.database.transaction(async (tx) => {
    const known = await tx.query('SELECT 1 FROM revocations WHERE digest = $1 AND root = $2', [
      signed.digest,
      caller.root,
    ])
    if (known.length > 0) return null
    await assertMemberWord(parts, tx, caller.root, { signed, code: 'REVOCATION_INVALID', owner: false })
    const nowMs = parts.clock.nowMs()
    const isDevice = await parts.revokeDevice(tx, caller.root, subject)
    if (!isDevice && !(await endConsent(tx, caller.root, subject, nowMs)))
      throw new LatchkeyError('REVOCATION_INVALID', 'names nothing of this household')
    const data = sealedLeafData(decodeBase64url(raw.salt), 'revoke', utf8(signed.raw))
    const leaf = await parts.leaves.enqueue(tx, { type: 'sealed', data })
    await tx.query(
      'INSERT INTO revocations (digest, root, subject, jws, salt, received_ms, leaf) VALUES ($1, $2, $3, $4, $5, $6, $7)',
      [signed.digest, caller.root, subject, signed.raw, raw.salt, nowMs, leaf],
    )
    await parts.tell(tx, caller.root, { type: 'revocation', revocation: signed.digest, revokes: subject })
    return leaf
  })
  if (ticket !== null) parts.settler.settleLater('revocations', ticket)
  return signed.digest
}
