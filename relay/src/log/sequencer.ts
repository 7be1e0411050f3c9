import {
  codeOf,
  equalBytes,
  leafHourOf,
  LatchkeyError,
  rootFromTiles,
  signCheckpoint,
  type NoteSigner,
  type TreeHead,
} from '@latchkey/shared'
import type { Database, LeafContent, LeafLog, PublishedLeaf, Transaction } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import { noFailpoints, type Failpoints } from '../kernel/failpoint.ts'
import type { Log } from '../kernel/log.ts'
import { sequencePublic, sequenceSealed } from './batch.ts'
import type { LogStore, LogWriter } from './log-store.ts'
import type { Witnesses } from './witnesses.ts'

/**
 * Invariants, after any crash:
 * 1. leaves have the indexes 0…n−1, and a leaf never changes;
 * 2. per size at most one checkpoint exists, and its root is that of the leaves below it;
 * 3. a published checkpoint is never followed by a smaller one;
 * 4. a queued leaf is in the log exactly once, and its ticket answers only when a published checkpoint covers it.
 * Recovery is the next run: it signs and publishes whatever tree stands.
 */

/** The windows between the durable steps, in order; the first two lie inside one transaction. */
export const SEQUENCER_FAILPOINTS = [
  'log.1-appended',
  'log.2-tree-extended',
  'log.3-committed',
  'log.4-checkpoint-recorded',
  'log.5-published',
] as const

/** Largest batch of one kind; what is over comes with the next run, at once. */
const MAX_BATCH = 256
/** How often the queue is looked at for what other relays left in it. */
const MAX_TICK_MS = 1_000
/** Our timer and the database's clock are not quite alike. */
const EARLY = 0.9

/** What the sequencer works with. */
export interface SequencerParts {
  readonly database: Database
  readonly store: LogStore
  /** The log's note key; its name is the log's origin. */
  readonly signer: NoteSigner
  /** How long sealed leaves are collected. */
  readonly batchMs: number
  readonly clock: Clock
  readonly log: Log
  /** Those who cosign before anything is published; none unless told. */
  readonly witnesses?: Pick<Witnesses, 'cosign'>
  /** Tells devices of a published checkpoint; may fail, the next one makes up for it. */
  readonly announce?: (raw: Uint8Array) => Promise<void>
  readonly failpoints?: Failpoints
}

/** The running log. */
export interface Sequencer extends LeafLog, AsyncDisposable {
  /** Queues a leaf in a transaction of its own and waits until it is published. @throws MESSAGE_INVALID and the database's */
  append(leaf: LeafContent): Promise<PublishedLeaf>
}

/** What one run appended. */
interface Appended {
  /** Of the tree now. */
  readonly size: number
  /** More waits than one run takes. */
  readonly more: boolean
  /** All sealed leaves that waited; false too when another relay had their turn. */
  readonly sealedTaken: boolean
}

interface Waiter {
  resolve(place: PublishedLeaf): void
  reject(error: Error): void
}

class LogSequencer implements Sequencer {
  readonly #parts: SequencerParts
  readonly #failpoints: Failpoints
  readonly #waiters = new Map<number, Waiter[]>()
  #sealedDueMs: number
  #lookDueMs: number
  /** Something that this relay queued may still wait. */
  #queued = false
  #timer: Disposable | null = null
  #running: Promise<void> | null = null
  #again = false
  #stopped = false

  constructor(parts: SequencerParts) {
    this.#parts = parts
    this.#failpoints = parts.failpoints ?? noFailpoints
    const nowMs = parts.clock.monotonicMs()
    this.#sealedDueMs = nowMs + parts.batchMs
    this.#lookDueMs = nowMs + MAX_TICK_MS
  }

