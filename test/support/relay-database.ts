import { join } from 'node:path'
import { systemClock } from '../../relay/src/kernel/clock.ts'
import { createLog } from '../../relay/src/kernel/log.ts'
import type { Database } from '../../relay/src/flow.ts'
import { createEmbeddedPostgres, type EmbeddedPostgres } from '../../relay/src/store/embedded-postgres.ts'
import { migrateDatabase } from '../../relay/src/store/migrate.ts'
import { createPgDatabase } from '../../relay/src/store/pg-database.ts'
import { placeDatabase } from './database-template.ts'
import { createTemporaryFolder } from './temporary-folder.ts'

/** A real, empty, migrated database of its own; {@link reset} between tests is faster than another server. */
export interface TestDatabase extends AsyncDisposable {
  readonly database: Database
  readonly target: EmbeddedPostgres['target']
  reset(): Promise<void>
}

/** Starts the embedded PostgreSQL in a temporary folder. About half a second. */
export async function createTestDatabase(): Promise<TestDatabase> {
  await using cleanup = new AsyncDisposableStack()
  const folder = cleanup.use(await createTemporaryFolder())
  const log = createLog({ level: 'silent' })
  const options = {
    dataDir: join(folder.path, 'postgres'),
    copyFolder: join(folder.path, 'lib'),
    clock: systemClock,
    log,
  }
  await placeDatabase(options.dataDir)
  const server = cleanup.use(await createEmbeddedPostgres(options))
  const database = cleanup.use(createPgDatabase(server.target, { log }))
  await migrateDatabase(database)
  const kept = cleanup.move()
  const reset = async (): Promise<void> => {
    await database.exec('DROP SCHEMA public CASCADE; CREATE SCHEMA public')
    await migrateDatabase(database)
  }
  return { database, target: server.target, reset, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** The rows of every table but the callers' proofs, which each request writes: equal for equal contents. */
export async function dumpDatabase(database: Database): Promise<string> {
  const tables = await database.query<{ name: string }>(
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'dpop_proofs' ORDER BY 1",
  )
  const rows = await Promise.all(
    tables.map(async ({ name }) => [name, await database.query(`SELECT t::text FROM ${name} t ORDER BY 1`)]),
  )
  return JSON.stringify(rows)
}
