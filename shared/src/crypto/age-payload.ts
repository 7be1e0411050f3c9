import { primitives } from '#primitives'
import { LatchkeyError } from '../errors.ts'
import { hkdfSha256 } from './hash.ts'

/** Plaintext bytes per STREAM chunk. @see C2SP age.md, "Payload" */
export const CHUNK_BYTES = 65_536
export const PAYLOAD_NONCE_BYTES = 16
const TAG_BYTES = 16
const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES

/** 11-byte big-endian counter and the last-chunk flag. */
function chunkNonce(counter: number, last: boolean): Uint8Array {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setUint32(7, counter)
  nonce[11] = last ? 1 : 0
  return nonce
}

/** Size of the payload for a plaintext: nonce, chunks, tags. */
export function payloadSizeOf(plaintextBytes: number): number {
  return PAYLOAD_NONCE_BYTES + plaintextBytes + TAG_BYTES * Math.max(1, Math.ceil(plaintextBytes / CHUNK_BYTES))
}

/**
 * Plaintext → `nonce ‖ chunks`, everything after the header of an age file.
 * @param fileKey 16 bytes that seal nothing else, ever
 * @param nonce 16 random bytes
 * @see C2SP age.md, "Payload"
 */
export function sealPayload(fileKey: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const key = hkdfSha256(fileKey, nonce, 'payload')
  const payload = new Uint8Array(payloadSizeOf(plaintext.length))
  payload.set(nonce)
  let at = PAYLOAD_NONCE_BYTES
  for (let start = 0, counter = 0; start === 0 || start < plaintext.length; start += CHUNK_BYTES, counter++) {
    const end = Math.min(start + CHUNK_BYTES, plaintext.length)
    const target = payload.subarray(at, at + end - start + TAG_BYTES)
    primitives.chachaSealInto(
      target,
      key,
      chunkNonce(counter, end === plaintext.length),
      plaintext.subarray(start, end),
    )
    at += target.length
  }
  return payload
}

/**
 * `nonce ‖ chunks` → plaintext, only when the *whole* payload authenticates (order, end and length included).
 * Untrusted: `payload`.
 * @throws AGE_PAYLOAD_INVALID
 */
export function openPayload(fileKey: Uint8Array, payload: Uint8Array): Uint8Array {
  const bodyBytes = payload.length - PAYLOAD_NONCE_BYTES
  if (bodyBytes < TAG_BYTES) throw new LatchkeyError('AGE_PAYLOAD_INVALID', 'payload is truncated')
  const chunks = Math.ceil(bodyBytes / SEALED_CHUNK_BYTES)
  // Checked before anything is opened: a last chunk without room for its tag would make the sizes below disagree.
  if (bodyBytes - (chunks - 1) * SEALED_CHUNK_BYTES < TAG_BYTES)
    throw new LatchkeyError('AGE_PAYLOAD_INVALID', 'payload is truncated')
  const key = hkdfSha256(fileKey, payload.subarray(0, PAYLOAD_NONCE_BYTES), 'payload')
  const plaintext = new Uint8Array(bodyBytes - chunks * TAG_BYTES)
  for (let counter = 0; counter < chunks; counter++) {
    const start = PAYLOAD_NONCE_BYTES + counter * SEALED_CHUNK_BYTES
    const sealed = payload.subarray(start, Math.min(start + SEALED_CHUNK_BYTES, payload.length))
    const last = counter === chunks - 1
    const chunk = primitives.chachaOpen(key, chunkNonce(counter, last), sealed)
    // An empty last chunk after a full one would give one plaintext two encodings.
    if (chunk === null || (last && counter > 0 && chunk.length === 0))
      throw new LatchkeyError('AGE_PAYLOAD_INVALID', `payload chunk ${counter} does not authenticate`)
    plaintext.set(chunk, counter * CHUNK_BYTES)
  }
  return plaintext
}
