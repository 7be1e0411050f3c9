import {
  createNoteSigner,
  createSigner,
  encodeBase64url,
  encodeVkey,
  hashLeaf,
  logTrustOf,
  openCheckpoint,
  openTlogProof,
  parseLeaf,
  randomBytes,
  rootOfLeaves,
  toHex,
  type VerifiedCheckpoint,
} from '@latchkey/shared'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../relay/src/kernel/clock.ts'
import { armFailpoint, type FailpointAction, type Failpoints } from '../../relay/src/kernel/failpoint.ts'
import { createLog } from '../../relay/src/kernel/log.ts'
import { createLogReader } from '../../relay/src/log/log-reader.ts'
import { createPgLogStore } from '../../relay/src/log/pg-log-store.ts'
import { createSequencer, SEQUENCER_FAILPOINTS, type Sequencer } from '../../relay/src/log/sequencer.ts'
import { runKilledChild } from '../support/killed-child.ts'
import { eventually } from '../support/poll.ts'
import { createTestDatabase, type TestDatabase } from '../support/relay-database.ts'

const log = createLog({ level: 'silent' })
const signer = createNoteSigner('relay.test/log', createSigner(new Uint8Array(32).fill(7)))
const trust = logTrustOf({ logs: [encodeVkey(signer.key)], witnesses: [], quorum: 0 })

let world: TestDatabase
beforeAll(async () => {
  world = await createTestDatabase()
})
afterAll(() => world[Symbol.asyncDispose]())
beforeEach(() => world.reset())

function start(options: { failpoints?: Failpoints; batchMs?: number; seen?: Uint8Array[] } = {}): Promise<Sequencer> {
  const { failpoints, batchMs = 1, seen } = options
  const store = createPgLogStore(world.database)
  const announce = async (raw: Uint8Array): Promise<void> => void seen?.push(raw)
  const parts = { database: world.database, store, signer, batchMs, clock: systemClock, log, announce }
  return createSequencer(failpoints ? { ...parts, failpoints } : parts)
}

const sealed = () => ({ type: 'sealed' as const, data: encodeBase64url(randomBytes(32)) })
const policy = () => ({ type: 'policy' as const, data: { digest: encodeBase64url(randomBytes(32)) } })

/** Everything the invariants promise, from the outside: signatures, roots of every checkpoint, tickets exactly once. */
async function assertSoundLog(): Promise<VerifiedCheckpoint> {
  const { database } = world
  const rows = await database.query<{ leaf_index: number; bytes: Uint8Array }>('SELECT * FROM log_leaves ORDER BY 1')
  expect(rows.map((row) => row.leaf_index)).toEqual(rows.map((_, index) => index))
  const hashes = rows.map((row) => hashLeaf(row.bytes))
  const checkpoints = await database.query<{ size: number; raw: Uint8Array }>('SELECT * FROM log_checkpoints')
  for (const { size, raw } of checkpoints) {
    const checkpoint = openCheckpoint(raw, trust)
    expect([checkpoint.size, toHex(checkpoint.root)]).toEqual([size, toHex(rootOfLeaves(hashes.slice(0, size)))])
  }
  const reader = createLogReader(createPgLogStore(database))
  for (const [index, { bytes }] of rows.entries()) {
    expect(openTlogProof(await reader.prove(index), bytes, trust).index).toBe(index)
  }
  const queued = await database.query<{ data: string; leaf_index: number }>('SELECT data, leaf_index FROM log_queue')
  for (const { data, leaf_index: index } of queued) {
    expect(parseLeaf(await reader.leaf(index)).data).toEqual(JSON.parse(data))
  }
  return openCheckpoint(await reader.checkpoint(), trust)
}

