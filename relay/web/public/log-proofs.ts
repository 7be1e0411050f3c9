import {
  consistencyProofFromTiles,
  decodeBase64,
  equalBytes,
  hashLeaf,
  inclusionProofFromTiles,
  LatchkeyError,
  type Leaf,
  parseEntries,
  parseLeaf,
  type ReadTile,
  TILE_WIDTH,
  tileWidth,
  type TreeHash,
  type VerifiedCheckpoint,
  verifyConsistency,
  verifyInclusion,
} from '@latchkey/shared'

/** An entry and what proves that it is in the tree. */
export interface ProvenEntry {
  readonly index: number
  readonly leaf: Leaf
  readonly bytes: Uint8Array
  readonly hashes: readonly TreeHash[]
}

/**
 * Reads one entry and proves it. Untrusted: what `readTile` answers.
 * @throws NOT_FOUND when there is no such entry; LOG_PROOF_INVALID when the tiles do not lead to the signed root
 */
export async function proveEntry(index: number, held: VerifiedCheckpoint, readTile: ReadTile): Promise<ProvenEntry> {
  if (index >= held.size) throw new LatchkeyError('NOT_FOUND', `the log has ${held.size} entries`)
  const bundle = Math.floor(index / TILE_WIDTH)
  const tile = { level: 'entries', index: bundle, width: tileWidth('entries', bundle, held.size) } as const
  const bytes = parseEntries(tile, await readTile(tile))[index % TILE_WIDTH]!
  const hashes = await inclusionProofFromTiles(index, held.size, readTile)
  if (!verifyInclusion({ index, leafHash: hashLeaf(bytes), hashes }, held))
    throw new LatchkeyError('LOG_PROOF_INVALID', `entry ${index} does not lead to the signed root`)
  return { index, leaf: parseLeaf(bytes), bytes, hashes }
}

/** Whether today's log begins with a tree that somebody noted. */
export interface ProvenConsistency {
  readonly size: number
  readonly isSame: boolean
  readonly hashes: readonly TreeHash[]
}

/**
 * Untrusted: `noted`, and what `readTile` answers.
 * @param noted.root base64, as checkpoints write it
 * @throws NOT_FOUND for a larger tree than the log is; ENCODING_INVALID for a root that is none
 */
export async function proveConsistency(
  noted: { readonly size: number; readonly root: string },
  held: VerifiedCheckpoint,
  readTile: ReadTile,
): Promise<ProvenConsistency> {
  const { size } = noted
  if (size > held.size) throw new LatchkeyError('NOT_FOUND', `the log has ${held.size} entries`)
  const root = decodeBase64(noted.root)
  if (root.length !== 32) throw new LatchkeyError('ENCODING_INVALID', 'a root has 32 bytes')
  if (size === held.size) return { size, isSame: equalBytes(root, held.root), hashes: [] }
  const hashes = await consistencyProofFromTiles(size, held.size, readTile)
  return { size, isSame: verifyConsistency({ size, root }, held, hashes), hashes }
}
