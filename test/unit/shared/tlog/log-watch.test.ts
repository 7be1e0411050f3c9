/** Following a log from its own tiles, and finding in it what a household gave. */
import {
  canonicalBytes,
  checkOwnLeaf,
  createNoteSigner,
  createSigner,
  digestOf,
  encodeEntries,
  encodeLeaf,
  encodeTilePath,
  findKeysetLabel,
  extendTiles,
  followLog,
  hashLeaf,
  LatchkeyError,
  type Leaf,
  LEAF_BATCH_MS,
  type LogTrust,
  openCheckpoint,
  type OwnLeaf,
  randomBytes,
  type ReadTile,
  rootOfLeaves,
  sealedLeafData,
  signCheckpoint,
  type Tile,
  TILE_WIDTH,
  utf8,
  type VerifiedCheckpoint,
} from '@latchkey/shared'
import { beforeEach, describe, expect, test } from 'vitest'

const ORIGIN = 'relay.example/log'
const signer = createNoteSigner(ORIGIN, createSigner(randomBytes(32)))
const trust: LogTrust = { logs: [signer.key] }
const filling = (): Leaf => ({ v: 1, type: 'sealed', data: digestOf(randomBytes(8)), hour: 500_000 })

/** A log that serves whatever leaves it is given, tile by tile as C2SP says. */
async function serve(entries: readonly Uint8Array[]) {
  const tiles = new Map<string, Uint8Array>()
  const readTile: ReadTile = async (tile: Tile) => {
    read.push(encodeTilePath(tile))
    const bytes = tiles.get(encodeTilePath(tile))
    if (bytes === undefined) throw new LatchkeyError('NOT_FOUND', 'no such tile')
    return bytes
  }
  const hashes = entries.map(hashLeaf)
  for (let from = 0; from < hashes.length;) {
    // Grown as a log grows, so that the partial tiles of sizes in between exist too.
    const to = Math.min(hashes.length, from + 40)
    for (const { tile, bytes } of await extendTiles(from, hashes.slice(from, to), readTile))
      tiles.set(encodeTilePath(tile), bytes)
    from = to
  }
  for (let from = 0; from < entries.length; from += TILE_WIDTH) {
    const bundle = entries.slice(from, from + TILE_WIDTH)
    tiles.set(
      encodeTilePath({ level: 'entries', index: from / TILE_WIDTH, width: bundle.length }),
      encodeEntries(bundle),
    )
  }
  const raw = (size = hashes.length) =>
    signCheckpoint({ origin: ORIGIN, size, root: rootOfLeaves(hashes.slice(0, size)) }, signer)
  return { readTile, raw, tiles }
}

let read: string[]
beforeEach(() => void (read = []))
const leaves = (count: number) => Array.from({ length: count }, () => encodeLeaf(filling()))
const held = async (log: Awaited<ReturnType<typeof serve>>, size?: number): Promise<VerifiedCheckpoint> =>
  openCheckpoint(await log.raw(size), trust)

