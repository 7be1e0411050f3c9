/** The transparency log as the relay runs it: its sequencer on its own PostgreSQL, which syncs at every commit. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createNoteSigner, createSigner, encodeLeaf, encodeVkey, logTrustOf, openCheckpoint } from '@latchkey/shared'
import type { Database, LeafContent } from '../../relay/src/flow.ts'
import { systemClock } from '../../relay/src/kernel/clock.ts'
import { createLog } from '../../relay/src/kernel/log.ts'
import type { LogStore } from '../../relay/src/log/log-store.ts'
import { createPgLogStore } from '../../relay/src/log/pg-log-store.ts'
import { createSequencer, type Sequencer } from '../../relay/src/log/sequencer.ts'
import { createEmbeddedPostgres } from '../../relay/src/store/embedded-postgres.ts'
import { migrateDatabase } from '../../relay/src/store/migrate.ts'
import { createPgDatabase } from '../../relay/src/store/pg-database.ts'
import { fastest, type Measurement, measurementOf, quantile } from './measure.ts'

const HASTE = { submitters: 512, leaves: 20_000, rounds: 3 }
const CALM = { perSecond: 200, seconds: 10 }
/** What the relay commits at once where it can; the floor does no worse. */
const FLOOR_BATCH = 256
const BATCH_MS = 1_000
const HOUR = 500_000

const signer = createNoteSigner('bench.test/log', createSigner(new Uint8Array(32).fill(7)))
const trust = logTrustOf({ logs: [encodeVkey(signer.key)], witnesses: [], quorum: 0 })

const digestOf = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** What an agency that asks puts into the log. */
function requestLeaf(number: number): LeafContent {
  const windowStartMs = 1_900_000_000_000 + number * 1000
  return {
    type: 'request',
    data: {
      agency: 'https://police.bench.test',
      requestDigest: digestOf(`request ${number}`),
      policy: digestOf('policy'),
      incidentType: 'burglary',
      cells: ['c22yz', 'c23nb'],
      areaM2: 90_000,
      windowStartMs,
      windowEndMs: windowStartMs + 3_600_000,
      caseHash: digestOf(`case ${number}`),
    },
  }
}

const leavesFrom = (first: number, count: number): LeafContent[] =>
  Array.from({ length: count }, (_, i) => requestLeaf(first + i))

