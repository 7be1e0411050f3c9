import {
  canonicalJson,
  digestOfJson,
  isDay,
  LatchkeyError,
  registerEntry,
  type RegisterAccepted,
  type RegisterEntry,
  type RegisterSubmission,
} from '@latchkey/shared'
import type { Database, LeafLog, Queryable, Transaction } from '../flow.ts'
import type { LeafSettler } from '../kernel/leaf-settler.ts'

export interface RegisterParts {
  readonly database: Database
  readonly leaves: LeafLog
  readonly settler: LeafSettler
}

interface Row {
  readonly entry: RegisterEntry
  readonly leaf: number
}

async function newestVersion(tx: Queryable, { book, id }: RegisterSubmission): Promise<Row | null> {
  const [row] = await tx.query<{ entry: RegisterEntry; leaf: number }>(
    'SELECT entry, leaf FROM register_entries WHERE book = $1 AND id = $2 ORDER BY version DESC LIMIT 1',
    [book, id],
  )
  return row ?? null
}

/** Only what stands in the log can be removed from beside it; what one version removed stays removed. */
async function assertRemovable(tx: Queryable, next: RegisterEntry, before: RegisterEntry | undefined): Promise<void> {
  const [was, is] = [before, next].map((entry) => (entry?.book === 'legal' ? entry.removes : undefined))
  if (was !== undefined && was !== is) throw new LatchkeyError('CONFLICT', 'a removal cannot be taken back')
  if (is === undefined) return
  const known = await tx.query('SELECT 1 FROM requests WHERE digest = $1 AND log_index IS NOT NULL', [is])
  if (known.length === 0) throw new LatchkeyError('MESSAGE_INVALID', 'removes names no accepted request')
}

/** The next entry of a book, and its leaf. @returns the ticket */
export async function insertVersion(
  parts: Pick<RegisterParts, 'leaves'>,
  tx: Transaction,
  entry: RegisterEntry,
): Promise<number> {
  const digest = digestOfJson(entry)
  const removes = entry.book === 'legal' ? entry.removes : undefined
  const leaf =
    entry.book === 'legal'
      ? await parts.leaves.enqueue(tx, { type: 'legal', data: { digest, ...(removes ? { removes } : {}) } })
      : await parts.leaves.enqueue(tx, { type: entry.book, data: { digest } })
  await tx.query(
    `INSERT INTO register_entries (digest, book, id, version, entry, removes, leaf)
     VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7)`,
    [digest, entry.book, entry.id, entry.version, JSON.stringify(entry), removes ?? null, leaf],
  )
  return leaf
}

/**
 * Publishes an entry, or the next version of one; the same again changes nothing. It is in the log when this resolves, and from then on a text
 * that it removes is shown to nobody.
 * @param submission from the operator
 * @throws MESSAGE_INVALID (no such day; removes names no accepted request) | CONFLICT (a removal taken back)
 */
export async function putEntry(parts: RegisterParts, submission: RegisterSubmission): Promise<RegisterAccepted> {
  if (!isDay(submission.date)) throw new LatchkeyError('MESSAGE_INVALID', 'date is no day of the calendar')
  const put = await parts.database.transaction(async (tx) => {
    const { book, id } = submission
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`register/${book}/${id}`])
    const before = await newestVersion(tx, submission)
    if (
      before !== null &&
      canonicalJson({ ...submission, version: before.entry.version }) === canonicalJson(before.entry)
    )
      return before
    const entry = { ...submission, version: (before?.entry.version ?? 0) + 1 }
    await assertRemovable(tx, entry, before?.entry)
    return { entry, leaf: await insertVersion(parts, tx, entry) }
  })
  const index = await parts.settler.settle('register_entries', put.leaf)
  return { digest: digestOfJson(put.entry), index, version: put.entry.version }
}

/** An entry that stands in the log; null for any other digest. */
export async function findEntry(db: Queryable, digest: string): Promise<RegisterEntry | null> {
  const [row] = await db.query<{ entry: unknown }>(
    'SELECT entry FROM register_entries WHERE digest = $1 AND log_index IS NOT NULL',
    [digest],
  )
  return row && registerEntry.check(row.entry) ? row.entry : null
}
