import {
  canonicalJson,
  encodeLeaf,
  equalBytes,
  extendTiles,
  HASH_BYTES,
  LatchkeyError,
  type ReadTile,
  type Tile,
  type TileBytes,
} from '@latchkey/shared'
import type { Database, LeafContent, Queryable } from '../flow.ts'
import type { LogStore, LogWriter, QueuedLeaf, SequencedLeaf, StoredCheckpoint } from './log-store.ts'

/** Advisory lock of the log's one writer, whichever relay it is. */
const WRITER_LOCK = 0x6c61_746c

const INSERT_LEAVES = `INSERT INTO log_leaves (leaf_index, bytes, leaf_hash, hour)
SELECT $1 + n - 1, leaf_bytes, leaf_hash, $4
FROM unnest($2::bytea[], $3::bytea[]) WITH ORDINALITY AS added (leaf_bytes, leaf_hash, n)`

const PLACE_TICKETS = `UPDATE log_queue q SET leaf_index = $1 + n - 1, hour = $3
FROM unnest($2::bigint[]) WITH ORDINALITY AS placed (ticket, n) WHERE q.ticket = placed.ticket AND q.leaf_index IS NULL`

const UPSERT_TILE = `INSERT INTO log_tiles (level, tile_index, bytes) VALUES ($1, $2, $3)
ON CONFLICT (level, tile_index) DO UPDATE SET bytes = excluded.bytes
WHERE octet_length(log_tiles.bytes) < octet_length(excluded.bytes)`

const PLACES = `SELECT ticket, leaf_index AS index, hour FROM log_queue
WHERE ticket = ANY($1::bigint[])
AND leaf_index < (SELECT coalesce(max(size), 0) FROM log_checkpoints WHERE published_ms IS NOT NULL)`

const LATEST_PUBLISHED = `SELECT size, root, raw FROM log_checkpoints WHERE published_ms IS NOT NULL
ORDER BY size DESC LIMIT 1`

/** Also when that clock was set back. */
const IS_SEALED_TURN = `SELECT taken_at <= clock_timestamp() - $1 * interval '1 millisecond' OR taken_at > clock_timestamp() AS due
FROM log_sealed_batch`

const HAS_WORK = `SELECT EXISTS (SELECT FROM log_queue WHERE leaf_index IS NULL AND (type <> 'sealed' OR $1))
OR (SELECT max(size) FROM log_checkpoints WHERE published_ms IS NOT NULL)
IS DISTINCT FROM (SELECT coalesce(max(leaf_index) + 1, 0) FROM log_leaves) AS due`

const missing = (): LatchkeyError => new LatchkeyError('LOG_RANGE', 'the log has no such part')

function createTileReader(database: Queryable): ReadTile {
  return async ({ level, index, width }: Tile) => {
    const [row] = await database.query<{ bytes: Uint8Array }>(
      'SELECT bytes FROM log_tiles WHERE level = $1 AND tile_index = $2',
      [level, index],
    )
    if (!row || row.bytes.length < width * HASH_BYTES) throw missing()
    return row.bytes.subarray(0, width * HASH_BYTES)
  }
}

function createWriter(tx: Queryable): LogWriter {
  const readTile = createTileReader(tx)
  const size = async (): Promise<number> => {
    const [row] = await tx.query<{ size: number }>('SELECT coalesce(max(leaf_index) + 1, 0) AS size FROM log_leaves')
    return row?.size ?? 0
  }
  return {
    size,
    lastHour: async () => {
      const [row] = await tx.query<{ hour: number }>('SELECT hour FROM log_leaves ORDER BY leaf_index DESC LIMIT 1')
      return row?.hour ?? 0
    },
    isSealedTurn: async (everyMs) => (await tx.query<{ due: boolean }>(IS_SEALED_TURN, [everyMs]))[0]!.due,
    endSealedTurn: () => tx.exec('UPDATE log_sealed_batch SET taken_at = clock_timestamp()'),
    pending: (which, limit) => pending(tx, which, limit),
    appendLeaves: (firstIndex, hour, leaves) => appendLeaves(tx, { firstIndex, hour, leaves }),
    extendTree: async (sizeBefore, leafHashes) => {
      const tiles = await extendTiles(sizeBefore, leafHashes, readTile)
      for (const tile of tiles) await storeTile(tx, tile)
    },
  }
}

