import { equalBytes } from '../bytes/bytes.ts'
import { LatchkeyError } from '../errors.ts'
import { FILE_KEY_BYTES, openHeader, openHeaderWith, parseHeader, splitAgeFile, wrapHeader } from './age-header.ts'
import { openPayload, PAYLOAD_NONCE_BYTES, sealPayload } from './age-payload.ts'
import { hkdfSha256, hmacSha256, randomBytes, sha256 } from './hash.ts'
import type { HeaderOpener, ReadyOpener, Recipient } from './keys.ts'

/** A sealed item: an age file in its two halves, and the commitments that pin its key and its plaintext. */
export interface SealedItem {
  readonly header: Uint8Array
  /** nonce ‖ chunks: the same bytes for ever, whoever's header stands before them. */
  readonly payload: Uint8Array
  /** 32 bytes. */
  readonly keyCommitment: Uint8Array
  /** 32 bytes. */
  readonly plaintextCommitment: Uint8Array
}

/**
 * Fixes which file key belongs to a payload. Without it one payload can be built that two keys open to two different
 * texts (it was built, with the stock `age`).
 * @param nonce the payload's first 16 bytes
 * @see spec/sealed-items.md
 */
export function keyCommitmentOf(fileKey: Uint8Array, nonce: Uint8Array): Uint8Array {
  return hkdfSha256(fileKey, nonce, 'latchkey/v1/key-commitment')
}

/** Fixes the plaintext; keyed, so that nobody can test a leaked video against published manifests. */
export function plaintextCommitmentOf(fileKey: Uint8Array, nonce: Uint8Array, plaintextSha256: Uint8Array): Uint8Array {
  return hmacSha256(hkdfSha256(fileKey, nonce, 'latchkey/v1/plaintext-commitment'), plaintextSha256)
}

/**
 * Seals one item under a fresh file key, in memory.
 * @param plaintext the whole item
 * @param recipients every member and the recovery key
 * @throws KEY_INVALID
 */
export function sealItem(plaintext: Uint8Array, recipients: readonly Recipient[]): SealedItem {
  const fileKey = randomBytes(FILE_KEY_BYTES)
  const nonce = randomBytes(PAYLOAD_NONCE_BYTES)
  const sealed = {
    header: wrapHeader(fileKey, recipients),
    payload: sealPayload(fileKey, nonce, plaintext),
    keyCommitment: keyCommitmentOf(fileKey, nonce),
    plaintextCommitment: plaintextCommitmentOf(fileKey, nonce, sha256(plaintext)),
  }
  fileKey.fill(0)
  return sealed
}

/** What the device committed to about a file key: 16 bytes of nonce, 32 of commitment. */
export interface CommittedKey {
  readonly nonce: Uint8Array
  readonly keyCommitment: Uint8Array
}

function matchingKey(fileKey: Uint8Array, { nonce, keyCommitment }: CommittedKey): Uint8Array {
  if (!equalBytes(keyCommitmentOf(fileKey, nonce), keyCommitment))
    throw new LatchkeyError('COMMITMENT_MISMATCH', 'the header holds another key than the device committed to')
  return fileKey
}

/**
 * Opens the small header of an item and checks that its key is the one the device committed to. The payload itself is
 * not needed, only its first 16 bytes: this is all a phone fetches to consent without a preview.
 * @throws AGE_HEADER_INVALID | AGE_NO_MATCH | COMMITMENT_MISMATCH
 */
export function recoverFileKey(header: Uint8Array, identity: ReadyOpener, committed: CommittedKey): Uint8Array {
  return matchingKey(openHeader(parseHeader(header), identity), committed)
}

/**
 * {@link recoverFileKey} for any opener: a phone's key answers with a promise.
 * @throws AGE_HEADER_INVALID | AGE_NO_MATCH | COMMITMENT_MISMATCH
 */
export async function recoverFileKeyWith(
  header: Uint8Array,
  opener: HeaderOpener,
  committed: CommittedKey,
): Promise<Uint8Array> {
  return matchingKey(await openHeaderWith(parseHeader(header), opener), committed)
}

/**
 * Opens a payload and checks both commitments.
 * @throws AGE_PAYLOAD_INVALID | COMMITMENT_MISMATCH
 */
export function openCommitted(
  fileKey: Uint8Array,
  payload: Uint8Array,
  committed: { keyCommitment: Uint8Array; plaintextCommitment: Uint8Array },
): Uint8Array {
  const nonce = payload.subarray(0, PAYLOAD_NONCE_BYTES)
  if (!equalBytes(keyCommitmentOf(fileKey, nonce), committed.keyCommitment))
    throw new LatchkeyError('COMMITMENT_MISMATCH', 'another key than the device committed to')
  const plaintext = openPayload(fileKey, payload)
  if (!equalBytes(plaintextCommitmentOf(fileKey, nonce, sha256(plaintext)), committed.plaintextCommitment))
    throw new LatchkeyError('COMMITMENT_MISMATCH', 'another plaintext than the device committed to')
  return plaintext
}

/** Plaintext → whole age file, without commitments: for settings and disclosures. @throws KEY_INVALID */
export function sealFile(plaintext: Uint8Array, recipients: readonly Recipient[]): Uint8Array {
  const { header, payload } = sealItem(plaintext, recipients)
  const file = new Uint8Array(header.length + payload.length)
  file.set(header)
  file.set(payload, header.length)
  return file
}

/** Whole age file → plaintext. Untrusted: `file`. @throws AGE_HEADER_INVALID | AGE_NO_MATCH | AGE_PAYLOAD_INVALID */
export function openFile(file: Uint8Array, identity: ReadyOpener): Uint8Array {
  const { header, payload } = splitAgeFile(file)
  return openPayload(openHeader(parseHeader(header), identity), payload)
}

/** {@link openFile} for any opener. @throws AGE_HEADER_INVALID | AGE_NO_MATCH | AGE_PAYLOAD_INVALID */
export async function openFileWith(file: Uint8Array, opener: HeaderOpener): Promise<Uint8Array> {
  const { header, payload } = splitAgeFile(file)
  return openPayload(await openHeaderWith(parseHeader(header), opener), payload)
}
