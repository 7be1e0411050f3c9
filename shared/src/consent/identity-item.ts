import { fromUtf8, utf8 } from '../bytes/bytes.ts'
import { canonicalBytes, parseCanonicalJson } from '../bytes/canonical-json.ts'
import { isReleaseHeader, RELEASE_HEADER_BYTES, splitAgeFile } from '../crypto/age-header.ts'
import { PAYLOAD_NONCE_BYTES } from '../crypto/age-payload.ts'
import type { ReadyOpener, Recipient } from '../crypto/keys.ts'
import { openFile, sealFile } from '../crypto/seal.ts'
import { LatchkeyError } from '../errors.ts'
import { identityItem, type OwnerDetails } from '../wire/owner-details.ts'
import { parseWith } from '../wire/schema.ts'

/** Holds the longest details in the widest letters; every item has this length, so that its size tells nothing of them. */
const PLAINTEXT_BYTES = 3_072
const TAG_BYTES = 16
const SPACE = 0x20
/** An age file to one recipient, its one chunk, and nothing else. */
export const IDENTITY_ITEM_BYTES = RELEASE_HEADER_BYTES + PAYLOAD_NONCE_BYTES + PLAINTEXT_BYTES + TAG_BYTES

function assertTold(details: OwnerDetails): void {
  if (Object.keys(details).length === 0)
    throw new LatchkeyError('MESSAGE_INVALID', 'an identity item that tells nothing: leave it out')
}

/**
 * Seals what an owner ticked to the requester alone.
 * @returns an age file of {@link IDENTITY_ITEM_BYTES} bytes, whatever was ticked
 * @throws MESSAGE_INVALID (nothing told, too long, wrong form) | TEXT_INVALID | KEY_INVALID
 * @see spec/consent.md
 */
export function sealIdentity(details: OwnerDetails, recipient: Recipient): Uint8Array {
  const item = parseWith(identityItem, { v: 1, details }, 'identity item')
  assertTold(item.details)
  const text = canonicalBytes(item)
  if (text.length > PLAINTEXT_BYTES)
    throw new LatchkeyError('MESSAGE_INVALID', `details have at most ${PLAINTEXT_BYTES} bytes`)
  const padded = new Uint8Array(PLAINTEXT_BYTES).fill(SPACE)
  padded.set(text)
  return sealFile(padded, [recipient])
}

/** The form that anybody can check without a key. Untrusted: `file`. @throws CONSENT_INVALID | AGE_HEADER_INVALID */
export function assertIdentityItem(file: Uint8Array): void {
  if (file.length !== IDENTITY_ITEM_BYTES)
    throw new LatchkeyError('CONSENT_INVALID', `a sealed identity has ${IDENTITY_ITEM_BYTES} bytes, not ${file.length}`)
  if (!isReleaseHeader(splitAgeFile(file).header))
    throw new LatchkeyError('CONSENT_INVALID', 'a sealed identity is sealed to one key alone')
}

/**
 * What an owner told, by their own account: nobody checked it.
 * Untrusted: `file`.
 * @throws CONSENT_INVALID | AGE_HEADER_INVALID | AGE_NO_MATCH | AGE_PAYLOAD_INVALID | the codes of parsing
 */
export function openIdentity(file: Uint8Array, identity: ReadyOpener): OwnerDetails {
  assertIdentityItem(file)
  const text = fromUtf8(openFile(file, identity))
  const { details } = parseWith(identityItem, parseCanonicalJson(utf8(text.trimEnd())), 'identity item')
  assertTold(details)
  return details
}
