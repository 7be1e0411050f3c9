import { concatBytes, uint64, utf8 } from '../bytes/bytes.ts'
import { verifyEd25519 } from '../crypto/ed25519.ts'
import { LatchkeyError } from '../errors.ts'
import { NOTE_COSIGNATURE, type NoteSigner, type VerifierKey } from './note-key.ts'

const TIMESTAMP_BYTES = 8

/** What a witness signs: its time in whole seconds and the checkpoint's text. @see C2SP tlog-cosignature, "Ed25519 signed message" */
export function cosignatureMessage(text: string, timestampS: number): Uint8Array {
  return utf8(`cosignature/v1\ntime ${timestampS}\n${text}`)
}

/**
 * A witness's signature over a checkpoint text: timestamp ‖ Ed25519, 72 bytes. The witness MUST have stored the
 * checkpoint as its latest for this log before it lets the signature out.
 * @throws KEY_INVALID when the signer is not of type 0x04
 */
export async function cosignText(text: string, signer: NoteSigner, timestampS: number): Promise<Uint8Array> {
  if (signer.key.type !== NOTE_COSIGNATURE) throw new LatchkeyError('KEY_INVALID', 'not a witness key')
  return concatBytes(uint64(timestampS), await signer.sign(cosignatureMessage(text, timestampS)))
}

/**
 * Seconds at which a cosignature was made, or `null` when it does not verify.
 * Untrusted: `text`, `signature`. Never throws.
 */
export function verifyCosignature(key: VerifierKey, text: string, signature: Uint8Array): number | null {
  if (key.type !== NOTE_COSIGNATURE || signature.length !== TIMESTAMP_BYTES + 64) return null
  const timestamp = new DataView(signature.buffer, signature.byteOffset, TIMESTAMP_BYTES).getBigUint64(0)
  if (timestamp > BigInt(Number.MAX_SAFE_INTEGER)) return null
  const timestampS = Number(timestamp)
  const message = cosignatureMessage(text, timestampS)
  return verifyEd25519(key.publicKey, message, signature.subarray(TIMESTAMP_BYTES)) ? timestampS : null
}
