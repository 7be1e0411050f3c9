import { equalBytes } from '../bytes/bytes.ts'
import { LatchkeyError } from '../errors.ts'
import type { VerifiedCheckpoint } from './checkpoint.ts'
import { type Leaf, parseLeaf } from './leaf.ts'
import { HASH_BYTES, hashLeaf, verifyInclusion } from './merkle.ts'
import { inclusionProofFromTiles, type ReadTile } from './tile-reader.ts'
import { parseEntries, parseHashTile, TILE_WIDTH, tileWidth } from './tiles.ts'

/** The log that is searched. */
export interface SearchedLog {
  readonly held: VerifiedCheckpoint
  /** Reads the same tile more than once. */
  readonly readTile: ReadTile
}

/** The entries of one bundle, all of them proved: an inclusion proof is made from every hash of its tile. */
async function provenEntries(bundle: number, { held, readTile }: SearchedLog): Promise<Uint8Array[]> {
  const width = tileWidth('entries', bundle, held.size)
  const bundleOf = { level: 'entries', index: bundle, width } as const
  const tile = { level: 0, index: bundle, width }
  const entries = parseEntries(bundleOf, await readTile(bundleOf))
  const told = parseHashTile(tile, (await readTile(tile)).subarray(0, width * HASH_BYTES))
  const hashes = entries.slice(0, width).map(hashLeaf)
  const index = bundle * TILE_WIDTH
  const path = await inclusionProofFromTiles(index, held.size, readTile)
  const isWhole = hashes.length === width && hashes.every((hash, i) => equalBytes(hash, told[i]!))
  if (isWhole && verifyInclusion({ index, leafHash: hashes[0]!, hashes: path }, held)) return entries
  throw new LatchkeyError('LOG_PROOF_INVALID', `the entries from ${index} on do not lead to the signed root`)
}

/** What no reader can parse names no keyset. */
function leafOrNull(entry: Uint8Array): Leaf | null {
  try {
    return parseLeaf(entry)
  } catch {
    return null
  }
}

/**
 * Looks through the log for a keyset that a relay does not tell of. Who knows the root knows the label of every version to come.
 * @param from first index to look at
 * @returns its index; null when no entry up to the held checkpoint has this label
 * @throws LOG_PROOF_INVALID when the tiles do not lead to the signed root; what `readTile` throws
 * @see spec/keys.md, "Restoring from the sheet"
 */
export async function findKeysetLabel(label: string, from: number, log: SearchedLog): Promise<number | null> {
  for (let bundle = Math.floor(from / TILE_WIDTH); bundle * TILE_WIDTH < log.held.size; bundle++) {
    const leaves = (await provenEntries(bundle, log)).map(leafOrNull)
    const at = leaves.findIndex(
      (leaf, i) => bundle * TILE_WIDTH + i >= from && leaf?.type === 'keyset' && leaf.data.label === label,
    )
    if (at >= 0) return bundle * TILE_WIDTH + at
  }
  return null
}
