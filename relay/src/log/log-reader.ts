import {
  encodeEntries,
  encodeTlogProof,
  inclusionProofFromTiles,
  LatchkeyError,
  levelLength,
  TILE_WIDTH,
  type Tile,
} from '@latchkey/shared'
import type { LogReader } from '../flow.ts'
import type { LogStore, StoredCheckpoint } from './log-store.ts'

async function publishedHead(store: LogStore): Promise<StoredCheckpoint> {
  const head = await store.published()
  if (!head) throw new LatchkeyError('UNAVAILABLE', 'the log has no checkpoint yet')
  return head
}

function assertPublished({ level, index, width }: Tile, size: number): void {
  if (index * TILE_WIDTH + width > levelLength(level, size)) {
    throw new LatchkeyError('LOG_RANGE', 'the published tree has no such tile')
  }
}

/**
 * The public face of the log: checkpoint, tiles, entry bundles, and proofs computed from them.
 * @see C2SP tlog-tiles
 */
export function createLogReader(store: LogStore): LogReader {
  const readTile = async (tile: Tile): Promise<Uint8Array> => {
    assertPublished(tile, (await publishedHead(store)).size)
    if (tile.level !== 'entries') return store.readTile(tile)
    return encodeEntries(await store.leaves(tile.index * TILE_WIDTH, tile.width))
  }
  const assertIndex = (index: number, size: number): void => {
    if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
      throw new LatchkeyError('LOG_RANGE', 'the published log has no such leaf')
    }
  }
  return {
    readTile,
    checkpoint: async () => (await publishedHead(store)).raw,
    leaf: async (index) => {
      assertIndex(index, (await publishedHead(store)).size)
      return (await store.leaves(index, 1))[0]!
    },
    prove: async (index) => {
      const { size, raw } = await publishedHead(store)
      assertIndex(index, size)
      const hashes = await inclusionProofFromTiles(index, size, store.readTile)
      return encodeTlogProof({ index, hashes, extra: null, checkpoint: raw })
    },
  }
}
