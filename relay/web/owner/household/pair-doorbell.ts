/** The phone's half of a pairing: both sides prove that they know the code's secret. @see shared/spec/pairing.md */
import {
  answerHello,
  checkPairingDone,
  checkPairingHello,
  encodeBase64url,
  LatchkeyError,
  mailboxOf,
  pairingDone,
  pairingHello,
  type PairingInvitation,
  randomBytes,
  type Validator,
} from '@latchkey/shared'
import { anything, type RelayClient } from '@latchkey/shared/client'
import { nowMs } from '../../kernel/clock.ts'
import { phoneOf } from '../keys/phone-keys.ts'
import { awaitLetter } from './await-letter.ts'
import type { Home, PairedDoorbell } from './home.ts'
import { anyoneClient, memberClient } from './relay-clients.ts'

/** A doorbell that is on answers within a second or two. */
const PATIENCE_MS = 60_000
const POLL_MS = 500

/** How far a pairing is. */
export type PairingStep = 'greeting' | 'vouching' | 'confirming'

const waitFor = <T>(client: RelayClient, path: string, validator: Validator<T>): Promise<T> =>
  awaitLetter(client, path, {
    validator,
    patienceMs: PATIENCE_MS,
    pollMs: POLL_MS,
    late: 'the doorbell does not answer: is it on, and is its code not older than 15 minutes?',
  })

/** One doorbell's pairing, which may be tried again: an answer is given once, and waited for as often as need be. */
export interface DoorbellPairing {
  /**
   * @param onStep told of each step as it begins
   * @returns the doorbell and the six digits that its terminal shows as well
   * @throws PAIRING_FAILED when the answer is not from the code's doorbell: a relay that swaps keys ends here
   */
  run(onStep: (step: PairingStep) => void): Promise<{ doorbell: PairedDoorbell; digits: string }>
}

type Given = Awaited<ReturnType<typeof answerHello>> & { readonly hello: string }

/** Vouches for the doorbell behind a pairing code. */
export function createDoorbellPairing(home: Home, invitation: PairingInvitation): DoorbellPairing {
  const anyone = anyoneClient(home)
  const mailbox = `/v1/pairings/${mailboxOf(invitation.secret)}`
  let given: Given | null = null

  async function vouch(hello: string): Promise<Given> {
    const { signer } = await phoneOf(home.keys)
    const { keyset, rootJwk } = home
    return { hello, ...(await answerHello({ invitation, hello, keyset, rootJwk, member: signer, nowMs: nowMs() })) }
  }

  async function send({ hello, answer }: Given): Promise<void> {
    const asMember = await memberClient(home)
    const { deviceCertificate } = answer
    const json = { deviceCertificate, hello, salt: encodeBase64url(randomBytes(32)) }
    await asMember.json('POST', '/v1/devices', anything, { json })
    await anyone.json('PUT', `${mailbox}/answer`, anything, { json: answer })
  }

  return {
    async run(onStep) {
      if (invitation.relay !== home.relay || invitation.logVkey !== home.logVkey)
        throw new LatchkeyError('PAIRING_FAILED', 'this doorbell uses another relay than this household')
      if (given === null) {
        onStep('greeting')
        const { hello } = await waitFor(anyone, `${mailbox}/hello`, pairingHello)
        onStep('vouching')
        const made = await vouch(hello)
        await send(made)
        given = made
      }
      onStep('confirming')
      const { answer, digits, hello } = given
      const { ack } = await waitFor(anyone, `${mailbox}/done`, pairingDone)
      checkPairingDone(ack, checkPairingHello(hello, invitation), answer)
      return { doorbell: { certificate: answer.deviceCertificate, pairedMs: nowMs() }, digits }
    },
  }
}