async function pending(tx: Queryable, which: 'public' | 'sealed', limit: number): Promise<readonly QueuedLeaf[]> {
  const rows = await tx.query<{ ticket: number; type: string; data: string }>(
    `SELECT ticket, type, data FROM log_queue WHERE leaf_index IS NULL AND (type = 'sealed') = $1 ORDER BY ticket LIMIT $2`,
    [which === 'sealed', limit],
  )
  return rows.map(({ ticket, type, data }) => ({
    ticket,
    content: { type, data: JSON.parse(data) as unknown } as LeafContent,
  }))
}

async function appendLeaves(
  tx: Queryable,
  { firstIndex, hour, leaves }: { firstIndex: number; hour: number; leaves: readonly SequencedLeaf[] },
): Promise<void> {
  const bytes = leaves.map((leaf) => leaf.bytes)
  const hashes = leaves.map((leaf) => leaf.leafHash)
  await tx.query(INSERT_LEAVES, [firstIndex, bytes, hashes, hour])
  await tx.query(PLACE_TICKETS, [firstIndex, leaves.map((leaf) => leaf.ticket), hour])
}

async function storeTile(tx: Queryable, { tile, bytes }: TileBytes): Promise<void> {
  await tx.query(UPSERT_TILE, [tile.level as number, tile.index, bytes])
}

async function enqueue(tx: Queryable, content: LeafContent): Promise<number> {
  // Judged now, in the caller's transaction: a leaf that cannot be encoded must not block the queue later.
  encodeLeaf({ v: 1, hour: 0, ...content })
  const [row] = await tx.query<{ ticket: number }>(
    'INSERT INTO log_queue (type, data) VALUES ($1, $2) RETURNING ticket',
    [content.type, canonicalJson(content.data)],
  )
  return row!.ticket
}

async function recordCheckpoint(database: Database, { size, root, raw }: StoredCheckpoint): Promise<Uint8Array> {
  await database.query(
    'INSERT INTO log_checkpoints (size, root, raw) VALUES ($1, $2, $3) ON CONFLICT (size) DO NOTHING',
    [size, root, raw],
  )
  const [stands] = await database.query<StoredCheckpoint>('SELECT root, raw FROM log_checkpoints WHERE size = $1', [
    size,
  ])
  if (!stands || !equalBytes(stands.root, root)) {
    throw new LatchkeyError('INTERNAL', `another checkpoint stands for the tree of ${size} leaves`)
  }
  return stands.raw
}

async function leaves(database: Database, first: number, count: number): Promise<readonly Uint8Array[]> {
  const rows = await database.query<{ bytes: Uint8Array }>(
    'SELECT bytes FROM log_leaves WHERE leaf_index >= $1 AND leaf_index < $1::bigint + $2::bigint ORDER BY leaf_index',
    [first, count],
  )
  if (rows.length !== count) throw missing()
  return rows.map((row) => row.bytes)
}

/** The log in the relay's database: append-only leaves, hash tiles, and one checkpoint per size. */
export function createPgLogStore(database: Database): LogStore {
  return {
    enqueue,
    hasWork: async (sealed) => (await database.query<{ due: boolean }>(HAS_WORK, [sealed]))[0]!.due,
    write: (work) =>
      database.transaction(async (tx) => {
        await tx.query('SELECT pg_advisory_xact_lock($1)', [WRITER_LOCK])
        return work(createWriter(tx))
      }),
    recordCheckpoint: (checkpoint) => recordCheckpoint(database, checkpoint),
    publishCheckpoint: async (size, nowMs, raw) => {
      await database.query(
        'UPDATE log_checkpoints SET published_ms = $2, raw = $3 WHERE size = $1 AND published_ms IS NULL',
        [size, nowMs, raw],
      )
      const [stands] = await database.query<{ raw: Uint8Array }>('SELECT raw FROM log_checkpoints WHERE size = $1', [
        size,
      ])
      return stands!.raw
    },
    published: async () => (await database.query<StoredCheckpoint>(LATEST_PUBLISHED))[0] ?? null,
    places: (tickets) => database.query(PLACES, [tickets]),
    readTile: createTileReader(database),
    leaves: (first, count) => leaves(database, first, count),
  }
}
