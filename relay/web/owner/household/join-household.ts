/** A new phone becomes one of a household's. @see shared/spec/joining.md */
import {
  beginKeysetChain,
  codeOf,
  encodeGeohash,
  encodeJoining,
  type JoinInvitation,
  joiningDigits,
  keyset,
  keysetList,
  LatchkeyError,
  mailboxOf,
  type Signed,
  type Keyset,
} from '@latchkey/shared'
import { anything, createRelayClient } from '@latchkey/shared/client'
import type { Database } from '../../kernel/database.ts'
import { nowMs, sleep } from '../../kernel/clock.ts'
import { phoneOf, type PhoneKeys } from '../keys/phone-keys.ts'
import { createLogKeeper } from '../log/log-keeper.ts'
import { chainOf, type Home, type Place, withChain } from './home.ts'
import { lookAtKeysets } from './keyset-keeper.ts'
import { anyoneClient } from './relay-clients.ts'

const POLL_MS = 2_000

/** A phone that asks to be taken in. */
export interface Application {
  /** The owner's phone shows the same. */
  readonly digits: string
  /**
   * Waits until an owner took it in, and follows the household's keysets from the root of the code.
   * @returns the household, without the place of its door, which is told sealed
   * @throws KEYSET_INVALID when the relay shows keysets that are not this household's, or without this phone
   */
  awaitMembership(database: Database, signal: AbortSignal): Promise<Home>
}

/** The place where nobody lives: the door's own comes with the household's settings. */
const NOWHERE: Place = [0, 0]

/** The household as far as a code and its first keyset tell. @throws KEYSET_INVALID when they do not belong together */
export function beginHome(
  pins: Pick<JoinInvitation, 'relay' | 'logVkey' | 'rootJwk'>,
  first: Signed<Keyset>,
  keys: PhoneKeys,
): Home {
  const { relay, logVkey, rootJwk } = pins
  const chain = beginKeysetChain(first, rootJwk)
  const bare: Home = {
    v: 1,
    relay,
    logVkey,
    rootJwk,
    keyset: first.raw,
    keysets: [],
    cell: '',
    place: NOWHERE,
    doorbells: [],
    keys,
  }
  return withChain(bare, chain)
}

/** The same household with the place of its door. */
export const atPlace = (home: Home, place: Place): Home => ({
  ...home,
  place,
  cell: encodeGeohash(place[0], place[1]),
})

/** Puts the phone's letter into the code's mailbox. @throws CONFLICT when another phone was faster; UNAVAILABLE */
export async function applyToHousehold(invitation: JoinInvitation, keys: PhoneKeys): Promise<Application> {
  const { signer, opener } = await phoneOf(keys)
  const letter = await encodeJoining(invitation, { signer, recipient: opener.recipient, nowMs: nowMs() })
  const path = `/v1/pairings/${mailboxOf(invitation.secret)}/hello`
  await anyoneClient(invitation).json('PUT', path, anything, { json: { hello: letter } })
  const asPhone = createRelayClient({ origin: invitation.relay, signer, nowMs })

  async function firstKeyset(signal: AbortSignal): Promise<Signed<Keyset>> {
    while (!signal.aborted) {
      try {
        const { keysets } = await asPhone.json('GET', '/v1/keysets', keysetList)
        if (keysets[0] !== undefined) return keyset.parse(keysets[0].keyset)
      } catch (error) {
        const code = codeOf(error)
        if (code !== 'CALLER_REFUSED' && code !== 'UNAVAILABLE') throw error
      }
      await sleep(POLL_MS, signal)
    }
    throw new LatchkeyError('UNAVAILABLE', 'given up')
  }

  return {
    digits: joiningDigits(letter),
    async awaitMembership(database, signal) {
      const begun = beginHome(invitation, await firstKeyset(signal), keys)
      const { home } = await lookAtKeysets({ database, log: createLogKeeper(database, begun) }, begun)
      const isMember = chainOf(home)
        .at(-1)!
        .keyset.payload.latchkey.members.some(({ signingKey }) => signingKey.x === signer.jwk.x)
      if (isMember) return home
      throw new LatchkeyError('KEYSET_INVALID', 'the relay shows no list of phones with this one in it')
    },
  }
}
