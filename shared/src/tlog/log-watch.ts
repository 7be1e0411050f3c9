import { LatchkeyError } from '../errors.ts'
import { type LogTrust, openCheckpoint, type VerifiedCheckpoint } from './checkpoint.ts'
import { type Leaf, parseLeaf, sealedLeafData, type SealedKind } from './leaf.ts'
import { acceptCheckpoint, type LogViewStep } from './log-view.ts'
import { hashLeaf, type TreeHash, verifyInclusion } from './merkle.ts'
import { consistencyProofFromTiles, inclusionProofFromTiles, type ReadTile } from './tile-reader.ts'
import { parseEntries, TILE_WIDTH, tileWidth } from './tiles.ts'

/** Sealed leaves are collected this long by default before they are appended. @see spec/log.md */
export const LEAF_BATCH_MS = 60_000
/** For the tree, the witnesses, and a slow line. */
const LEAF_GRACE_MS = 60_000

/** Tiles that are malformed prove nothing; a reader that cannot reach the log says so by its own error. */
function isBrokenProof(error: unknown): boolean {
  return error instanceof LatchkeyError && (error.code === 'LOG_PROOF_INVALID' || error.code === 'LOG_RANGE')
}

async function proofBetween(held: VerifiedCheckpoint, size: number, readTile: ReadTile): Promise<TreeHash[]> {
  try {
    return await consistencyProofFromTiles(held.size, size, readTile)
  } catch (error) {
    if (isBrokenProof(error)) return []
    throw error
  }
}

/**
 * {@link acceptCheckpoint} with the proof made from the log's own tiles, which are read only once the signature holds.
 * Keep a finding, show it, and tell every member; then go on with what is held.
 * Untrusted: `raw`, and what `readTile` answers.
 * @throws what `readTile` throws when it cannot read: no answer is no evidence
 * @see spec/log.md, "What every client does"
 */
export async function followLog(
  held: VerifiedCheckpoint | null,
  raw: Uint8Array,
  { trust, readTile }: { readonly trust: LogTrust; readonly readTile: ReadTile },
): Promise<LogViewStep> {
  const step = acceptCheckpoint(held, { raw, consistency: [] }, trust)
  if (held === null || step.kind !== 'finding' || step.reason !== 'unproven') return step
  const consistency = await proofBetween(held, openCheckpoint(raw, trust).size, readTile)
  return acceptCheckpoint(held, { raw, consistency }, trust)
}

/** Something of this household that must be in the log, as its submitter knows it. */
export interface OwnLeaf {
  /** 32 bytes. */
  readonly salt: Uint8Array
  readonly kind: SealedKind
  /** ASCII of the compact JWS. */
  readonly object: Uint8Array
  /** When the relay took it, by this phone's clock. */
  readonly takenMs: number
  /** Where the relay says that it stands; null when it has not said. Untrusted. */
  readonly index: number | null
}

/**
 * `included`: proved under the held checkpoint. `waiting`: not yet, and there is time. `overdue`: not yet, and there was
 * time. `contradicted`: the log holds something else where the relay says that it stands, or its tiles do not lead
 * to the root it signed; `message` says which, the held checkpoint and the relay's answer are the evidence.
 */
export type OwnLeafState = LookedLeaf | { readonly state: 'waiting' } | { readonly state: 'overdue' }

/** What was found in one place of the log. */
export type LookedLeaf =
  | { readonly state: 'included'; readonly index: number; readonly hour: number }
  | { readonly state: 'contradicted'; readonly message: string }

/** A place of the log, and what must stand there. */
export interface NamedLeaf {
  /** Untrusted. */
  readonly index: number
  readonly isIt: (leaf: Leaf) => boolean
}

async function readLeaf(index: number, size: number, readTile: ReadTile): Promise<{ leaf: Leaf; hash: TreeHash }> {
  const bundle = Math.floor(index / TILE_WIDTH)
  const tile = { level: 'entries', index: bundle, width: tileWidth('entries', bundle, size) } as const
  const bytes = parseEntries(tile, await readTile(tile))[index % TILE_WIDTH]!
  return { leaf: parseLeaf(bytes), hash: hashLeaf(bytes) }
}