  async start(): Promise<void> {
    const { batchMs, clock } = this.#parts
    await this.#assertUndamaged()
    await this.#run().catch((error: unknown) => {
      // Witnesses that are away hold up what is new, not what stands: the next tick asks them again.
      if (codeOf(error) !== 'UNAVAILABLE') throw error
      this.#parts.log.warn({ err: error }, 'log.run-failed')
    })
    this.#timer = clock.every(Math.min(batchMs, MAX_TICK_MS), () => {
      if (this.#queued || clock.monotonicMs() >= this.#lookDueMs) this.#wake()
    })
  }

  enqueue(tx: Transaction, leaf: LeafContent): Promise<number> {
    tx.onCommit(() => (this.#queued = true))
    return this.#parts.store.enqueue(tx, leaf)
  }

  async published(ticket: number): Promise<PublishedLeaf> {
    if (this.#stopped) throw stopping()
    // Looked up by the next run together with all the others: a query of its own cost as much as storing the leaf.
    const waiting = new Promise<PublishedLeaf>((resolve, reject) => {
      this.#waiters.set(ticket, [...(this.#waiters.get(ticket) ?? []), { resolve, reject }])
    })
    this.#wake()
    return waiting
  }

  async append(leaf: LeafContent): Promise<PublishedLeaf> {
    return this.published(await this.#parts.database.transaction((tx) => this.enqueue(tx, leaf)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#timer?.[Symbol.dispose]()
    await this.#running
    for (const waiter of [...this.#waiters.values()].flat()) waiter.reject(stopping())
    this.#waiters.clear()
  }

  /** A log that lost or changed leaves must not sign again: its next checkpoint would contradict an earlier one. */
  async #assertUndamaged(): Promise<void> {
    const { store } = this.#parts
    const head = await store.published()
    if (head && !equalBytes(head.root, await rootFromTiles(head.size, store.readTile))) {
      throw new LatchkeyError('INTERNAL', `the stored tree does not have the root published for ${head.size} leaves`)
    }
  }

  #wake(): void {
    this.#again = true
    this.#running ??= this.#loop()
  }

  async #loop(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      try {
        await this.#run()
      } catch (error) {
        // The next tick tries again; those who wait go on waiting.
        this.#queued = true
        this.#parts.log.error({ err: error }, 'log.run-failed')
      }
    }
    this.#running = null
  }

  async #run(): Promise<void> {
    const { clock, batchMs, store } = this.#parts
    const nowMs = clock.monotonicMs()
    const sealedDue = nowMs >= this.#sealedDueMs
    this.#lookDueMs = nowMs + MAX_TICK_MS
    if (sealedDue) this.#queued = false
    // Before anything that can fail: what is published already needs no witness.
    await this.#answer()
    // Mostly there is nothing: that must not cost a transaction and the writer's lock each time.
    if (this.#waiters.size === 0 && !(await store.hasWork(sealedDue))) {
      if (sealedDue) this.#sealedDueMs = clock.monotonicMs() + batchMs
      return
    }
    const { size, more, sealedTaken } = await store.write((writer) => this.#append(writer, sealedDue))
    // Durable 3/5: leaves, tickets and tree are committed together.
    await this.#failpoints.hit('log.3-committed')
    if (more) this.#again = true
    else if (sealedTaken) this.#sealedDueMs = clock.monotonicMs() + batchMs
    else if (sealedDue) this.#queued = true
    const before = await store.published()
    if (before === null || before.size < size) {
      await this.#publish({ size, root: await rootFromTiles(size, store.readTile) })
    }
    await this.#answer()
  }

  async #append(writer: LogWriter, sealedDue: boolean): Promise<Appended> {
    const size = await writer.size()
    const publicLeaves = await writer.pending('public', MAX_BATCH)
    const isTurn = sealedDue && (await writer.isSealedTurn(this.#parts.batchMs * EARLY))
    const sealed = isTurn ? await writer.pending('sealed', MAX_BATCH) : []
    const sealedTaken = isTurn && sealed.length < MAX_BATCH
    if (sealedTaken) await writer.endSealedTurn()
    const more = publicLeaves.length === MAX_BATCH || sealed.length === MAX_BATCH
    // Hours never go back, even when the clock does: readers take them as an order.
    const hour = Math.max(leafHourOf(this.#parts.clock.nowMs()), await writer.lastHour())
    const leaves = [...sequencePublic(publicLeaves, hour), ...sequenceSealed(sealed, hour)]
    if (leaves.length === 0) return { size, more, sealedTaken }
    // Durable 1/5: the leaves take their places.
    await writer.appendLeaves(size, hour, leaves)
    await this.#failpoints.hit('log.1-appended')
    // Durable 2/5: the tree covers them.
    await writer.extendTree(
      size,
      leaves.map((leaf) => leaf.leafHash),
    )
    await this.#failpoints.hit('log.2-tree-extended')
    return { size: size + leaves.length, more, sealedTaken }
  }

  async #publish(head: TreeHead): Promise<void> {
    const { store, signer, clock, announce, log, witnesses } = this.#parts
    const signed = await signCheckpoint({ ...head, origin: signer.key.name }, signer)
    // Durable 4/5: recorded before anyone sees it; whoever recorded this size first decides the bytes.
    const recorded = await store.recordCheckpoint({ ...head, raw: signed })
    await this.#failpoints.hit('log.4-checkpoint-recorded')
    const cosigned = (await witnesses?.cosign({ ...head, raw: recorded })) ?? recorded
    // Durable 5/5: published; only now may anything that depends on these leaves happen.
    const raw = await store.publishCheckpoint(head.size, clock.nowMs(), cosigned)
    await this.#failpoints.hit('log.5-published')
    announce?.(raw).catch((error: unknown) => log.warn({ err: error }, 'log.announcement-failed'))
  }

  async #answer(): Promise<void> {
    if (this.#waiters.size === 0) return
    for (const { ticket, index, hour } of await this.#parts.store.places([...this.#waiters.keys()])) {
      for (const waiter of this.#waiters.get(ticket) ?? []) waiter.resolve({ index, hour })
      this.#waiters.delete(ticket)
    }
  }
}

function stopping(): LatchkeyError {
  return new LatchkeyError('UNAVAILABLE', 'the relay is stopping')
}

/**
 * Starts the log: recovers what a crash left, publishes a checkpoint when there is none, then appends what is queued:
 * public leaves at once, sealed ones in filled batches.
 * @throws INTERNAL (the stored checkpoint contradicts the leaves: nothing is published) and the database's codes
 * @see spec/log.md
 */
export async function createSequencer(parts: SequencerParts): Promise<Sequencer> {
  const sequencer = new LogSequencer(parts)
  await sequencer.start()
  return sequencer
}
