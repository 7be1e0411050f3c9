/** Changes that add nobody: a phone is taken out, or two people must agree from now on. @see shared/spec/keys.md */
import {
  approval,
  codeOf,
  encodeBase64url,
  keyset,
  type Keyset,
  keysetAccepted,
  keysetInForce,
  type Member,
  proposedKeyset,
  randomBytes,
  type Signed,
  signingMember,
} from '@latchkey/shared'
import { anything } from '@latchkey/shared/client'
import { nowMs } from '../../kernel/clock.ts'
import { phoneOf } from '../keys/phone-keys.ts'
import { chainOf, type Home } from './home.ts'
import { membersOf, proposeKeyset, signNextKeyset, thumbprintOfMember } from './members.ts'
import { memberClient } from './relay-clients.ts'

/** How many owners must agree. */
export type Quorum = 1 | 2

export const quorumOf = (home: Home): Quorum => keysetInForce(chainOf(home)).payload.latchkey.quorum

const ownersOf = (members: readonly Member[]): number => members.filter(({ role }) => role === 'owner').length

/** The household without one of its phones. A quorum of two needs two owners to be one. */
export function withoutMember(home: Home, thumbprint: string): Partial<Pick<Keyset['latchkey'], 'members' | 'quorum'>> {
  const members = membersOf(home).filter((member) => thumbprintOfMember(member) !== thumbprint)
  return { members, quorum: ownersOf(members) < 2 ? 1 : quorumOf(home) }
}

/**
 * Signs a change and hands it in: it counts at once where one owner decides, and waits for another where two must agree.
 * @throws what the relay refuses
 */
export async function changeHousehold(
  home: Home,
  change: Partial<Pick<Keyset['latchkey'], 'members' | 'quorum'>>,
): Promise<'counts' | 'waits'> {
  const raw = await signNextKeyset(home, change)
  if (quorumOf(home) === 2) {
    await proposeKeyset(home, raw)
    return 'waits'
  }
  await submitKeyset(home, raw)
  return 'counts'
}

async function submitKeyset(home: Home, raw: string): Promise<void> {
  const client = await memberClient(home)
  await client.json('POST', '/v1/keysets', keysetAccepted, { json: { keyset: raw } })
}

/** What waits in the household, as this phone reads it. */
export interface WaitingChange {
  readonly signed: Signed<Keyset>
  readonly added: readonly Member[]
  readonly removed: readonly Member[]
  readonly quorum: Quorum | null
  /** Thumbprint of the phone that signed it. */
  readonly by: string
}

/** Who comes, who goes, and how many must agree where that changes. */
export function changesBetween(before: Keyset, after: Keyset): Pick<WaitingChange, 'added' | 'removed' | 'quorum'> {
  const [were, are] = [before, after].map(({ latchkey }) => new Set(latchkey.members.map(keyOf)))
  return {
    added: after.latchkey.members.filter((member) => !were!.has(keyOf(member))),
    removed: before.latchkey.members.filter((member) => !are!.has(keyOf(member))),
    quorum: after.latchkey.quorum === before.latchkey.quorum ? null : after.latchkey.quorum,
  }
}

const keyOf = (member: Member): string => `${thumbprintOfMember(member)} ${member.recipient} ${member.role}`

/** Null when nothing waits, or what waits is not by an owner in force. Untrusted: the answer. @throws UNAVAILABLE */
export async function loadWaitingChange(home: Home): Promise<WaitingChange | null> {
  const client = await memberClient(home)
  try {
    const answer = await client.json('GET', '/v1/keysets/proposed', proposedKeyset)
    const signed = keyset.parse(answer.keyset)
    const chain = chainOf(home)
    const inForce = keysetInForce(chain).payload
    const signer = signingMember(inForce, signed)
    if (signer?.role !== 'owner' || signed.payload.latchkey.previous !== chain.at(-1)!.keyset.digest) return null
    return {
      signed,
      ...changesBetween(inForce, signed.payload),
      by: thumbprintOfMember(signer),
    }
  } catch (error) {
    if (codeOf(error) === 'NOT_FOUND') return null
    throw error
  }
}

/** This phone's word for a consent, or for a keyset to come. @throws what the relay refuses */
export async function approve(home: Home, digest: string): Promise<void> {
  const [{ signer }, client] = await Promise.all([phoneOf(home.keys), memberClient(home)])
  const inForce = keysetInForce(chainOf(home))
  const latchkey = { v: 1 as const, consent: digest, keyset: inForce.digest }
  const jti = encodeBase64url(randomBytes(16))
  const iat = Math.floor(nowMs() / 1000)
  const raw = await approval.encode({ iss: inForce.payload.iss, jti, iat, latchkey }, signer)
  const json = { approval: raw, salt: encodeBase64url(randomBytes(32)) }
  await client.json('POST', '/v1/approvals', anything, { json })
}

/** Agrees to what waits, and hands it in with that. @throws what the relay refuses */
export async function agreeToChange(home: Home, { signed }: WaitingChange): Promise<void> {
  await approve(home, signed.digest)
  await submitKeyset(home, signed.raw)
}

/** Takes back what waits. @throws what the relay refuses */
export async function withdrawChange(home: Home): Promise<void> {
  const client = await memberClient(home)
  await client.bytes('DELETE', '/v1/keysets/proposed')
}
