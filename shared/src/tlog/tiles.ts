import { concatBytes } from '../bytes/bytes.ts'
import { LatchkeyError } from '../errors.ts'
import { HASH_BYTES, rootOfLeaves, type TreeHash } from './merkle.ts'

/** Hashes, or entries, of a full tile. Its height is 8. @see C2SP tlog-tiles, "Merkle Tree" */
export const TILE_WIDTH = 256

/** One stored resource of a log: a row of hashes, or the entries below a level-0 row. */
export interface Tile {
  readonly level: number | 'entries'
  readonly index: number
  /** 1 … 256; below 256 the tile is partial. */
  readonly width: number
}

/** 256^6 is the largest power below 2^53, so no tree we can count has a higher tile. */
const MAX_LEVEL = 6
const LEVELS = Array.from({ length: MAX_LEVEL + 1 }, (_, level) => level)
const MAX_ENTRY_BYTES = 0xffff
const PATH = /^tile\/(0|[1-9]\d?|entries)\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

/**
 * `tile/<level>/<index>[.p/<width>]`, relative to the log's prefix, no leading slash.
 * @see C2SP tlog-tiles, "Merkle Tree", "Log entries"
 */
export function encodeTilePath(tile: Tile): string {
  const digits = String(tile.index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? []
  const number = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/')
  return `tile/${tile.level}/${number}${tile.width < TILE_WIDTH ? `.p/${tile.width}` : ''}`
}

/**
 * The tile a path names; every tile has exactly one path.
 * Untrusted: `path`.
 * @throws LOG_RANGE
 */
export function parseTilePath(path: string): Tile {
  const [, rawLevel, rawIndex, rawWidth] = (path.length <= 64 && PATH.exec(path)) || []
  if (rawLevel === undefined || rawIndex === undefined) throw new LatchkeyError('LOG_RANGE', 'not the path of a tile')
  const tile: Tile = {
    level: rawLevel === 'entries' ? rawLevel : Number(rawLevel),
    index: Number(rawIndex.replaceAll(/[x/]/g, '')),
    width: rawWidth === undefined ? TILE_WIDTH : Number(rawWidth),
  }
  if (!Number.isSafeInteger(tile.index) || (tile.level !== 'entries' && tile.level > MAX_LEVEL))
    throw new LatchkeyError('LOG_RANGE', 'no log has this tile')
  if (encodeTilePath(tile) !== path) throw new LatchkeyError('LOG_RANGE', 'not the one path of this tile')
  return tile
}

/** How many hashes level `level` holds in a tree of `size` leaves; for entries, how many entries. */
export function levelLength(level: Tile['level'], size: number): number {
  return level === 'entries' ? size : Math.floor(size / TILE_WIDTH ** level)
}

/** Width of tile `index` of `level` in a tree of `size`: 0 (no such tile) … 256. */
export function tileWidth(level: Tile['level'], index: number, size: number): number {
  return Math.max(0, Math.min(TILE_WIDTH, levelLength(level, size) - index * TILE_WIDTH))
}

/**
 * The tiles that exist for a tree of `to` leaves and differ from those of `from`: what an append writes, lowest level
 * first, entries before hashes. Partial tiles of the sizes between are not written: no checkpoint names them.
 * @see C2SP tlog-tiles, "Partial Tiles"
 */
export function tilesWritten(from: number, to: number): Tile[] {
  return (['entries', ...LEVELS] as const).flatMap((level) => {
    const [before, after] = [levelLength(level, from), levelLength(level, to)]
    const tiles: Tile[] = []
    if (after === before) return tiles
    for (let index = Math.floor(before / TILE_WIDTH); index * TILE_WIDTH < after; index++)
      tiles.push({ level, index, width: tileWidth(level, index, to) })
    return tiles
  })
}

/** Hashes of a tile's bytes, in order. Untrusted: `bytes`. @throws LOG_PROOF_INVALID when the length is not the tile's */
export function parseHashTile(tile: Tile, bytes: Uint8Array): TreeHash[] {
  if (bytes.length !== tile.width * HASH_BYTES)
    throw new LatchkeyError('LOG_PROOF_INVALID', `tile has ${bytes.length} bytes, expected ${tile.width} hashes`)
  return Array.from({ length: tile.width }, (_, i) => bytes.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES))
}

/** Hashes → a tile's bytes. */
export function encodeHashTile(hashes: readonly TreeHash[]): Uint8Array {
  return concatBytes(...hashes)
}

/**
 * Entries → an entry bundle: each behind its length as big-endian uint16.
 * @throws MESSAGE_TOO_LARGE for an entry above 65,535 bytes
 * @see C2SP tlog-tiles, "Log entries"
 */
export function encodeEntries(entries: readonly Uint8Array[]): Uint8Array {
  return concatBytes(
    ...entries.flatMap((entry) => {
      if (entry.length > MAX_ENTRY_BYTES)
        throw new LatchkeyError('MESSAGE_TOO_LARGE', `log entry has ${entry.length} bytes, at most ${MAX_ENTRY_BYTES}`)
      return [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry]
    }),
  )
}

/** An entry bundle → its entries. Untrusted: `bytes`. @throws LOG_PROOF_INVALID unless it holds exactly `tile.width` */
export function parseEntries(tile: Tile, bytes: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = []
  let at = 0
  while (at < bytes.length) {
    const end = at + 2 + ((bytes[at] ?? 0) << 8) + (bytes[at + 1] ?? 0)
    if (at + 2 > bytes.length || end > bytes.length)
      throw new LatchkeyError('LOG_PROOF_INVALID', 'entry bundle ends inside an entry')
    entries.push(bytes.slice(at + 2, end))
    at = end
  }
  if (entries.length !== tile.width)
    throw new LatchkeyError('LOG_PROOF_INVALID', `bundle has ${entries.length} entries, expected ${tile.width}`)
  return entries
}

/** Root of a full tile: the hash that stands for it one level above. */
export function rootOfTile(hashes: readonly TreeHash[]): TreeHash {
  if (hashes.length !== TILE_WIDTH) throw new LatchkeyError('INTERNAL', 'a partial tile has no place one level above')
  return rootOfLeaves(hashes)
}
