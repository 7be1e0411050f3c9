import type { Database, LeafLog } from '../flow.ts'
import type { Log } from './log.ts'

/** Tables whose rows stand in the log: each has `leaf` (the ticket) and `log_index` (null until published). */
export type LoggedTable =
  | 'keysets'
  | 'devices'
  | 'approvals'
  | 'day_records'
  | 'policies'
  | 'agency_changes'
  | 'requests'
  | 'refusals'
  | 'consents'
  | 'revocations'
  | 'downloads'
  | 'receipts'

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
  'policies',
  'agency_changes',
  'requests',
  'refusals',
  'consents',
  'revocations',
  'downloads',
  'receipts',
]

/** A crash between publication and record loses nothing: `recover` asks for the same tickets again. */
export function createLeafSettler(parts: { database: Database; leaves: LeafLog; log: Log }): LeafSettler {
  const { database, leaves, log } = parts
  const running = new Map<string, Promise<number>>()
  const record = async (table: LoggedTable, ticket: number): Promise<number> => {
    const { index } = await leaves.published(ticket)
    // Table names are the closed list above.
    await database.query(`UPDATE ${table} SET log_index = $1 WHERE leaf = $2`, [index, ticket])
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
