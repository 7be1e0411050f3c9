import { equalBytes } from '../bytes/bytes.ts'
import { LatchkeyError } from '../errors.ts'
import type { VerifiedCheckpoint } from '../tlog/checkpoint.ts'
import { appendLeaf, type Frontier, frontierRoot } from '../tlog/frontier.ts'
import { hashLeaf } from '../tlog/merkle.ts'
import type { ReadTile } from '../tlog/tile-reader.ts'
import { parseEntries, type Tile, TILE_WIDTH, tileWidth } from '../tlog/tiles.ts'

/** Entries that lead from one tree to the next, proved to be the ones that were signed. */
export interface ProvenEntries {
  entries(): Iterable<Uint8Array>
  /** Of the tree that they lead to. */
  readonly frontier: Frontier
}

interface Bundle {
  readonly tile: Tile
  readonly bytes: Uint8Array
  /** Entries of it that were read before. */
  readonly known: number
}

function* entriesOf(bundles: readonly Bundle[]): Generator<Uint8Array> {
  for (const { tile, bytes, known } of bundles) yield* parseEntries(tile, bytes).slice(known)
}

/**
 * Every entry from a known tree to a checkpoint's, hashed one by one up to its root. The bundles stay in memory until they
 * are judged, as bytes.
 * Untrusted: what `readTile` answers.
 * @param before the tree that is known
 * @param read told after each bundle, with the number of entries so far
 * @throws LOG_PROOF_INVALID when they do not lead to the signed root; what `readTile` throws
 */
export async function readProvenEntries(
  before: Frontier,
  checkpoint: VerifiedCheckpoint,
  { readTile, read }: { readonly readTile: ReadTile; readonly read?: (entries: number) => void },
): Promise<ProvenEntries> {
  const bundles: Bundle[] = []
  let frontier = before
  while (frontier.size < checkpoint.size) {
    const index = Math.floor(frontier.size / TILE_WIDTH)
    const tile: Tile = { level: 'entries', index, width: tileWidth('entries', index, checkpoint.size) }
    const bundle = { tile, bytes: await readTile(tile), known: frontier.size % TILE_WIDTH }
    for (const entry of entriesOf([bundle])) frontier = appendLeaf(frontier, hashLeaf(entry))
    bundles.push(bundle)
    read?.(frontier.size)
  }
  if (!equalBytes(frontierRoot(frontier), checkpoint.root))
    throw new LatchkeyError('LOG_PROOF_INVALID', `the entries do not lead to the signed root of ${checkpoint.size}`)
  return { entries: () => entriesOf(bundles), frontier }
}
