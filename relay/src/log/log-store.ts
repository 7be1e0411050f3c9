import type { ReadTile, TreeHash, TreeHead } from '@latchkey/shared'
import type { LeafContent, PublishedLeaf, Queryable } from '../flow.ts'

/** A leaf that waits for its place. */
export interface QueuedLeaf {
  readonly ticket: number
  readonly content: LeafContent
}

/** A leaf with its final bytes, in log order. */
export interface SequencedLeaf {
  /** `null`: filling. */
  readonly ticket: number | null
  readonly bytes: Uint8Array
  readonly leafHash: TreeHash
}

/** A signed checkpoint as it is kept. */
export interface StoredCheckpoint extends TreeHead {
  /** The signed note. */
  readonly raw: Uint8Array
}

/** The log's one writer, for the time of one transaction; nobody else appends meanwhile. */
export interface LogWriter {
  /** Leaves in the tree. */
  size(): Promise<number>
  /** Hour of the newest leaf, 0 in an empty log. */
  lastHour(): Promise<number>
  /** Is it the sealed leaves' turn, which all relays at this log share? One per `everyMs`, by the database's clock. */
  isSealedTurn(everyMs: number): Promise<boolean>
  /** All that waited was taken: the next turn counts from now. */
  endSealedTurn(): Promise<void>
  /** Oldest first, at most `limit`. */
  pending(which: 'public' | 'sealed', limit: number): Promise<readonly QueuedLeaf[]>
  /** Gives the leaves the next indexes and their tickets those places. */
  appendLeaves(firstIndex: number, hour: number, leaves: readonly SequencedLeaf[]): Promise<void>
  /** Brings the hash tiles up to the leaves just appended. */
  extendTree(sizeBefore: number, leafHashes: readonly TreeHash[]): Promise<void>
}

/** Where the log is kept. */
export interface LogStore {
  /** Queues a leaf within the caller's transaction. @returns its ticket */
  enqueue(tx: Queryable, content: LeafContent): Promise<number>
  /** Whether leaves wait for their place, sealed ones among them if asked, or for a checkpoint. Takes no lock. */
  hasWork(sealed: boolean): Promise<boolean>
  /** Runs `work` as the only writer; all it wrote is committed when this resolves, nothing when it rejects. */
  write<T>(work: (writer: LogWriter) => Promise<T>): Promise<T>
  /**
   * Keeps the one checkpoint of its size. Idempotent.
   * @returns the bytes that stand, of the first caller
   * @throws INTERNAL when another root stands for this size: then nothing may be published
   */
  recordCheckpoint(checkpoint: StoredCheckpoint): Promise<Uint8Array>
  /**
   * From now on readers get it. Idempotent.
   * @param raw the recorded bytes, with what witnesses added
   * @returns the bytes that readers get: the first caller's
   */
  publishCheckpoint(size: number, nowMs: number, raw: Uint8Array): Promise<Uint8Array>
  /** The newest published checkpoint. */
  published(): Promise<StoredCheckpoint | null>
  /** Places of those tickets that are under the published checkpoint. */
  places(tickets: readonly number[]): Promise<readonly (PublishedLeaf & { readonly ticket: number })[]>
  /** A hash tile of the stored tree, or the beginning of the wider one. @throws LOG_RANGE */
  readonly readTile: ReadTile
  /** `count` leaves from `first`. @throws LOG_RANGE when one is missing */
  leaves(first: number, count: number): Promise<readonly Uint8Array[]>
}
