import { concatBytes, fromHex, fromUtf8, toHex, utf8 } from '../bytes/bytes.ts'
import { verifyEd25519 } from '../crypto/ed25519.ts'
import { LatchkeyError } from '../errors.ts'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { verifyCosignature } from './cosignature.ts'
import { isNoteName, NOTE_COSIGNATURE, NOTE_ED25519, type NoteSigner, type VerifierKey } from './note-key.ts'

/** One signature line, not verified. */
export interface NoteSignature {
  readonly name: string
  /** Eight lower-case hexadecimal digits. */
  readonly keyId: string
  /** Without the key id; what it means is known only to who knows the key. */
  readonly signature: Uint8Array
}

/** Signed text. Not to be believed before {@link openNote}. */
export interface Note {
  /** Ends in a newline. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** A signature that verified. */
export interface VerifiedSignature {
  readonly key: VerifierKey
  /** Seconds, of a cosignature; `null` for a plain signature. */
  readonly timestampS: number | null
}

/** Sixteen post-quantum signatures of 5 kB must fit; more is nobody's checkpoint. */
const MAX_NOTE_BYTES = 128 * 1024
const MAX_SIGNATURES = 64
const KEY_ID_BYTES = 4
const SIGNATURE_LINE = /^— ([^ ]+) ([A-Za-z0-9+/]+={0,2})$/

const invalid = (message: string, cause?: unknown) => new LatchkeyError('CHECKPOINT_INVALID', message, { cause })

/**
 * Bytes → note, signatures not verified.
 * Untrusted: `raw`.
 * @throws CHECKPOINT_INVALID
 * @see C2SP signed-note, "Format"
 */
export function parseNote(raw: Uint8Array): Note {
  if (raw.length > MAX_NOTE_BYTES) throw invalid(`note has more than ${MAX_NOTE_BYTES} bytes`)
  const whole = decodeText(raw)
  const split = whole.lastIndexOf('\n\n')
  if (split < 0 || !whole.endsWith('\n')) throw invalid('note has no text and signatures')
  const lines = whole.slice(split + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) throw invalid(`note has more than ${MAX_SIGNATURES} signatures`)
  return { text: whole.slice(0, split + 1), signatures: lines.map(parseSignatureLine) }
}

function decodeText(raw: Uint8Array): string {
  const text = decodeOr(() => fromUtf8(raw), 'note is not UTF-8')
  if (/[\u0000-\u0009\u000b-\u001f]/.test(text)) throw invalid('note has a control character')
  return text
}

/** One line of a note, without its newline. Untrusted: `line`. @throws CHECKPOINT_INVALID */
export function parseSignatureLine(line: string): NoteSignature {
  const [, name, encoded] = SIGNATURE_LINE.exec(line) ?? []
  if (name === undefined || encoded === undefined || !isNoteName(name)) throw invalid('not a signature line')
  const bytes = decodeOr(() => decodeBase64(encoded), 'signature is not base64')
  if (bytes.length <= KEY_ID_BYTES) throw invalid('signature is empty')
  return { name, keyId: toHex(bytes.subarray(0, KEY_ID_BYTES)), signature: bytes.slice(KEY_ID_BYTES) }
}

function decodeOr<T>(decode: () => T, message: string): T {
  try {
    return decode()
  } catch (cause) {
    throw invalid(message, cause)
  }
}

/** Signature → line, newline included; the inverse of {@link parseSignatureLine}. */
export const encodeSignatureLine = ({ name, keyId, signature }: NoteSignature): string =>
  `— ${name} ${encodeBase64(concatBytes(fromHex(keyId), signature))}\n`

/** Note → bytes; the inverse of {@link parseNote}. */
export function encodeNote(note: Note): Uint8Array {
  return utf8(`${note.text}\n${note.signatures.map((line) => encodeSignatureLine(line)).join('')}`)
}

/**
 * The signatures of `keys` on a note, in its order, each key once. A line belongs to a key only by exact name and id;
 * all other lines are ignored.
 * Untrusted: `note`.
 * @throws CHECKPOINT_INVALID when a line of a known key does not verify, or no line of any known key is there
 * @see C2SP signed-note, "Signatures"
 */
export function openNote(note: Note, keys: readonly VerifierKey[]): VerifiedSignature[] {
  const verified = new Map<VerifierKey, VerifiedSignature>()
  for (const line of note.signatures) {
    for (const key of keys) {
      if (key.name !== line.name || key.keyId !== line.keyId) continue
      const signature = verifyLine(note.text, line, key)
      if (!verified.has(key)) verified.set(key, signature)
    }
  }
  if (verified.size === 0) throw invalid('note has no signature by a known key')
  return [...verified.values()]
}

function verifyLine(text: string, line: NoteSignature, key: VerifierKey): VerifiedSignature {
  if (key.type === NOTE_COSIGNATURE) {
    const timestampS = verifyCosignature(key, text, line.signature)
    if (timestampS !== null) return { key, timestampS }
  } else if (verifyEd25519(key.publicKey, utf8(text), line.signature)) {
    return { key, timestampS: null }
  }
  throw invalid(`signature of ${key.name} does not verify`)
}

/** A plain signature line over `text` by a log's key. @throws KEY_INVALID when the signer is not of type 0x01 */
export async function signText(text: string, signer: NoteSigner): Promise<NoteSignature> {
  if (signer.key.type !== NOTE_ED25519) throw new LatchkeyError('KEY_INVALID', 'not a plain note key')
  return { name: signer.key.name, keyId: signer.key.keyId, signature: await signer.sign(utf8(text)) }
}