/** So many at a time until none is left. */
async function inParallel<T>(items: readonly T[], workers: number, work: (item: T) => Promise<unknown>): Promise<void> {
  const left = items.values()
  await Promise.all(
    Array.from({ length: workers }, async () => {
      for (const item of left) await work(item)
    }),
  )
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

/** The bytes of the same leaves into a table without anything else, {@link FLOOR_BATCH} to a commit. */
async function insertPlainly(database: Database, leaves: readonly LeafContent[]): Promise<void> {
  for (let first = 0; first < leaves.length; first += FLOOR_BATCH) {
    const bytes = leaves.slice(first, first + FLOOR_BATCH).map((leaf) => encodeLeaf({ v: 1, hour: HOUR, ...leaf }))
    await database.query('INSERT INTO bench_leaves (bytes) SELECT unnest($1::bytea[])', [bytes])
  }
}

/** Each leaf in a commit of its own, as a request or a consent is stored with whatever else belongs to it. */
async function commitEach(database: Database, leaves: readonly LeafContent[]): Promise<void> {
  await inParallel(leaves, HASTE.submitters, (leaf) =>
    database.transaction((tx) =>
      tx.query('INSERT INTO bench_leaves (bytes) VALUES ($1)', [encodeLeaf({ v: 1, hour: HOUR, ...leaf })]),
    ),
  )
}

/** Milliseconds from a submission to the published checkpoint that covers it, at a steady pace. */
async function delaysAtPace(sequencer: Sequencer, first: number): Promise<number[]> {
  const delays: number[] = []
  const started = performance.now()
  const submitted: Promise<void>[] = []
  for (let number = 0; number < CALM.perSecond * CALM.seconds; number++) {
    const dueMs = started + (number * 1000) / CALM.perSecond
    if (dueMs > performance.now()) await delay(dueMs - performance.now())
    // Counted from when it was due: a bench that falls behind must not look quick.
    submitted.push(
      sequencer.append(requestLeaf(first + number)).then(() => void delays.push(performance.now() - dueMs)),
    )
  }
  await Promise.all(submitted)
  return delays
}

interface Ground extends AsyncDisposable {
  readonly database: Database
  readonly store: LogStore
  /** The running log; another one when it is started again. */
  start(): Promise<Sequencer>
  /** Leaves under the published checkpoint, after its signature was verified. */
  publishedSize(): Promise<number>
}

async function createGround(folder: string): Promise<Ground> {
  await using stack = new AsyncDisposableStack()
  const [log, clock] = [createLog({ level: 'silent' }), systemClock]
  const places = { dataDir: join(folder, 'postgres'), copyFolder: join(folder, 'postgres-programs') }
  const server = stack.use(await createEmbeddedPostgres({ ...places, clock, log }))
  const database = stack.use(createPgDatabase(server.target, { log }))
  await migrateDatabase(database)
  await database.exec(
    'CREATE TABLE bench_leaves (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, bytes bytea NOT NULL)',
  )
  const [setting] = await database.query<{ fsync: string }>('SHOW fsync')
  if (setting?.fsync !== 'on') throw new Error('the database does not sync what it commits')
  const store = createPgLogStore(database)
  const whole = stack.move()
  return {
    database,
    store,
    start: () => createSequencer({ database, store, signer, batchMs: BATCH_MS, clock, log }),
    publishedSize: async () => openCheckpoint((await store.published())!.raw, trust).size,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  }
}

/** Seconds from the start of a log until all that waited in its queue is under a published checkpoint. */
async function drainQueue({ database, store, start }: Ground, leaves: readonly LeafContent[]): Promise<number> {
  const last = await database.transaction(async (tx) => {
    let ticket = 0
    for (const leaf of leaves) ticket = await store.enqueue(tx, leaf)
    return ticket
  })
  return await timed(async () => {
    await using sequencer = await start()
    await sequencer.published(last)
  })
}

async function measureHaste(ground: Ground) {
  const { database } = ground
  let next = 0
  const take = (): LeafContent[] => leavesFrom((next += HASTE.leaves) - HASTE.leaves, HASTE.leaves)
  const delays: number[] = []
  const seconds = await fastest(
    {
      queued: () => drainQueue(ground, take()),
      // A leaf counts when the checkpoint that covers it is published, and each submitter waits for that.
      each: async () => {
        const leaves = take()
        await using sequencer = await ground.start()
        const append = async (leaf: LeafContent) => delays.push((await timed(() => sequencer.append(leaf))) * 1000)
        return await timed(() => inParallel(leaves, HASTE.submitters, append))
      },
      commits: () => timed(() => commitEach(database, leavesFrom(next, HASTE.leaves))),
      plain: () => timed(() => insertPlainly(database, leavesFrom(next, HASTE.leaves))),
    },
    HASTE.rounds,
  )
  const rateOf = (name: keyof typeof seconds) => HASTE.leaves / seconds[name]
  return { rateOf, delays, submitted: next }
}

/** Leaves a second from a full queue and from as many submitters as a relay could ever have, and how long one takes. */
export async function benchLog(folder: string): Promise<Measurement[]> {
  await using ground = await createGround(folder)
  const sequencer = await ground.start()
  const calm = await delaysAtPace(sequencer, 10_000_000)
  await sequencer[Symbol.asyncDispose]()
  const { rateOf, delays, submitted } = await measureHaste(ground)
  const [size, expected] = [await ground.publishedSize(), calm.length + submitted]
  if (size !== expected) throw new Error(`the log has ${size} leaves, submitted were ${expected}`)
  const [unit, under] = ['/s', { under: 1000 }]
  const plain = { name: `plain inserts, ${FLOOR_BATCH} to a commit`, value: rateOf('plain') }
  const commits = { name: 'a plain insert and commit each', value: rateOf('commits') }
  const told = 'submission → checkpoint'
  return [
    measurementOf(
      { name: 'log: waiting leaves under a checkpoint', unit, ours: rateOf('queued'), peer: plain },
      { atLeast: 2000 },
    ),
    measurementOf({
      name: `log: ${HASTE.submitters} submitters, a commit for each leaf`,
      unit,
      ours: rateOf('each'),
      peer: commits,
    }),
    measurementOf({ name: `the same, ${told}, p50`, unit: 'ms', ours: quantile(delays, 0.5) }),
    measurementOf({ name: 'the same, p99', unit: 'ms', ours: quantile(delays, 0.99) }, under),
    measurementOf({
      name: `log: ${CALM.perSecond} leaves a second, ${told}, p50`,
      unit: 'ms',
      ours: quantile(calm, 0.5),
    }),
    measurementOf({ name: 'the same, p99', unit: 'ms', ours: quantile(calm, 0.99) }, under),
  ]
}
