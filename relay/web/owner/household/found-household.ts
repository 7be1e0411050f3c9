/** A new household: its root signs the first keyset, presents it, and is never needed again while a phone lives. */
import { createSigner, encodeGeohash, identityOf, keyset, type Signer, urnOf } from '@latchkey/shared'
import { anything, createRelayClient } from '@latchkey/shared/client'
import type { RecoverySheet } from '@latchkey/shared/recovery'
import { nowMs } from '../../kernel/clock.ts'
import { phoneOf, type PhoneKeys } from '../keys/phone-keys.ts'
import type { Home, Place } from './home.ts'

/** What a founding needs. */
export interface Founding {
  readonly relay: string
  readonly logVkey: string
  readonly keys: PhoneKeys
  readonly sheet: RecoverySheet
  readonly place: Place
  /** A code of the relay's operator, where one is asked for. */
  readonly invitation: string | null
}

async function signFirstKeyset({ keys, sheet }: Founding, root: Signer): Promise<string> {
  const { signer, opener } = await phoneOf(keys)
  const at = nowMs()
  return keyset.encode(
    {
      iss: urnOf(root.jwk),
      iat: Math.floor(at / 1000),
      latchkey: {
        v: 1,
        version: 1,
        previous: null,
        effectiveMs: at,
        members: [{ signingKey: signer.jwk, recipient: opener.recipient, role: 'owner' }],
        recovery: identityOf(sheet.recoverySecret).recipient,
        quorum: 1,
      },
    },
    root,
  )
}

/**
 * Presents the household to the relay, which learns its first keyset and a square of about five kilometres.
 * @throws ENROLMENT_CLOSED when the relay asks for an invitation; whatever else the relay refuses
 */
export async function foundHousehold(founding: Founding): Promise<Home> {
  const root = createSigner(founding.sheet.rootSeed)
  const raw = await signFirstKeyset(founding, root)
  const cell = encodeGeohash(founding.place[0], founding.place[1])
  const asRoot = createRelayClient({ origin: founding.relay, signer: root, nowMs })
  const { invitation } = founding
  const json = { keyset: raw, rootJwk: root.jwk, cell, ...(invitation === null ? {} : { invitation }) }
  await asRoot.json('POST', '/v1/households', anything, { json })
  const { relay, logVkey, place, keys } = founding
  const keysets = [{ keyset: raw, standing: 'counts' }] as const
  return { v: 1, relay, logVkey, rootJwk: root.jwk, keyset: raw, keysets, cell, place, doorbells: [], keys }
}