describe('a log that is followed', () => {
  test.each([
    [1, 2],
    [40, 41],
    [256, 300],
    [300, 700],
  ])('is taken from %i leaves to %i by its own tiles', async (from, to) => {
    const log = await serve(leaves(to))
    const step = await followLog(await held(log, from), await log.raw(), { trust, readTile: log.readTile })
    expect(step).toMatchObject({ kind: 'accepted', checkpoint: { size: to } })
  })

  test('is believed for the first time on its signature, without a tile', async () => {
    const log = await serve(leaves(3))
    read = []
    expect(await followLog(null, await log.raw(), log_(log))).toMatchObject({ kind: 'accepted' })
    expect(read).toEqual([])
  })

  const log_ = ({ readTile }: { readTile: ReadTile }) => ({ trust, readTile })

  test('that rewrote what was held leaves both checkpoints as evidence', async () => {
    const [before, after] = [await serve(leaves(30)), await serve(leaves(60))]
    const kept = await held(before)
    const raw = await after.raw()
    const step = await followLog(kept, raw, log_(after))
    expect(step).toMatchObject({ kind: 'finding', reason: 'unproven', held: kept.raw, refused: raw })
  })

  test('that serves broken tiles has not proved itself', async () => {
    const log = await serve(leaves(60))
    const readTile: ReadTile = async (tile) => (await log.readTile(tile)).subarray(1)
    const step = await followLog(await held(log, 30), await log.raw(), { trust, readTile })
    expect(step).toMatchObject({ kind: 'finding', reason: 'unproven' })
  })

  test('that does not answer is no evidence', async () => {
    const log = await serve(leaves(60))
    const readTile: ReadTile = () => Promise.reject(new LatchkeyError('UNAVAILABLE', 'no answer'))
    const following = followLog(await held(log, 30), await log.raw(), { trust, readTile })
    await expect(following).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('is not asked for tiles by what nobody trusted signed, whatever size it claims', async () => {
    const log = await serve(leaves(4))
    const stranger = createNoteSigner(ORIGIN, createSigner(randomBytes(32)))
    const raw = await signCheckpoint({ origin: ORIGIN, size: 2 ** 50, root: randomBytes(32) }, stranger)
    const kept = await held(log)
    read = []
    expect(await followLog(kept, raw, log_(log))).toMatchObject({ kind: 'finding', reason: 'unsigned' })
    expect(await followLog(kept, await log.raw(2), log_(log))).toMatchObject({ kind: 'finding', reason: 'smaller' })
    const fork = await serve(leaves(4))
    read = []
    expect(await followLog(kept, await fork.raw(), log_(log))).toMatchObject({ kind: 'finding', reason: 'forked' })
    expect(read).toEqual([])
  })
})

describe('what a household gave', () => {
  const salt = randomBytes(32)
  const object = utf8('header.payload.signature')
  const mine = encodeLeaf({ v: 1, type: 'sealed', data: sealedLeafData(salt, 'consent', object), hour: 500_001 })
  const own = (index: number | null): OwnLeaf => ({ salt, kind: 'consent', object, takenMs: 1_000_000, index })
  const check = async (log: Awaited<ReturnType<typeof serve>>, leaf: OwnLeaf, nowMs = 1_000_001) =>
    checkOwnLeaf(leaf, await held(log), { readTile: log.readTile, nowMs })

  test.each([0, 5, 255, 256, 299])('is found at %i', async (at) => {
    const log = await serve(leaves(300).with(at, mine))
    expect(await check(log, own(at))).toEqual({ state: 'included', index: at, hour: 500_001 })
  })

  test('is waited for as long as the log may collect, then overdue', async () => {
    const log = await serve(leaves(4))
    const lastMs = 1_000_000 + LEAF_BATCH_MS + 60_000
    for (const index of [null, 4]) {
      expect(await check(log, own(index), lastMs)).toEqual({ state: 'waiting' })
      expect(await check(log, own(index), lastMs + 1)).toEqual({ state: 'overdue' })
    }
    const given = { readTile: log.readTile, nowMs: 1_061_001 }
    expect(await checkOwnLeaf(own(null), null, given)).toEqual({ state: 'waiting' })
    expect(await checkOwnLeaf(own(null), null, { ...given, batchMs: 1_000 })).toEqual({ state: 'overdue' })
  })

  test('is missed when something else stands in its place', async () => {
    const log = await serve(leaves(8).with(3, mine))
    for (const changed of [
      { index: 2 },
      { kind: 'revoke' as const },
      { salt: randomBytes(32) },
      { object: utf8('other') },
    ])
      expect(await check(log, { ...own(3), ...changed })).toMatchObject({
        state: 'contradicted',
        message: expect.stringContaining('is another one') as string,
      })
  })

  test('is missed when an entry is shown that the signed root does not cover', async () => {
    const honest = await serve(leaves(8))
    const shown = await serve(leaves(8).with(3, mine))
    const readTile: ReadTile = (tile) => (tile.level === 'entries' ? shown : honest).readTile(tile)
    const state = await checkOwnLeaf(own(3), await held(honest), { readTile, nowMs: 1_000_001 })
    expect(state).toMatchObject({
      state: 'contradicted',
      message: expect.stringContaining('does not lead to the signed root') as string,
    })
    const other = await checkOwnLeaf(own(3), await held(honest), { readTile: shown.readTile, nowMs: 1_000_001 })
    expect(other).toMatchObject({
      state: 'contradicted',
      message: expect.stringContaining('does not lead to the signed root') as string,
    })
  })

  test('is missed when the entry is no leaf, or the bundle no bundle', async () => {
    const log = await serve(leaves(8).with(3, canonicalBytes({ v: 2 })))
    expect(await check(log, own(3))).toMatchObject({
      state: 'contradicted',
      message: expect.stringContaining('cannot be read') as string,
    })
    const whole = await serve(leaves(8).with(3, mine))
    const readTile: ReadTile = async (tile) => (await whole.readTile(tile)).subarray(0, -1)
    const state = await checkOwnLeaf(own(3), await held(whole), { readTile, nowMs: 1_000_001 })
    expect(state).toMatchObject({ state: 'contradicted', message: expect.stringContaining('cannot be read') as string })
  })

  test('is not judged when the log does not answer', async () => {
    const log = await serve(leaves(8).with(3, mine))
    const readTile: ReadTile = () => Promise.reject(new LatchkeyError('UNAVAILABLE', 'no answer'))
    const asking = checkOwnLeaf(own(3), await held(log), { readTile, nowMs: 1_000_001 })
    await expect(asking).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})

describe('a keyset that a relay does not tell of', () => {
  const label = digestOf(randomBytes(8))
  const hidden: Leaf = { v: 1, type: 'keyset', data: { label, digest: digestOf(randomBytes(8)) }, hour: 500_000 }
  const withHidden = (count: number, at: number) => leaves(count).with(at, encodeLeaf(hidden))

  test.each([
    [1, 0],
    [256, 255],
    [300, 256],
    [700, 511],
  ])('is found by its label in a log of %i leaves, at %i', async (count, at) => {
    const log = await serve(withHidden(count, at))
    const searched = { held: await held(log), readTile: log.readTile }
    expect(await findKeysetLabel(label, 0, searched)).toBe(at)
    expect(await findKeysetLabel(label, at, searched)).toBe(at)
    expect(await findKeysetLabel(label, at + 1, searched)).toBeNull()
    expect(await findKeysetLabel(digestOf(randomBytes(8)), 0, searched)).toBeNull()
  })

  test('cannot be kept from who looks by tiles that leave it out', async () => {
    const [honest, lying] = [await serve(withHidden(300, 270)), await serve(leaves(300))]
    const checkpoint = await held(honest)
    const bundles: ReadTile = (tile) => (tile.level === 'entries' ? lying : honest).readTile(tile)
    const rows: ReadTile = (tile) => (tile.level === 0 || tile.level === 'entries' ? lying : honest).readTile(tile)
    for (const readTile of [bundles, rows, lying.readTile])
      await expect(findKeysetLabel(label, 256, { held: checkpoint, readTile })).rejects.toMatchObject({
        code: 'LOG_PROOF_INVALID',
      })
  })
})
