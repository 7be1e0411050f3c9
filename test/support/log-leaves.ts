import { utf8 } from '../../shared/src/bytes/bytes.ts'
import { hashLeaf, type TreeHash } from '../../shared/src/tlog/merkle.ts'
import type { ReadTile, TileBytes } from '../../shared/src/tlog/tile-reader.ts'
import { encodeTilePath } from '../../shared/src/tlog/tiles.ts'

/** Hashes of `count` different leaves, the same ones each time. */
export function leafHashesOf(count: number): TreeHash[] {
  return Array.from({ length: count }, (_, i) => hashLeaf(utf8(`leaf ${i}`)))
}

/** Tiles in memory, by path. */
export function createTileShelf(): { readTile: ReadTile; put(tiles: readonly TileBytes[]): void; paths(): string[] } {
  const tiles = new Map<string, Uint8Array>()
  return {
    readTile: (tile) => {
      const bytes = tiles.get(encodeTilePath(tile))
      return bytes ? Promise.resolve(bytes) : Promise.reject(new Error(`no tile ${encodeTilePath(tile)}`))
    },
    put: (written) => {
      for (const { tile, bytes } of written) tiles.set(encodeTilePath(tile), bytes)
    },
    paths: () => [...tiles.keys()],
  }
}
