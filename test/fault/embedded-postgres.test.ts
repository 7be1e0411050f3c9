import { LatchkeyError } from '@latchkey/shared'
import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../relay/src/kernel/clock.ts'
import { createLog } from '../../relay/src/kernel/log.ts'
import { createEmbeddedPostgres, type EmbeddedPostgres } from '../../relay/src/store/embedded-postgres.ts'
import { migrateDatabase } from '../../relay/src/store/migrate.ts'
import { createPgDatabase } from '../../relay/src/store/pg-database.ts'
import { runKilledChild } from '../support/killed-child.ts'
import { eventually } from '../support/poll.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

const log = createLog({ level: 'silent' })

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
beforeEach(async () => {
  folder = await createTemporaryFolder()
})
afterEach(() => folder[Symbol.asyncDispose]())

const start = (dataDir = join(folder.path, 'postgres')): Promise<EmbeddedPostgres> =>
  createEmbeddedPostgres({ dataDir, copyFolder: join(folder.path, 'lib'), clock: systemClock, log })

/** Processes whose working folder is the data folder: PostgreSQL's, and no one else's. */
async function serversOf(dataDir: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const cwds = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => null)))
  return pids.filter((_, n) => cwds[n] === dataDir)
}

describe('the embedded PostgreSQL', () => {
  it('survives SIGKILL of its parent with every committed row, and leaves no orphan', async () => {
    const dataDir = join(folder.path, 'postgres')
    const script = join(import.meta.dirname, 'children', 'hold-postgres.ts')
    const committed = [
      ...(await runKilledChild(script, [folder.path], 5)),
      ...(await runKilledChild(script, [folder.path], 20)),
    ]
    await eventually(async () => (await serversOf(dataDir)).length === 0, 'the orphan to end')
    await using server = await start()
    await using database = createPgDatabase(server.target, { log })
    const rows = await database.query<{ n: number }>('SELECT n FROM deeds')
    const kept = new Set(rows.map((row) => String(row.n)))
    expect(committed.filter((n) => !kept.has(n))).toEqual([])
    expect(committed.length).toBeGreaterThanOrEqual(25)
  })

  it('ends with all its processes when it is stopped, and listens on no port', async () => {
    const server = await start()
    const dataDir = join(folder.path, 'postgres')
    const postmaster = (await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n')
    expect(postmaster[5]).toBe('')
    expect((await serversOf(dataDir)).length).toBeGreaterThan(0)
    await server.stop()
    expect(await serversOf(dataDir)).toEqual([])
  })

  it('works below a folder name that is too long for a socket', async () => {
    const dataDir = join(folder.path, 'd'.repeat(120), 'postgres')
    const server = await start(dataDir)
    await using database = createPgDatabase(server.target, { log })
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
    await server.stop()
    await expect(readdir(server.target.socketDir)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('refuses a folder that holds something else, or another version', async () => {
    const dataDir = join(folder.path, 'postgres')
    await mkdir(dataDir)
    await writeFile(join(dataDir, 'holiday.jpg'), '')
    await expect(start()).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await writeFile(join(dataDir, 'PG_VERSION'), '12\n')
    await expect(start()).rejects.toThrow(/PostgreSQL 12/)
  })
})

describe('the SQL seam', () => {
  it('gives numbers for int8 and bytes for bytea, and our codes for refusals', async () => {
    await using server = await start()
    await using database = createPgDatabase(server.target, { log })
    const [row] = await database.query("SELECT 9007199254740991::int8 AS n, '\\x00ff'::bytea AS b")
    expect(row).toEqual({ n: Number.MAX_SAFE_INTEGER, b: Uint8Array.of(0, 255) })
    await expect(database.query('SELECT 9007199254740992::int8')).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    await database.exec('CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)')
    await expect(database.query('INSERT INTO t VALUES ($1)', [1])).rejects.toMatchObject({ code: 'CONFLICT' })
    const half = database.transaction(async (tx) => {
      await tx.query('INSERT INTO t VALUES (2)')
      throw new LatchkeyError('CONSENT_INVALID', 'no')
    })
    await expect(half).rejects.toMatchObject({ code: 'CONSENT_INVALID' })
    expect(await database.query('SELECT a FROM t')).toEqual([{ a: 1 }])
  })

  it('says UNAVAILABLE while the server is away and works again when it is back', async () => {
    const first = await start()
    await using database = createPgDatabase(first.target, { log })
    await database.query('SELECT 1')
    await first.stop()
    await expect(database.query('SELECT 1')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await using _ = await start()
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  it('lets the relay neither read files nor run programs through SQL', async () => {
    await using server = await start()
    await using database = createPgDatabase(server.target, { log })
    await expect(database.query("COPY (SELECT 1) TO PROGRAM 'true'")).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    await expect(database.query("SELECT pg_read_file('/etc/passwd')")).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  })

  it('migrates once when relays start together, and refuses a changed or newer history', async () => {
    await using server = await start()
    await using database = createPgDatabase(server.target, { log })
    const folderOf = join(folder.path, 'migrations')
    await mkdir(folderOf)
    await writeFile(join(folderOf, '0001-a.sql'), 'CREATE TABLE a (n int)')
    await writeFile(join(folderOf, '0002-b.sql'), 'CREATE TABLE b (n int)')
    const applied = await Promise.all([1, 2, 3].map(() => migrateDatabase(database, folderOf)))
    expect(applied.flat()).toEqual(['0001-a.sql', '0002-b.sql'])
    await writeFile(join(folderOf, '0002-b.sql'), 'CREATE TABLE c (n int)')
    await expect(migrateDatabase(database, folderOf)).rejects.toThrow(/0002-b\.sql was changed/)
    const older = join(folder.path, 'older')
    await mkdir(older)
    await expect(migrateDatabase(database, older)).rejects.toThrow(/newer than this program/)
  })
})
