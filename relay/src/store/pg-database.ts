import { LatchkeyError } from '@latchkey/shared'
import pg from 'pg'
import type { Database, Queryable, SqlValue, Transaction } from '../flow.ts'
import type { Log } from '../kernel/log.ts'

const INT8 = 20
const BYTEA = 17

/** A longer statement is a mistake of ours; it must not hold a connection for ever. */
const STATEMENT_TIMEOUT_MS = 60_000
const CONNECT_TIMEOUT_MS = 10_000

function parseInt8(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new LatchkeyError('STORAGE_FAILED', 'an int8 of the database exceeds 2^53')
  return value
}

type ParseText = (text: string) => unknown

const parseDefault = pg.types.getTypeParser as (oid: number, format?: 'text' | 'binary') => ParseText
const parseBytea = parseDefault(BYTEA) as (text: string) => Buffer

function parserOf(oid: number, format: 'text' | 'binary' = 'text'): ParseText {
  if (format === 'text' && oid === INT8) return parseInt8
  if (format === 'text' && oid === BYTEA) return (text) => new Uint8Array(parseBytea(text))
  return parseDefault(oid, format)
}

const parsers = { getTypeParser: parserOf }

/** SQLSTATE → our code; PostgreSQL appendix A. Messages of the server may hold row content and stay in `cause`. */
function codeOfSqlState(state: string): 'CONFLICT' | 'STORAGE_FULL' | 'UNAVAILABLE' | 'STORAGE_FAILED' {
  if (state === '23505') return 'CONFLICT'
  if (state === '53100') return 'STORAGE_FULL'
  if (/^(08|40|53|57P|55P03|57014)/.test(state)) return 'UNAVAILABLE'
  return 'STORAGE_FAILED'
}

/** Anything `pg` throws → our error. A missing SQLSTATE means that the connection was lost or never made. */
export function databaseError(cause: unknown): LatchkeyError {
  if (cause instanceof LatchkeyError) return cause
  const state = cause instanceof pg.DatabaseError ? (cause.code ?? '') : null
  if (state === null) return new LatchkeyError('UNAVAILABLE', 'the database cannot be reached', { cause })
  return new LatchkeyError(codeOfSqlState(state), `the database refused a statement: SQLSTATE ${state}`, { cause })
}

function createQueryable(target: pg.Pool | pg.PoolClient): Queryable {
  const run = async (sql: string, params?: readonly SqlValue[]): Promise<pg.QueryResult> => {
    try {
      return await (params ? target.query(sql, [...params]) : target.query(sql))
    } catch (cause) {
      throw databaseError(cause)
    }
  }
  return {
    query: async <Row extends object>(sql: string, params: readonly SqlValue[] = []) =>
      (await run(sql, params)).rows as Row[],
    exec: async (sql) => {
      await run(sql)
    },
  }
}

async function inTransaction<T>(client: pg.PoolClient, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const committed: (() => void)[] = []
  const tx = { ...createQueryable(client), onCommit: (act: () => void) => void committed.push(act) }
  await tx.exec('BEGIN')
  try {
    const result = await work(tx)
    await tx.exec('COMMIT')
    for (const act of committed) act()
    return result
  } catch (error) {
    await tx.exec('ROLLBACK')
    throw error
  }
}

/** Where the database is: a URL, or the embedded server's socket folder and role. */
export type PgTarget =
  | { readonly url: string; readonly password?: string }
  | { readonly socketDir: string; readonly user: string; readonly database: string }

/** `pg` takes what a URL does not say for nothing, also where it stands beside the URL: so the password goes into it. */
function withPassword(url: string, password: string | undefined): string {
  const whole = new URL(url)
  if (password && whole.password === '') whole.searchParams.set('password', password)
  return whole.href
}

/** How `pg` is told of it. A password in the URL comes before the one of a file. */
export function poolConfig(target: PgTarget): pg.ClientConfig {
  if ('url' in target) return { connectionString: withPassword(target.url, target.password) }
  return { host: target.socketDir, user: target.user, database: target.database, ssl: false }
}

/**
 * Opens the connection pool behind the SQL seam. Connections are made on demand: a database that is away shows at the
 * first query.
 * @param options.maxConnections default 10
 */
export function createPgDatabase(
  target: PgTarget,
  options: { log: Log; maxConnections?: number },
): Database & AsyncDisposable {
  const pool = new pg.Pool({
    ...poolConfig(target),
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    types: parsers,
  })
  // Without a listener a connection that breaks while no statement runs on it would end the process: an idle one, and one
  // between two statements of a transaction, whose next statement then fails.
  const onLost = (error: Error): void => {
    if (!pool.ending) options.log.warn({ code: (error as { code?: string }).code }, 'database.connection-lost')
  }
  pool.on('error', onLost)
  return {
    ...createQueryable(pool),
    transaction: async (work) => {
      const client = await pool.connect().catch((cause: unknown) => Promise.reject(databaseError(cause)))
      client.on('error', onLost)
      let broken = true
      try {
        const result = await inTransaction(client, work)
        broken = false
        return result
      } catch (error) {
        broken = error instanceof LatchkeyError && error.code === 'UNAVAILABLE'
        throw error
      } finally {
        client.off('error', onLost)
        client.release(broken)
      }
    },
    [Symbol.asyncDispose]: () => pool.end(),
  }
}
