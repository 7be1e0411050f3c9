import { equalBytes, toHex } from '../bytes/bytes.ts'
import { LatchkeyError } from '../errors.ts'
import type { Trust } from '../wire/trust.ts'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { cosignText } from './cosignature.ts'
import { emptyTreeHash, HASH_BYTES, type TreeHash, type TreeHead } from './merkle.ts'
import { encodeNote, type Note, openNote, parseNote, signText, type VerifiedSignature } from './note.ts'
import { NOTE_COSIGNATURE, type NoteSigner, parseVkey, type VerifierKey } from './note-key.ts'

/** The head of one log's tree. */
export interface Checkpoint extends TreeHead {
  /** The log's name; equal to the name of the key that signs. */
  readonly origin: string
  /** Lines after the root, opaque; ours has none. */
  readonly extensions: readonly string[]
}

/** A checkpoint and its signatures, not verified. */
export interface SignedCheckpoint extends Checkpoint {
  readonly note: Note
}

/** A checkpoint that a trusted log signed, with enough witnesses. */
export interface VerifiedCheckpoint extends Checkpoint {
  /** The signed bytes as received: what to store, and what `seen.sha256` is the digest of. */
  readonly raw: Uint8Array
  /** Cosignatures that count: distinct keys, none of them the log's own. */
  readonly witnesses: readonly VerifiedSignature[]
}

/** Whom a reader of checkpoints trusts. */
export interface LogTrust {
  /** Keys of the logs; a checkpoint must be signed by the one whose name is its origin. */
  readonly logs: readonly VerifierKey[]
  readonly witnesses?: readonly VerifierKey[]
  /** How many distinct witnesses must have cosigned; 0 unless told. */
  readonly quorum?: number
}

/**
 * The log part of a trust file.
 * Untrusted: nothing; the file is the reader's own. @throws KEY_INVALID for what is not a note key
 */
export function logTrustOf(trust: Pick<Trust, 'logs' | 'witnesses' | 'quorum'>): LogTrust {
  return { logs: trust.logs.map(parseVkey), witnesses: trust.witnesses.map(parseVkey), quorum: trust.quorum }
}

const invalid = (message: string, cause?: unknown) => new LatchkeyError('CHECKPOINT_INVALID', message, { cause })

/** Checkpoint → the text that is signed. @see C2SP tlog-checkpoint, "Note text" */
export function encodeCheckpoint(checkpoint: TreeHead & { origin: string; extensions?: readonly string[] }): string {
  const { origin, size, root, extensions = [] } = checkpoint
  return [origin, String(size), encodeBase64(root), ...extensions].map((line) => `${line}\n`).join('')
}

/** Signed text → checkpoint. Untrusted: `text`. @throws CHECKPOINT_INVALID @see C2SP tlog-checkpoint, "Note text" */
export function parseCheckpointText(text: string): Checkpoint {
  if (!text.endsWith('\n')) throw invalid('checkpoint does not end in a newline')
  const lines = text.slice(0, -1).split('\n')
  const [origin, rawSize, rawRoot, ...extensions] = lines
  if (origin === undefined || rawSize === undefined || rawRoot === undefined || lines.includes(''))
    throw invalid('checkpoint is not at least three lines')
  const size = Number(rawSize)
  if (!/^(0|[1-9]\d{0,15})$/.test(rawSize) || !Number.isSafeInteger(size)) throw invalid('not a tree size')
  const root = decodeTreeHash(rawRoot, 'root hash')
  if (size === 0 && !equalBytes(root, emptyTreeHash()))
    throw invalid('root of the empty tree is not SHA-256 of nothing')
  return { origin, size, root, extensions }
}

/** Base64 → hash of a tree. Untrusted: `encoded`. @param what names it in the error @throws CHECKPOINT_INVALID */
export function decodeTreeHash(encoded: string, what: string): TreeHash {
  let hash: TreeHash
  try {
    hash = decodeBase64(encoded)
  } catch (cause) {
    throw invalid(`${what} is not base64`, cause)
  }
  if (hash.length !== HASH_BYTES) throw invalid(`${what} is not 32 bytes`)
  return hash
}

/** Bytes → checkpoint, signatures not verified. Untrusted: `raw`. @throws CHECKPOINT_INVALID */
export function parseCheckpoint(raw: Uint8Array): SignedCheckpoint {
  const note = parseNote(raw)
  return { ...parseCheckpointText(note.text), note }
}

/**
 * A checkpoint signed by its log. A log never signs two that no consistency proof joins: the caller's duty.
 * @throws CHECKPOINT_INVALID when the signer's name is not the origin
 */
export async function signCheckpoint(
  checkpoint: TreeHead & { origin: string },
  signer: NoteSigner,
): Promise<Uint8Array> {
  if (signer.key.name !== checkpoint.origin) throw invalid('origin is not the name of the log key')
  const text = encodeCheckpoint(checkpoint)
  return encodeNote({ text, signatures: [await signText(text, signer)] })
}

/**
 * The same checkpoint with one more witness's line. The caller has verified the checkpoint and stored it first.
 * @param timestampS seconds since 1970 by the witness's clock
 * @throws CHECKPOINT_INVALID | KEY_INVALID
 * @see C2SP tlog-cosignature
 */
export async function cosignCheckpoint(raw: Uint8Array, signer: NoteSigner, timestampS: number): Promise<Uint8Array> {
  const { note } = parseCheckpoint(raw)
  const signature = await cosignText(note.text, signer, timestampS)
  const line = { name: signer.key.name, keyId: signer.key.keyId, signature }
  return encodeNote({ text: note.text, signatures: [...note.signatures, line] })
}

/**
 * A checkpoint that may be believed: signed by the trusted log of its origin and cosigned by the quorum.
 * Untrusted: `raw`.
 * @throws CHECKPOINT_INVALID
 * @see C2SP tlog-checkpoint, "Signatures"
 */
export function openCheckpoint(raw: Uint8Array, trust: LogTrust): VerifiedCheckpoint {
  const { note, ...checkpoint } = parseCheckpoint(raw)
  const logKeys = trust.logs.filter((key) => key.type !== NOTE_COSIGNATURE && key.name === checkpoint.origin)
  const witnessKeys = (trust.witnesses ?? []).filter((key) => key.type === NOTE_COSIGNATURE)
  const signatures = openNote(note, [...logKeys, ...witnessKeys])
  const ofLog = signatures.filter(({ key }) => logKeys.includes(key))
  if (ofLog.length === 0) throw invalid('checkpoint is not signed by a trusted log of its origin')
  const witnesses = distinctWitnesses(signatures, logKeys)
  const quorum = trust.quorum ?? 0
  if (witnesses.length < quorum) throw invalid(`checkpoint has ${witnesses.length} of ${quorum} witnesses`)
  return { ...checkpoint, raw, witnesses }
}

function distinctWitnesses(signatures: readonly VerifiedSignature[], logKeys: readonly VerifierKey[]) {
  // By key, not by name: one key under two names is one witness, and a log cannot witness itself.
  const taken = new Set(logKeys.map((key) => toHex(key.publicKey)))
  return signatures.filter(({ key }) => {
    const id = toHex(key.publicKey)
    const counts = key.type === NOTE_COSIGNATURE && !taken.has(id)
    taken.add(id)
    return counts
  })
}
