import { LatchkeyError } from '@latchkey/shared'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrateDatabase } from '../../relay/src/store/migrate.ts'
import { createTestDatabase, type TestDatabase } from '../support/relay-database.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

let world: TestDatabase
beforeAll(async () => {
  world = await createTestDatabase()
})
afterAll(() => world[Symbol.asyncDispose]())

describe('the SQL seam', () => {
  it('gives numbers for int8 and bytes for bytea, and our codes for refusals', async () => {
    const { database } = world
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

  it('lets the relay neither read files nor run programs through SQL', async () => {
    const { database } = world
    await expect(database.query("COPY (SELECT 1) TO PROGRAM 'true'")).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    await expect(database.query("SELECT pg_read_file('/etc/passwd')")).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  })

  it('migrates once when relays start together, and refuses a changed or newer history', async () => {
    const { database } = world
    await using folder = await createTemporaryFolder()
    await database.exec('DROP SCHEMA public CASCADE; CREATE SCHEMA public')
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