/**
 * An entry of the log, proved to stand under the checkpoint that is held. Untrusted: `index`, and what `readTile` answers.
 * @throws LOG_RANGE when it is not under that checkpoint; LOG_PROOF_INVALID when the tiles do not lead to its root; the codes
 *   of a leaf that does not parse; what `readTile` throws
 */
export async function readProvenLeaf(index: number, held: VerifiedCheckpoint, readTile: ReadTile): Promise<Leaf> {
  if (index >= held.size)
    throw new LatchkeyError('LOG_RANGE', `leaf ${index} is not yet under a checkpoint of ${held.size} leaves`)
  const { leaf, hash } = await readLeaf(index, held.size, readTile)
  const hashes = await inclusionProofFromTiles(index, held.size, readTile)
  if (verifyInclusion({ index, leafHash: hash, hashes }, held)) return leaf
  throw new LatchkeyError('LOG_PROOF_INVALID', `leaf ${index} does not lead to the signed root`)
}

async function lookAt({ index, isIt }: NamedLeaf, held: VerifiedCheckpoint, readTile: ReadTile): Promise<LookedLeaf> {
  const leaf = await readProvenLeaf(index, held, readTile)
  return isIt(leaf)
    ? { state: 'included', index, hour: leaf.hour }
    : { state: 'contradicted', message: `leaf ${index} is another one` }
}

/** The codes of what does not parse; everything else is the reader's own trouble. */
const MALFORMED: ReadonlySet<string> = new Set([
  'LOG_PROOF_INVALID',
  'LOG_RANGE',
  'JSON_INVALID',
  'JSON_NOT_CANONICAL',
  'ENCODING_INVALID',
  'MESSAGE_INVALID',
  'MESSAGE_TOO_LARGE',
  'TEXT_INVALID',
])

async function lookAtNamed(named: NamedLeaf, held: VerifiedCheckpoint, readTile: ReadTile): Promise<LookedLeaf> {
  try {
    return await lookAt(named, held, readTile)
  } catch (error) {
    if (error instanceof LatchkeyError && MALFORMED.has(error.code))
      return { state: 'contradicted', message: `leaf ${named.index} cannot be read from the log: ${error.message}` }
    throw error
  }
}

/**
 * Does the log hold, at this place, what the relay says it does? `unseen`: the held checkpoint does not reach there.
 * Untrusted: `named.index`, and what `readTile` answers.
 * @throws what `readTile` throws when it cannot read: no answer is no evidence
 */
export async function checkNamedLeaf(
  named: NamedLeaf,
  held: VerifiedCheckpoint | null,
  readTile: ReadTile,
): Promise<LookedLeaf | { readonly state: 'unseen' }> {
  return held === null || named.index >= held.size ? { state: 'unseen' } : lookAtNamed(named, held, readTile)
}

/**
 * Is what this household gave in the log, under the checkpoint that it holds? A relay that hands out what it never logged,
 * or logs something else, is seen here.
 * Untrusted: `own.index`, and what `readTile` answers.
 * @param given.batchMs how long the log collects; {@link LEAF_BATCH_MS} unless the relay says otherwise
 * @throws what `readTile` throws when it cannot read: no answer is no evidence
 * @see spec/log.md, "Sealed leaves"
 */
export async function checkOwnLeaf(
  own: OwnLeaf,
  held: VerifiedCheckpoint | null,
  given: { readonly readTile: ReadTile; readonly nowMs: number; readonly batchMs?: number },
): Promise<OwnLeafState> {
  const { readTile, nowMs, batchMs = LEAF_BATCH_MS } = given
  if (held === null || own.index === null || own.index >= held.size)
    return { state: nowMs > own.takenMs + batchMs + LEAF_GRACE_MS ? 'overdue' : 'waiting' }
  const data = sealedLeafData(own.salt, own.kind, own.object)
  const isIt = (leaf: Leaf): boolean => leaf.type === 'sealed' && leaf.data === data
  return lookAtNamed({ index: own.index, isIt }, held, readTile)
}
