import type { Database, LeafLog, PublishedLeaf, Transaction } from '../flow.ts'
import type { Log } from './log.ts'

/** Tables whose rows stand in the log: each has `leaf` (the ticket) and `log_index` (null until published). */
export type LoggedTable =
  | 'keysets'
  | 'devices'
  | 'approvals'
  | 'day_records'
  | 'policy_entries'
  | 'agency_changes'
  | 'apps'
  | 'requests'
  | 'refusals'
  | 'outcomes'
  | 'register_entries'
  | 'consents'
  | 'revocations'
  | 'downloads'
  | 'receipts'
  | 'shared_on'

/** Carries log indexes back into the rows they belong to. */
export interface LeafSettler {
  /** Waits for the leaf and records its index in the row of that ticket. @returns the index */
  settle(table: LoggedTable, ticket: number): Promise<number>
  /** As {@link settle}, without anyone waiting. */
  settleLater(table: LoggedTable, ticket: number): void
  /** Settles every row whose leaf was queued and not recorded, after a start and whenever something failed. Idempotent. */
  recover(): Promise<void>
}

const TABLES: readonly LoggedTable[] = [
  'keysets',
  'devices',
  'approvals',
  'day_records',
  'policy_entries',
  'agency_changes',
  'apps',
  'requests',
  'refusals',
  'outcomes',
  'register_entries',
  'consents',
  'revocations',
  'downloads',
  'receipts',
  'shared_on',
]

/** What follows from a leaf's index, by table: in the transaction that records it, so once and never without it. */
export type FollowLeaves = Partial<
  Record<LoggedTable, (tx: Transaction, at: { readonly leaf: number } & PublishedLeaf) => Promise<void>>
>

/** A crash between publication and record loses nothing: `recover` asks for the same tickets again. */
export function createLeafSettler(parts: {
  database: Database
  leaves: LeafLog
  log: Log
  follow: FollowLeaves
}): LeafSettler {
  const { database, leaves, log, follow } = parts
  const running = new Map<string, Promise<number>>()
  const record = async (table: LoggedTable, ticket: number): Promise<number> => {
    const { index, hour } = await leaves.published(ticket)
    await database.transaction(async (tx) => {
      // Table names are the closed list above.
      const sql = `UPDATE ${table} SET log_index = $1 WHERE leaf = $2 AND log_index IS NULL RETURNING leaf`
      const recorded = await tx.query(sql, [index, ticket])
      if (recorded.length > 0) await follow[table]?.(tx, { leaf: ticket, index, hour })
    })
    return index
  }
  const settle = (table: LoggedTable, ticket: number): Promise<number> => {
    const key = `${table} ${ticket}`
    const known = running.get(key)
    if (known) return known
    const settled = record(table, ticket).finally(() => running.delete(key))
    running.set(key, settled)
    return settled
  }
  const settleLater = (table: LoggedTable, ticket: number): void => {
    settle(table, ticket).catch((error: unknown) => log.warn({ err: error, table }, 'leaf.not-settled'))
  }
  return {
    settle,
    settleLater,
    recover: async () => {
      for (const table of TABLES) {
        const rows = await database.query<{ leaf: number }>(
          `SELECT leaf FROM ${table} WHERE leaf IS NOT NULL AND log_index IS NULL`,
        )
        for (const { leaf } of rows) settleLater(table, leaf)
      }
    },
  }
}
