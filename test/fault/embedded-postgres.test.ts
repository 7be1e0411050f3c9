import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../relay/src/kernel/clock.ts'
import { createLog } from '../../relay/src/kernel/log.ts'
import { createEmbeddedPostgres, type EmbeddedPostgres } from '../../relay/src/store/embedded-postgres.ts'
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

  it('says UNAVAILABLE while the server is away and works again when it is back', async () => {
    const first = await start()
    await using database = createPgDatabase(first.target, { log })
    await database.query('SELECT 1')
    await first.stop()
    await expect(database.query('SELECT 1')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    const second = await start()
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
    await second.stop()
  })
})
