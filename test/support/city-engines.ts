/**
 * The engines of a city in place of a home's, for every world of the suite: `LATCHKEY_TEST_ENGINES=city npm test`. The
 * database and the S3 server are started once for all files; each world has a database, a place in the bucket, a broker,
 * three relays and a proxy of its own.
 */
import pg from 'pg'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findFreePort } from '../../infra/local/port.ts'
import { startDebianPostgres } from './debian-postgres.ts'
import { createNginx } from './nginx.ts'
import { createS3Rig } from './s3-rig.ts'
import { createSharedBroker } from './shared-broker.ts'

const RELAYS = 3
const ADDRESSES = 'LATCHKEY_TEST_CITY'

interface Addresses {
  readonly postgres: { readonly port: number; readonly user: string; readonly password: string }
  readonly store: object
}

/** What a world of these engines is configured by. */
export interface CityPlace extends AsyncDisposable {
  /** What the relays have in common. */
  readonly config: object
  /** What each has of its own. */
  readonly own: readonly {
    readonly instance: string
    readonly listen: { readonly host: string; readonly port: number }
  }[]
}

/** Is the suite to run on them? */
export const isCity = (): boolean => process.env['LATCHKEY_TEST_ENGINES'] === 'city'

/** Starts what all files share, and tells their processes where. */
export async function startCityEngines(): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const { port, user, password } = stack.use(await startDebianPostgres())
  const rig = stack.use(await createS3Rig())
  const addresses: Addresses = { postgres: { port, user, password }, store: rig.configuration('@/') }
  process.env[ADDRESSES] = JSON.stringify(addresses)
  return stack.move()
}

async function createDatabase({ port, user, password }: Addresses['postgres'], name: string): Promise<void> {
  const client = new pg.Client({ host: '127.0.0.1', port, user, password, database: 'postgres' })
  await client.connect()
  try {
    await client.query(`CREATE DATABASE ${name}`)
  } finally {
    await client.end()
  }
}

let worlds = 0

/** A place of its own for one world. `port`: where its users call; a free one when absent. */
export async function openCityPlace(folder: string, port?: number): Promise<CityPlace> {
  await using stack = new AsyncDisposableStack()
  const { postgres, store } = JSON.parse(process.env[ADDRESSES]!) as Addresses
  const name = `world_${process.pid}_${worlds++}`
  await createDatabase(postgres, name)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'database-password'), postgres.password, { mode: 0o600 })
  const broker = stack.use(await createSharedBroker())
  const relayPorts: number[] = []
  for (let relay = 0; relay < RELAYS; relay++) relayPorts.push(await findFreePort())
  const proxy = stack.use(await createNginx({ relayPorts, ...(port ? { port } : {}) }))
  const kept = stack.move()
  return {
    config: {
      publicOrigin: `http://127.0.0.1:${proxy.port}`,
      proxies: ['127.0.0.1'],
      enrolment: 'open',
      databaseUrl: `postgres://${postgres.user}@127.0.0.1:${postgres.port}/${name}`,
      databasePasswordFile: 'database-password',
      databaseConnections: 4,
      store: { ...store, prefix: `${name}/` },
      ...broker.config,
    },
    own: relayPorts.map((relayPort, relay) => ({
      instance: `relay-${relay}`,
      listen: { host: '127.0.0.1', port: relayPort },
    })),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
