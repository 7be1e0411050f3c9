import {
  answerHello,
  createSigner,
  generateIdentity,
  type Identity,
  keyset,
  mailboxOf,
  type PairingAnswer,
  parsePairingUrl,
  randomBytes,
  type Signer,
} from '@latchkey/shared'
import { eventually } from './poll.ts'

/** A household of one phone, with its recovery sheet. */
export interface Household {
  readonly root: Signer
  readonly member: Signer
  readonly phone: Identity
  readonly recovery: Identity
  /** Compact JWS, version 1. */
  readonly keyset: string
}

/** Makes one. */
export async function createHousehold(): Promise<Household> {
  const [root, member] = [createSigner(randomBytes(32)), createSigner(randomBytes(32))]
  const [phone, recovery] = [generateIdentity(), generateIdentity()]
  const members = [{ signingKey: member.jwk, recipient: phone.recipient, role: 'owner' as const }]
  const raw = await keyset.encode(
    {
      iss: root.urn,
      iat: 1_700_000_000,
      latchkey: {
        v: 1,
        version: 1,
        previous: null,
        effectiveMs: 1_700_000_000_000,
        members,
        recovery: recovery.recipient,
        quorum: 1,
      },
    },
    root,
  )
  return { root, member, phone, recovery, keyset: raw }
}

/** The address for the phone, in what an agent has said so far. */
export function pairingAddress(said: () => string): Promise<string> {
  return eventually(() => /https?:\S+\/pair#\S+/.exec(said())?.[0], 'the pairing address', 60_000)
}

/** The phone's side of pairing, over the relay's own routes. @returns the six digits it shows, and both letters */
export async function pairAsPhone(
  household: Household,
  url: string,
): Promise<{ digits: string; answer: PairingAnswer; hello: string }> {
  const invitation = parsePairingUrl(url)
  const mailbox = `${invitation.relay}/v1/pairings/${mailboxOf(invitation.secret)}`
  const response = await eventually(async () => {
    const got = await fetch(`${mailbox}/hello`)
    return got.ok ? got : null
  }, 'the hello')
  const { hello } = (await response.json()) as { hello: string }
  const { answer, digits } = await answerHello({
    invitation,
    hello,
    keyset: household.keyset,
    rootJwk: household.root.jwk,
    member: household.member,
    nowMs: Date.now(),
  })
  const body = JSON.stringify(answer)
  await fetch(`${mailbox}/answer`, { method: 'PUT', body, headers: { 'content-type': 'application/json' } })
  return { digits, answer, hello }
}
