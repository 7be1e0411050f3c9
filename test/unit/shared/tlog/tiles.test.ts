import { describe, expect, test } from 'vitest'
import { toHex } from '../../../../shared/src/bytes/bytes.ts'
import { appendLeaf, EMPTY_FRONTIER } from '../../../../shared/src/tlog/frontier.ts'
import {
  consistencyProof,
  inclusionProof,
  rootOfLeaves,
  verifyConsistency,
  verifyInclusion,
} from '../../../../shared/src/tlog/merkle.ts'
import {
  consistencyProofFromTiles,
  extendTiles,
  frontierFromTiles,
  inclusionProofFromTiles,
  leafHashFromTiles,
  rootFromTiles,
} from '../../../../shared/src/tlog/tile-reader.ts'
import {
  encodeEntries,
  encodeTilePath,
  parseEntries,
  parseTilePath,
  tilesWritten,
} from '../../../../shared/src/tlog/tiles.ts'
import { codeThrown } from '../../../support/damage.ts'
import { createTileShelf, leafHashesOf } from '../../../support/log-leaves.ts'

describe('tile paths', () => {
  test.each([
    [{ level: 0, index: 0, width: 256 }, 'tile/0/000'],
    [{ level: 0, index: 1_234_067, width: 256 }, 'tile/0/x001/x234/067'],
    [{ level: 1, index: 1000, width: 17 }, 'tile/1/x001/000.p/17'],
    [{ level: 'entries', index: 273, width: 112 }, 'tile/entries/273.p/112'],
    [{ level: 6, index: 999, width: 1 }, 'tile/6/999.p/1'],
  ] as const)('%o is %s and back', (tile, path) => {
    expect(encodeTilePath(tile)).toBe(path)
    expect(parseTilePath(path)).toEqual(tile)
  })

  test.each([
    '',
    'tile/0',
    'tile/0/0',
    'tile/0/1000',
    'tile/0/001/067',
    'tile/0/x000/001',
    'tile/0/x001/x234',
    'tile/00/000',
    'tile/7/000',
    'tile/64/000',
    'tile/-1/000',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/0/000.p/1/',
    'tile/0/000/../../etc',
    '/tile/0/000',
    'tile/data/000',
    'tile/0/x999/x999/x999/x999/x999/999',
    `tile/0/${'x001/'.repeat(30)}001`,
  ])('%j is LOG_RANGE', (path) => {
    expect(codeThrown(() => parseTilePath(path))).toBe('LOG_RANGE')
  })
})

describe('tiles of a tree', () => {
  test('are those of the spec example for 70,000 leaves', () => {
    const paths = tilesWritten(0, 70_000).map(encodeTilePath)
    expect(paths.filter((path) => path.startsWith('tile/0/')).length).toBe(274)
    expect(paths).toContain('tile/0/273.p/112')
    expect(paths.filter((path) => path.startsWith('tile/1/'))).toEqual(['tile/1/000', 'tile/1/001.p/17'])
    expect(paths.filter((path) => path.startsWith('tile/2/'))).toEqual(['tile/2/000.p/1'])
    expect(paths).toContain('tile/entries/273.p/112')
  })

  test('are a full level 0 and one hash of level 1 for 256 leaves', () => {
    expect(tilesWritten(0, 256).map(encodeTilePath)).toEqual(['tile/entries/000', 'tile/0/000', 'tile/1/000.p/1'])
  })

  test('are written again only where an append changes them', () => {
    expect(tilesWritten(300, 301).map(encodeTilePath)).toEqual(['tile/entries/001.p/45', 'tile/0/001.p/45'])
    expect(tilesWritten(511, 513).map(encodeTilePath)).toEqual([
      'tile/entries/001',
      'tile/entries/002.p/1',
      'tile/0/001',
      'tile/0/002.p/1',
      'tile/1/000.p/2',
    ])
    expect(tilesWritten(300, 300)).toEqual([])
  })
})

