/** An owner's phone takes in another one. @see shared/spec/joining.md */
import {
  checkJoining,
  encodeJoinUrl,
  type JoinInvitation,
  joiningDigits,
  keyset,
  mailboxOf,
  type Member,
  pairingHello,
  randomBytes,
} from '@latchkey/shared'
import { awaitLetter } from './await-letter.ts'
import type { Home } from './home.ts'
import { membersOf, proposeKeyset, signNextKeyset } from './members.ts'
import { anyoneClient } from './relay-clients.ts'

/** Life of the mailbox, and so of the code. */
const PATIENCE_MS = 15 * 60_000
const POLL_MS = 1_000

/** A phone that read the code. */
export interface Applicant {
  readonly keys: Omit<Member, 'role'>
  /** The new phone shows the same. */
  readonly digits: string
}

/** One code and whoever answers it. */
export interface PhoneAddition {
  /** What the new phone opens: secret, for it alone. */
  readonly url: string
  /**
   * Waits for the new phone's letter.
   * @throws PAIRING_FAILED when somebody answers who did not read the code; UNAVAILABLE when nobody does
   */
  awaitApplicant(signal: AbortSignal): Promise<Applicant>
  /**
   * Signs the keyset that it belongs to, and proposes it.
   * @param now the household as it stands
   * @returns its digest, by which it is recognised once it counts
   */
  propose(now: Home, applicant: Applicant, role: Member['role']): Promise<string>
}

/** Begins with a fresh code. @param page origin of this app */
export function createPhoneAddition(home: Home, page: string): PhoneAddition {
  const { relay, logVkey, rootJwk } = home
  const invitation: JoinInvitation = { relay, logVkey, rootJwk, secret: randomBytes(32) }
  const path = `/v1/pairings/${mailboxOf(invitation.secret)}/hello`
  return {
    url: encodeJoinUrl(page, invitation),
    async awaitApplicant(signal) {
      const late = 'no phone has answered the code'
      const given = { validator: pairingHello, patienceMs: PATIENCE_MS, pollMs: POLL_MS, late, signal }
      const { hello } = await awaitLetter(anyoneClient(home), path, given)
      return { keys: checkJoining(hello, invitation), digits: joiningDigits(hello) }
    },
    async propose(now, { keys }, role) {
      const raw = await signNextKeyset(now, { members: [...membersOf(now), { ...keys, role }] })
      await proposeKeyset(now, raw)
      return keyset.parse(raw).digest
    },
  }
}
