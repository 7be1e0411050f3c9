/**
 * The relay's log at sizes where tiles fill, spill and stack: what its store holds and its reader serves, against RFC 6962
 * as it is written (`rfc6962.ts`) and against what Go's tree code made of the same leaves (`tlog-sizes.json`).
 */
import {
  consistencyProofFromTiles,
  createNoteSigner,
  createSigner,
  encodeTilePath,
  encodeVkey,
  inclusionProofFromTiles,
  logTrustOf,
  openCheckpoint,
  openTlogProof,
  parseEntries,
  parseTilePath,
  tileWidth,
  toHex,
  utf8,
} from '@latchkey/shared'
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LogReader } from '../../relay/src/flow.ts'
import { systemClock } from '../../relay/src/kernel/clock.ts'
import { createLog } from '../../relay/src/kernel/log.ts'
import { createLogReader } from '../../relay/src/log/log-reader.ts'
import type { LogStore } from '../../relay/src/log/log-store.ts'
import { createPgLogStore } from '../../relay/src/log/pg-log-store.ts'
import { createSequencer } from '../../relay/src/log/sequencer.ts'
import { createSeededRandom, runs, tellSoak } from '../support/counts.ts'
import { createTestDatabase, type TestDatabase } from '../support/relay-database.ts'
import { leafHash, mth, path, proof } from '../support/rfc6962.ts'
import vectors from '../vectors/tlog-sizes.json' with { type: 'json' }

const LARGEST = runs(65_536, 1_000_000)
const SIZES = vectors.trees.map(({ size }) => size).filter((size) => size <= LARGEST)
/** Not a divisor of any tile: batches begin and end inside tiles. */
const BATCH = 1_000
const HOUR = 500_000

const signer = createNoteSigner('relay.test/log', createSigner(new Uint8Array(32).fill(7)))
const trust = logTrustOf({ logs: [encodeVkey(signer.key)], witnesses: [], quorum: 0 })
const leafOf = (index: number): Uint8Array => utf8(`leaf ${index}`)
const hexOf = (hashes: readonly Uint8Array[]): string[] => hashes.map(toHex)
const random = createSeededRandom(65_536)

let world: TestDatabase
let store: LogStore
let reader: LogReader
const hashes: Buffer[] = []
beforeAll(async () => {
  world = await createTestDatabase()
  store = createPgLogStore(world.database)
  reader = createLogReader(store)
})
afterAll(() => world[Symbol.asyncDispose]())

/** As the sequencer does it, except that these leaves come from no queue. */
async function growTo(size: number): Promise<void> {
  while (hashes.length < size) {
    const first = hashes.length
    const leaves = Array.from({ length: Math.min(BATCH, size - first) }, (_, i) => {
      const bytes = leafOf(first + i)
      return { ticket: null, bytes, leafHash: leafHash(bytes) }
    })
    await store.write(async (writer) => {
      await writer.appendLeaves(first, HOUR, leaves)
      const added = leaves.map((leaf) => leaf.leafHash)
      await writer.extendTree(first, added)
      hashes.push(...added)
    })
  }
}

/** Starts the log on what stands there, which publishes it. @returns milliseconds */
async function publish(): Promise<number> {
  const started = performance.now()
  const parts = { database: world.database, store, signer, batchMs: 600_000, clock: systemClock }
  const sequencer = await createSequencer({ ...parts, log: createLog({ level: 'silent' }) })
  const startMs = performance.now() - started
  await sequencer[Symbol.asyncDispose]()
  return startMs
}

/** Hashes of a level's tile, each the root of the 256^level leaves below it, from the leaves up. */
function tileFromLeaves(level: number, index: number, width: number): Buffer {
  const span = 256 ** level
  const first = index * 256 * span
  const nodes = Array.from({ length: width }, (_, i) => mth(hashes.slice(first + i * span, first + (i + 1) * span)))
  return Buffer.concat(nodes)
}

async function checkTile(level: number, index: number, size: number): Promise<void> {
  const width = tileWidth(level, index, size)
  if (width === 0) return
  const bytes = await reader.readTile({ level, index, width })
  expect(Buffer.from(bytes).equals(tileFromLeaves(level, index, width)), `tile ${level}/${index} of ${size}`).toBe(true)
}

async function checkEntries(index: number, size: number): Promise<void> {
  const tile = { level: 'entries', index, width: tileWidth('entries', index, size) } as const
  const entries = parseEntries(tile, await reader.readTile(tile))
  expect(hexOf(entries)).toEqual(hexOf(entries.map((_, i) => leafOf(index * 256 + i))))
}

describe.each(SIZES)('a log of %i leaves', (size) => {
  const tree = vectors.trees.find((each) => each.size === size)!
  /** The definition hashes the whole log for each proof: of one log every leaf, of the others two. */
  const drawn = size === 257 ? [...Array(size).keys()] : [random(size), random(size)]

  it('is published with the root that the definition and Go give', async () => {
    await growTo(size)
    const startMs = await publish()
    const checkpoint = openCheckpoint(await reader.checkpoint(), trust)
    expect([checkpoint.size, toHex(checkpoint.root)]).toEqual([size, tree.root])
    expect(toHex(mth(hashes))).toBe(tree.root)
    if (size === 1_000_000)
      tellSoak({
        what: 'leaves of one log',
        count: size,
        outcome: `root, tiles and proofs as by RFC 6962 and by Go; started in ${Math.ceil(startMs)} ms`,
      })
  })

  it('proves its leaves as the definition and Go do', async () => {
    const prove = async (index: number) => hexOf(await inclusionProofFromTiles(index, size, store.readTile))
    for (const { index, hashes: go } of tree.inclusion) {
      expect(await prove(index)).toEqual(go)
      expect(openTlogProof(await reader.prove(index), leafOf(index), trust).index).toBe(index)
    }
    for (const index of drawn) expect(await prove(index), `leaf ${index}`).toEqual(hexOf(path(index, hashes)))
  })

  it('proves that it extends what it was, as the definition and Go do', async () => {
    const prove = async (from: number) => hexOf(await consistencyProofFromTiles(from, size, store.readTile))
    for (const { from, hashes: go } of tree.consistency) expect(await prove(from)).toEqual(go)
    for (const index of drawn)
      expect(await prove(index + 1), `from ${index + 1}`).toEqual(hexOf(proof(index + 1, hashes)))
  })

  it('serves the tiles and entries that the definition and Go give, and none beyond', async () => {
    for (const { path: tilePath, sha256 } of tree.tiles) {
      const bytes = await reader.readTile(parseTilePath(tilePath))
      expect(createHash('sha256').update(bytes).digest('hex'), tilePath).toBe(sha256)
    }
    const last = Math.floor((size - 1) / 256)
    for (const level of [0, 1, 2]) {
      for (const index of new Set([0, random(last + 1), Math.floor(last / 256 ** level)]))
        await checkTile(level, index, size)
    }
    for (const index of new Set([0, random(last + 1), last])) await checkEntries(index, size)
    const width = tileWidth(0, last, size)
    const beyond = width === 256 ? { level: 0, index: last + 1, width: 1 } : { level: 0, index: last, width: width + 1 }
    await expect(reader.readTile(beyond), encodeTilePath(beyond)).rejects.toMatchObject({ code: 'LOG_RANGE' })
    await expect(reader.prove(size)).rejects.toMatchObject({ code: 'LOG_RANGE' })
  })
})