describe('a log kept as tiles', () => {
  test('gives root, frontier and proofs of every size it grew through', async () => {
    const all = leafHashesOf(700)
    const shelf = createTileShelf()
    const sizes = [0, 1, 2, 3, 70, 255, 256, 257, 300, 511, 512, 513, 700]
    for (const [i, size] of sizes.entries()) {
      const from = sizes[i - 1] ?? 0
      const written = await extendTiles(from, all.slice(from, size), shelf.readTile)
      expect(written.map(({ tile }) => encodeTilePath(tile))).toEqual(
        tilesWritten(from, size)
          .filter(({ level }) => level !== 'entries')
          .map(encodeTilePath),
      )
      shelf.put(written)
    }
    for (const size of sizes) {
      const leaves = all.slice(0, size)
      expect(toHex(await rootFromTiles(size, shelf.readTile))).toBe(toHex(rootOfLeaves(leaves)))
      expect(await frontierFromTiles(size, shelf.readTile)).toEqual(leaves.reduce(appendLeaf, EMPTY_FRONTIER))
      for (const index of [0, 1, 128, 255, 256, size - 1].filter((at) => at >= 0 && at < size)) {
        expect(await inclusionProofFromTiles(index, size, shelf.readTile)).toEqual(inclusionProof(leaves, index))
        expect(await leafHashFromTiles(index, size, shelf.readTile)).toEqual(all[index])
      }
      for (const first of sizes.filter((at) => at <= size))
        expect(await consistencyProofFromTiles(first, size, shelf.readTile)).toEqual(consistencyProof(leaves, first))
    }
  })

  test('proves leaves and growth of a tree of 65,536 and beyond', async () => {
    const all = leafHashesOf(65_536 + 300)
    const shelf = createTileShelf()
    shelf.put(await extendTiles(0, all.slice(0, 65_536), shelf.readTile))
    shelf.put(await extendTiles(65_536, all.slice(65_536), shelf.readTile))
    expect(shelf.paths()).toContain('tile/2/000.p/1')
    const old = { size: 65_536, root: await rootFromTiles(65_536, shelf.readTile) }
    const head = { size: all.length, root: await rootFromTiles(all.length, shelf.readTile) }
    expect(toHex(head.root)).toBe(toHex(rootOfLeaves(all)))
    for (const index of [0, 255, 256, 65_535, 65_536, all.length - 1]) {
      const hashes = await inclusionProofFromTiles(index, head.size, shelf.readTile)
      expect(verifyInclusion({ index, leafHash: all[index]!, hashes }, head)).toBe(true)
    }
    const proof = await consistencyProofFromTiles(old.size, head.size, shelf.readTile)
    expect(verifyConsistency(old, head, proof)).toBe(true)
  })

  test('reads full tiles where the partial ones are gone', async () => {
    const all = leafHashesOf(256)
    const shelf = createTileShelf()
    shelf.put(await extendTiles(0, all, shelf.readTile))
    const readTile = (tile: Parameters<typeof shelf.readTile>[0]) => shelf.readTile({ ...tile, width: 256 })
    expect(toHex(await rootFromTiles(200, readTile))).toBe(toHex(rootOfLeaves(all.slice(0, 200))))
  })

  test('answers LOG_PROOF_INVALID for a tile of the wrong length and LOG_RANGE for a leaf outside', async () => {
    const short = () => Promise.resolve(new Uint8Array(31))
    await expect(rootFromTiles(3, short)).rejects.toMatchObject({ code: 'LOG_PROOF_INVALID' })
    await expect(leafHashFromTiles(3, 3, short)).rejects.toMatchObject({ code: 'LOG_RANGE' })
    await expect(inclusionProofFromTiles(3, 3, short)).rejects.toMatchObject({ code: 'LOG_RANGE' })
  })
})

describe('entry bundles', () => {
  const entries = [new Uint8Array(0), Uint8Array.of(1), new Uint8Array(300).fill(7)]
  const tile = { level: 'entries', index: 0, width: 3 } as const

  test('put a two-byte length before each entry', () => {
    const bytes = encodeEntries(entries)
    expect(toHex(bytes.subarray(0, 7))).toBe('0000000101012c')
    expect(parseEntries(tile, bytes)).toEqual(entries)
  })

  test('are refused when cut anywhere, or with another number of entries', () => {
    const bytes = encodeEntries(entries)
    for (let end = 0; end < bytes.length; end++)
      expect(codeThrown(() => parseEntries(tile, bytes.subarray(0, end)))).toBe('LOG_PROOF_INVALID')
    expect(codeThrown(() => parseEntries({ ...tile, width: 4 }, bytes))).toBe('LOG_PROOF_INVALID')
  })

  test('refuse an entry of 65,536 bytes', () => {
    expect(codeThrown(() => encodeEntries([new Uint8Array(65_536)]))).toBe('MESSAGE_TOO_LARGE')
    expect(parseEntries({ ...tile, width: 1 }, encodeEntries([new Uint8Array(65_535)]))[0]?.length).toBe(65_535)
  })
})
