import { LatchkeyError } from '../errors.ts'
import { type Frontier, frontierRanges, frontierRoot } from './frontier.ts'
import {
  consistencyRanges,
  HASH_BYTES,
  inclusionRanges,
  type LeafRange,
  rootOfLeaves,
  type TreeHash,
} from './merkle.ts'
import { encodeHashTile, levelLength, parseHashTile, rootOfTile, type Tile, TILE_WIDTH, tileWidth } from './tiles.ts'

/** Bytes of a hash tile. A reader may answer with the full tile's first hashes when the partial one is gone. */
export type ReadTile = (tile: Tile) => Promise<Uint8Array>

/** A tile to be stored. */
export interface TileBytes {
  readonly tile: Tile
  readonly bytes: Uint8Array
}

/** The hash tiles of one tree, each read at most once. */
interface TreeTiles {
  readonly size: number
  hashes(level: number, index: number): Promise<TreeHash[]>
}

function createTreeTiles(size: number, readTile: ReadTile): TreeTiles {
  const reads = new Map<string, Promise<TreeHash[]>>()
  const read = async (tile: Tile) => parseHashTile(tile, (await readTile(tile)).subarray(0, tile.width * HASH_BYTES))
  return {
    size,
    hashes: (level, index) => {
      const key = `${level}/${index}`
      const known = reads.get(key) ?? read({ level, index, width: tileWidth(level, index, size) })
      reads.set(key, known)
      return known
    },
  }
}

/** The frontier of `size` leaves: where an appending log picks up again. Untrusted: the tiles; compare its root. */
export async function frontierFromTiles(size: number, readTile: ReadTile): Promise<Frontier> {
  const tiles = createTreeTiles(size, readTile)
  return { size, hashes: await Promise.all(frontierRanges(size).map((range) => hashOfPerfect(tiles, range))) }
}

/** Root of the tree of `size` leaves, from the roots its tiles hold. @throws LOG_PROOF_INVALID @see RFC 6962 §2.1 */
export async function rootFromTiles(size: number, readTile: ReadTile): Promise<TreeHash> {
  return frontierRoot(await frontierFromTiles(size, readTile))
}

/**
 * Inclusion proof of leaf `index` in the tree of `size` leaves. It is as true as the tiles: verify it against a root.
 * @throws LOG_RANGE | LOG_PROOF_INVALID
 */
export async function inclusionProofFromTiles(index: number, size: number, readTile: ReadTile): Promise<TreeHash[]> {
  return await hashesOfRanges(createTreeTiles(size, readTile), inclusionRanges(index, size))
}

/**
 * Consistency proof from the tree of `first` leaves to the tree of `second`. As true as the tiles: verify it.
 * @throws LOG_RANGE | LOG_PROOF_INVALID
 */
export async function consistencyProofFromTiles(
  first: number,
  second: number,
  readTile: ReadTile,
): Promise<TreeHash[]> {
  return await hashesOfRanges(createTreeTiles(second, readTile), consistencyRanges(first, second))
}

/** Hash of leaf `index` in the tree of `size` leaves. @throws LOG_RANGE | LOG_PROOF_INVALID */
export async function leafHashFromTiles(index: number, size: number, readTile: ReadTile): Promise<TreeHash> {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size)
    throw new LatchkeyError('LOG_RANGE', `leaf ${index} is not in a tree of ${size}`)
  return await hashOfPerfect(createTreeTiles(size, readTile), { start: index, end: index + 1 })
}

async function hashesOfRanges(tiles: TreeTiles, ranges: readonly LeafRange[]): Promise<TreeHash[]> {
  return await Promise.all(ranges.map((range) => hashOfRange(tiles, range)))
}

async function hashOfRange(tiles: TreeTiles, { start, end }: LeafRange): Promise<TreeHash> {
  // Every range of a proof is a perfect subtree, or the ragged right edge: perfect ones in falling order.
  const parts = frontierRanges(end - start).map((part) => ({ start: start + part.start, end: start + part.end }))
  const hashes = await Promise.all(parts.map((part) => hashOfPerfect(tiles, part)))
  return frontierRoot({ size: end - start, hashes })
}

/** A perfect subtree lies inside one tile: the one whose hashes span at most 256 of its size. */
async function hashOfPerfect(tiles: TreeTiles, { start, end }: LeafRange): Promise<TreeHash> {
  let [level, span] = [0, 1]
  while ((end - start) / span >= TILE_WIDTH) [level, span] = [level + 1, span * TILE_WIDTH]
  const [first, last] = [start / span, end / span]
  const index = Math.floor(first / TILE_WIDTH)
  const hashes = await tiles.hashes(level, index)
  return rootOfLeaves(hashes.slice(first - index * TILE_WIDTH, last - index * TILE_WIDTH))
}

/**
 * The hash tiles that change when leaves are appended to a tree of `size`, with their new bytes, lowest level first.
 * Write them, and the entry bundles, before the checkpoint that needs them.
 * @param leafHashes in leaf order
 * @param readTile reads the (partial) tiles of the tree before
 * @throws LOG_PROOF_INVALID when a stored tile is not as wide as the tree says
 */
export async function extendTiles(
  size: number,
  leafHashes: readonly TreeHash[],
  readTile: ReadTile,
): Promise<TileBytes[]> {
  const before = createTreeTiles(size, readTile)
  const written: TileBytes[] = []
  let added = leafHashes
  for (let level = 0; added.length > 0; level++) {
    const row = await extendRow(before, level, added)
    written.push(
      ...row.map(({ index, hashes }) => ({ tile: tileOf(level, index, hashes), bytes: encodeHashTile(hashes) })),
    )
    added = row.filter(({ hashes }) => hashes.length === TILE_WIDTH).map(({ hashes }) => rootOfTile(hashes))
  }
  return written
}

function tileOf(level: number, index: number, hashes: readonly TreeHash[]): Tile {
  return { level, index, width: hashes.length }
}

async function extendRow(before: TreeTiles, level: number, added: readonly TreeHash[]) {
  const length = levelLength(level, before.size)
  const firstIndex = Math.floor(length / TILE_WIDTH)
  const kept = length % TILE_WIDTH === 0 ? [] : await before.hashes(level, firstIndex)
  const hashes = [...kept, ...added]
  return Array.from({ length: Math.ceil(hashes.length / TILE_WIDTH) }, (_, i) => ({
    index: firstIndex + i,
    hashes: hashes.slice(i * TILE_WIDTH, (i + 1) * TILE_WIDTH),
  }))
}
