import { digestOf, LatchkeyError } from '@latchkey/shared'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Database, Queryable } from '../flow.ts'

interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
  readonly digest: string
}

/** Any number that no other program of the operator uses for an advisory lock on this database. */
const LOCK = 0x6c61_7463

const TABLE = `CREATE TABLE IF NOT EXISTS schema_migrations (
  version integer PRIMARY KEY,
  name text NOT NULL,
  digest text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)`

async function loadMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name)).sort()
  return Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(folder, name))
      return { version: Number(name.slice(0, 4)), name, sql: bytes.toString('utf8'), digest: digestOf(bytes) }
    }),
  )
}

function assertSameHistory(applied: readonly { version: number; digest: string }[], known: readonly Migration[]): void {
  for (const row of applied) {
    const migration = known.find((candidate) => candidate.version === row.version)
    if (!migration)
      throw new LatchkeyError('STORAGE_FAILED', `database schema ${row.version} is newer than this program`)
    if (migration.digest !== row.digest) {
      throw new LatchkeyError('STORAGE_FAILED', `migration ${migration.name} was changed after it was applied`)
    }
  }
}

async function apply(tx: Queryable, migration: Migration): Promise<void> {
  await tx.exec(migration.sql)
  await tx.query('INSERT INTO schema_migrations (version, name, digest) VALUES ($1, $2, $3)', [
    migration.version,
    migration.name,
    migration.digest,
  ])
}

/**
 * Brings the schema up to date: every missing `NNNN-name.sql` of this folder's `migrations/`, in order, in one transaction
 * under an advisory lock, so that relays that start together do it once.
 * @returns names of the migrations that were applied now
 * @throws STORAGE_FAILED when the database is newer, or when an applied migration was altered
 */
export async function migrateDatabase(
  database: Database,
  folder: string = join(import.meta.dirname, 'migrations'),
): Promise<readonly string[]> {
  const known = await loadMigrations(folder)
  return database.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [LOCK])
    await tx.exec(TABLE)
    const applied = await tx.query<{ version: number; digest: string }>('SELECT version, digest FROM schema_migrations')
    assertSameHistory(applied, known)
    const missing = known.filter((migration) => !applied.some((row) => row.version === migration.version))
    for (const migration of missing) await apply(tx, migration)
    return missing.map((migration) => migration.name)
  })
}
