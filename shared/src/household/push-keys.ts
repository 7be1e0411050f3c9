import { fromUtf8, utf8 } from '../bytes/bytes.ts'
import { type HeaderOpener, type PublicJwk, type Signer, thumbprintOf } from '../crypto/keys.ts'
import { recipientOfKey } from '../crypto/key-exchange.ts'
import { openFileWith, sealFile } from '../crypto/seal.ts'
import { LatchkeyError } from '../errors.ts'
import type { Keyset } from '../wire/keyset.ts'
import { MAX_PUSH_KEYS_BYTES, pushKeys, type PushKeysMessage } from '../wire/push.ts'
import { signingMember } from './keyset-chain.ts'

/** How to write to a phone, and of what. */
export type PushWish = Omit<PushKeysMessage['latchkey'], 'v'>

/**
 * A phone's wish, signed by it and sealed to its doorbells; the relay that stores it can neither read it nor write to the phone.
 * @param given.doorbells keys of the certificates that this household signed, at least one
 * @returns an age file of at most {@link MAX_PUSH_KEYS_BYTES}
 * @throws MESSAGE_INVALID | KEY_INVALID | MESSAGE_TOO_LARGE
 * @see spec/push.md
 */
export async function sealPushKeys(
  wish: PushWish,
  given: {
    readonly household: string
    readonly signer: Signer
    readonly doorbells: readonly PublicJwk[]
    readonly nowSeconds: number
  },
): Promise<Uint8Array> {
  const { household, signer, doorbells, nowSeconds } = given
  const raw = await pushKeys.encode({ iss: household, iat: nowSeconds, latchkey: { v: 1, ...wish } }, signer)
  const file = sealFile(utf8(raw), doorbells.map(recipientOfKey))
  if (file.length > MAX_PUSH_KEYS_BYTES)
    throw new LatchkeyError('MESSAGE_TOO_LARGE', `a phone's push keys have at most ${MAX_PUSH_KEYS_BYTES} bytes`)
  return file
}

/**
 * What the relay shows as a member's wish, opened by a doorbell and believed only when that member signed it.
 * Untrusted: `file`, `member`; anybody can seal to a doorbell.
 * @param given.keyset the one that the doorbell knows to be in force
 * @throws MESSAGE_TOO_LARGE | AGE_HEADER_INVALID | AGE_NO_MATCH | AGE_PAYLOAD_INVALID | SIGNATURE_INVALID | the codes of parsing
 */
export async function openPushKeys(
  file: Uint8Array,
  opener: HeaderOpener,
  given: { readonly keyset: Keyset; readonly member: string },
): Promise<PushWish> {
  if (file.length > MAX_PUSH_KEYS_BYTES)
    throw new LatchkeyError('MESSAGE_TOO_LARGE', `a phone's push keys have at most ${MAX_PUSH_KEYS_BYTES} bytes`)
  const signed = pushKeys.parse(fromUtf8(await openFileWith(file, opener)))
  const member = signingMember(given.keyset, signed)
  const { iss, latchkey } = signed.payload
  if (iss !== given.keyset.iss || !member || thumbprintOf(member.signingKey) !== given.member)
    throw new LatchkeyError('SIGNATURE_INVALID', 'these push keys are not by the member that they are shown as')
  const { p256dh, auth, events } = latchkey
  return { p256dh, auth, events }
}