describe('the log', () => {
  it('publishes a checkpoint of the empty tree at its first start', async () => {
    await (await start())[Symbol.asyncDispose]()
    expect((await assertSoundLog()).size).toBe(0)
  })

  it('answers an append when a published checkpoint covers it, public leaves in order', async () => {
    const seen: Uint8Array[] = []
    await using sequencer = await start({ seen })
    const places = await Promise.all([policy(), policy(), policy()].map((leaf) => sequencer.append(leaf)))
    expect(places.map((place) => place.index).toSorted()).toEqual([0, 1, 2])
    expect((await assertSoundLog()).size).toBe(3)
    await eventually(() => seen.length > 0 && openCheckpoint(seen.at(-1)!, trust).size === 3, 'the announcement')
  })

  it('fills sealed leaves to a power of two, at least eight', async () => {
    await using sequencer = await start({ batchMs: 200 })
    await Promise.all(Array.from({ length: 9 }, () => sequencer.append(sealed())))
    expect((await assertSoundLog()).size).toBe(16)
    await sequencer.append(sealed())
    expect((await assertSoundLog()).size).toBe(24)
  })

  it('holds sealed leaves back until their batch is due, while public ones pass', async () => {
    await using sequencer = await start({ batchMs: 600_000 })
    const held = sequencer.append(sealed())
    held.catch(() => {})
    await sequencer.append(policy())
    expect((await assertSoundLogExceptQueue()).size).toBe(1)
  })

  it('takes a leaf of a transaction that commits and none of one that rolls back', async () => {
    await using sequencer = await start()
    const lost = world.database.transaction(async (tx) => {
      await sequencer.enqueue(tx, policy())
      throw new Error('the deed failed')
    })
    await expect(lost).rejects.toThrow('the deed failed')
    const ticket = await world.database.transaction((tx) => sequencer.enqueue(tx, policy()))
    expect((await sequencer.published(ticket)).index).toBe(0)
    expect((await sequencer.published(ticket)).index).toBe(0)
    expect((await assertSoundLog()).size).toBe(1)
  })

  it('refuses a leaf that is none before anything is queued', async () => {
    await using sequencer = await start()
    await expect(sequencer.append({ type: 'sealed', data: 'x' })).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
  })

  it('serves tiles and bundles of the published tree, and nothing beyond it', async () => {
    await using sequencer = await start()
    await sequencer.append(policy())
    await sequencer.append(policy())
    const reader = createLogReader(createPgLogStore(world.database))
    expect((await reader.readTile({ level: 0, index: 0, width: 2 })).length).toBe(64)
    expect((await reader.readTile({ level: 0, index: 0, width: 1 })).length).toBe(32)
    expect((await reader.readTile({ level: 'entries', index: 0, width: 2 })).length).toBeGreaterThan(64)
    await expect(reader.readTile({ level: 0, index: 0, width: 3 })).rejects.toMatchObject({ code: 'LOG_RANGE' })
    await expect(reader.readTile({ level: 'entries', index: 0, width: 3 })).rejects.toMatchObject({ code: 'LOG_RANGE' })
    await expect(reader.prove(2)).rejects.toMatchObject({ code: 'LOG_RANGE' })
  })

  it('appends once what two relays on one database queue, under one checkpoint per size', async () => {
    await using first = await start()
    await using second = await start()
    const leaves = Array.from({ length: 40 }, (_, n) => (n % 2 ? first : second).append(policy()))
    const indexes = (await Promise.all(leaves)).map((place) => place.index)
    expect(indexes.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => n))
    expect((await assertSoundLog()).size).toBe(40)
  })

  it('grows past a full tile', async () => {
    await using sequencer = await start()
    await Promise.all(Array.from({ length: 300 }, () => sequencer.append(policy())))
    expect((await assertSoundLog()).size).toBe(300)
  })

  it('refuses to sign again when a leaf hash of the stored tree was changed', async () => {
    {
      await using sequencer = await start()
      await sequencer.append(policy())
    }
    await world.database.query('UPDATE log_tiles SET bytes = $1', [randomBytes(32)])
    await expect(start()).rejects.toMatchObject({ code: 'INTERNAL' })
  })
})

/** As {@link assertSoundLog}, when some tickets still wait. */
async function assertSoundLogExceptQueue(): Promise<VerifiedCheckpoint> {
  await world.database.query('DELETE FROM log_queue WHERE leaf_index IS NULL')
  return assertSoundLog()
}

describe('a log that stops in the middle of an append', () => {
  // A halt inside the transaction would keep its lock: there a failure, which rolls back, is what a crash looks like.
  const actionAt = (name: string): FailpointAction => (/[12]-/.test(name) ? 'throw' : 'halt')

  it.each(SEQUENCER_FAILPOINTS)('ends in a state a clean run could have reached: %s', async (name) => {
    const kept = policy()
    {
      await using first = await start()
      await first.append(policy())
    }
    const failpoints = armFailpoint(name, actionAt(name))
    const broken = await start({ failpoints })
    const ticket = await world.database.transaction((tx) => broken.enqueue(tx, kept))
    broken.published(ticket).catch(() => {})
    await eventually(() => failpoints.reached, `failpoint ${name}`)
    // Not awaited: one that hangs never ends. It must only stop working behind the next one's back.
    void broken[Symbol.asyncDispose]()
    await using again = await start()
    expect((await again.published(ticket)).index).toBe(1)
    expect((await assertSoundLog()).size).toBe(2)
  })

  it.each(SEQUENCER_FAILPOINTS)('loses nothing to SIGKILL of the whole relay: %s', async (name) => {
    const acknowledged = await runChild(name)
    await using again = await start()
    await eventually(async () => (await pendingTickets()) === 0, 'the queue to empty')
    // Published after everything that the dead relay had queued, so that the checkpoint covers it.
    await again.append(policy())
    expect((await assertSoundLog()).size).toBeGreaterThan(acknowledged.length)
  })

  it('keeps every acknowledged leaf over random SIGKILLs', async () => {
    const acknowledged: number[] = []
    for (const afterLines of [1, 3, 6]) acknowledged.push(...(await runChild('', afterLines)))
    await (await start())[Symbol.asyncDispose]()
    const { size } = await assertSoundLogExceptQueue()
    expect(new Set(acknowledged).size).toBe(acknowledged.length)
    expect(Math.max(...acknowledged)).toBeLessThan(size)
  })
})

async function pendingTickets(): Promise<number> {
  return (await world.database.query('SELECT 1 FROM log_queue WHERE leaf_index IS NULL')).length
}

/** Runs the child until it dies at its failpoint, or until it acknowledged `killAfter` leaves. @returns their indexes */
async function runChild(failpoint: string, killAfter?: number): Promise<number[]> {
  const script = join(import.meta.dirname, 'children', 'append-leaves.ts')
  return (await runKilledChild(script, [JSON.stringify(world.target), failpoint], killAfter)).map(Number)
}
