import { concatBytes, fromUtf8, utf8 } from '../bytes/bytes.ts'
import { LatchkeyError } from '../errors.ts'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { type LogTrust, openCheckpoint, type VerifiedCheckpoint } from './checkpoint.ts'
import { HASH_BYTES, hashLeaf, MAX_PROOF_HASHES, type TreeHash, verifyInclusion } from './merkle.ts'

/** A `.tlog-proof` file: everything offline verification of one leaf needs besides the leaf and the trusted keys. */
export interface TlogProof {
  readonly index: number
  /** From the leaf's sibling up to the root's child. */
  readonly hashes: readonly TreeHash[]
  /** Not authenticated by anything; ours has none. */
  readonly extra: Uint8Array | null
  /** The signed checkpoint, byte for byte. */
  readonly checkpoint: Uint8Array
}

const HEADER = 'c2sp.org/tlog-proof@v1'
/** Headers, 64 hashes and `extra`; the checkpoint behind it has its own limit. */
const MAX_HEAD_BYTES = 96 * 1024

const invalid = (message: string, cause?: unknown) => new LatchkeyError('LOG_PROOF_INVALID', message, { cause })

/** Proof → file bytes. @see C2SP tlog-proof, "Format" */
export function encodeTlogProof(proof: TlogProof): Uint8Array {
  const lines = [
    HEADER,
    ...(proof.extra === null ? [] : [`extra ${encodeBase64(proof.extra)}`]),
    `index ${proof.index}`,
    ...proof.hashes.map(encodeBase64),
    '',
  ]
  return concatBytes(utf8(lines.map((line) => `${line}\n`).join('')), proof.checkpoint)
}

/**
 * File bytes → proof, nothing verified; the checkpoint inside is not looked at.
 * Untrusted: `raw`.
 * @throws LOG_PROOF_INVALID
 * @see C2SP tlog-proof, "Format"
 */
export function parseTlogProof(raw: Uint8Array): TlogProof {
  const headEnd = findBlankLine(raw)
  const lines = decodeHead(raw.subarray(0, headEnd)).split('\n')
  if (lines.shift() !== HEADER) throw invalid(`proof does not start with ${HEADER}`)
  const extra = lines[0]?.startsWith('extra ') ? decodeLine(lines.shift()!.slice('extra '.length)) : null
  const [, rawIndex] = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? '') ?? []
  const index = Number(rawIndex)
  if (rawIndex === undefined || !Number.isSafeInteger(index)) throw invalid('proof has no index')
  if (lines.length > MAX_PROOF_HASHES) throw invalid(`proof has more than ${MAX_PROOF_HASHES} hashes`)
  const hashes = lines.map(decodeLine)
  if (hashes.some((hash) => hash.length !== HASH_BYTES)) throw invalid('proof has a hash that is not 32 bytes')
  return { index, hashes, extra, checkpoint: raw.slice(headEnd + 2) }
}

function findBlankLine(raw: Uint8Array): number {
  const limit = Math.min(raw.length, MAX_HEAD_BYTES)
  for (let at = 0; at + 1 < limit; at++) if (raw[at] === 0x0a && raw[at + 1] === 0x0a) return at
  throw invalid('proof has no blank line before its checkpoint')
}

function decodeHead(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes)
  } catch (cause) {
    throw invalid('proof is not UTF-8', cause)
  }
}

function decodeLine(line: string): Uint8Array {
  try {
    return decodeBase64(line)
  } catch (cause) {
    throw invalid('proof line is not base64', cause)
  }
}

/** What a verified proof says: this leaf stands at this index of a log whose head is trusted. */
export interface ProvenLeaf {
  readonly index: number
  readonly checkpoint: VerifiedCheckpoint
}

/**
 * Verifies a proof file offline: the checkpoint against the trusted keys, then the path from the leaf to its root.
 * Untrusted: `raw`, `leaf`.
 * @param leaf the leaf's bytes, as logged
 * @throws LOG_PROOF_INVALID | CHECKPOINT_INVALID
 * @see C2SP tlog-proof
 */
export function openTlogProof(raw: Uint8Array, leaf: Uint8Array, trust: LogTrust): ProvenLeaf {
  const proof = parseTlogProof(raw)
  const checkpoint = openCheckpoint(proof.checkpoint, trust)
  if (!verifyInclusion({ ...proof, leafHash: hashLeaf(leaf) }, checkpoint))
    throw invalid(`leaf is not at index ${proof.index} of the checkpoint's tree`)
  return { index: proof.index, checkpoint }
}
