/** What the relay says that it holds is what its running database has, in words for everybody. */
import { holdings, digestOfJson, type Holdings } from '@latchkey/shared'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeHoldings } from '../../relay/src/holdings.ts'
import { readCatalog } from '../../relay/src/store/catalog.ts'
import { databaseUrlOf } from '../support/kill-database.ts'
import { createTestDatabase, type TestDatabase } from '../support/relay-database.ts'
import { createRelayWorld, type OwnRelayWorld } from '../support/relay-world.ts'

let store: TestDatabase
let world: OwnRelayWorld
let told: Holdings
const read = () => world.anyone.json('GET', '/v1/holdings', holdings)

beforeAll(async () => {
  store = await createTestDatabase()
  world = await createRelayWorld({ config: { databaseUrl: databaseUrlOf(store.target) } })
  told = await read()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

test('every table is there, with what it is, who can read it and for how long it is kept', async () => {
  const rows = await store.database.query<{ name: string }>(
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
  )
  expect(told.tables.map(({ table }) => table)).toEqual(rows.map(({ name }) => name))
  const silent = told.tables.filter(({ what, readBy, kept }) => what === null || readBy === null || kept === null)
  expect(silent.map(({ table }) => table)).toEqual([])
})

test('and every column, with what stands in it', async () => {
  const rows = await store.database.query<{ name: string }>(
    `SELECT table_name || '.' || column_name AS name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1`,
  )
  const columns = told.tables.flatMap(({ table, columns: list }) =>
    list.map(({ column, what }) => ({ name: `${table}.${column}`, what })),
  )
  expect(columns.map(({ name }) => name).toSorted()).toEqual(rows.map(({ name }) => name).toSorted())
  expect(columns.filter(({ what }) => what === null).map(({ name }) => name)).toEqual([])
})

test('how it runs is told as it is configured, and no secret', async () => {
  const { relay, policy } = world
  expect(told.origin).toBe(relay.publicOrigin)
  expect(told.running).toMatchObject({
    policy: digestOfJson(policy),
    database: 'elsewhere',
    enrolment: 'open',
    hasOperatorKey: true,
    retentionDays: { usual: policy.retentionDays.default, kept: policy.retentionDays.maximum },
    log: { vkey: relay.logVkey, batchMs: 10, witnesses: [], quorum: 0 },
  })
  const text = JSON.stringify(told)
  for (const word of [databaseUrlOf(store.target), world.folder]) expect(text).not.toContain(word)
})

test('what somebody adds to the database without a word shows as not described', async () => {
  await store.database.exec('CREATE TABLE notes (id bigint, words text)')
  const catalog = await readCatalog(store.database)
  const { tables } = describeHoldings({ origin: told.origin, sinceMs: 0, catalog, items: 'own', running: told.running })
  const added = tables.find(({ table }) => table === 'notes')
  expect(added).toMatchObject({ what: null, readBy: null, kept: null })
  expect(added!.columns.map(({ column, what }) => [column, what])).toEqual([
    ['id', null],
    ['words', null],
  ])
  // It is told from the next start on.
  await world.restart()
  expect((await read()).tables.map(({ table }) => table)).toContain('notes')
})
