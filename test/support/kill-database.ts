import { dayRecord, type DeviceEvent } from '@latchkey/shared'
import { join } from 'node:path'
import type { Queryable } from '../../relay/src/flow.ts'
import { systemClock } from '../../relay/src/kernel/clock.ts'
import { createLog } from '../../relay/src/kernel/log.ts'
import { createEmbeddedPostgres } from '../../relay/src/store/embedded-postgres.ts'
import { createPgDatabase } from '../../relay/src/store/pg-database.ts'
import type { TestDatabase } from './relay-database.ts'

/** Looks into the database of a relay that has stopped. `relayData`: its data folder. */
export async function readStoppedRelay<T>(relayData: string, look: (db: Queryable) => Promise<T>): Promise<T> {
  const log = createLog({ level: 'silent' })
  const folders = { dataDir: join(relayData, 'postgres'), copyFolder: join(relayData, 'postgres-programs') }
  await using server = await createEmbeddedPostgres({ ...folders, clock: systemClock, log })
  await using database = createPgDatabase(server.target, { log })
  return await look(database)
}

/** What a relay's configuration says to use a test's own database. */
export function databaseUrlOf({ socketDir, user, database }: TestDatabase['target']): string {
  return `postgres://${user}@${encodeURIComponent(socketDir)}/${database}`
}

/** Events of all devices, by device, stream and sequence. */
export async function loadEvents(db: Queryable): Promise<DeviceEvent[]> {
  const rows = await db.query<{ event: DeviceEvent }>(
    'SELECT event FROM device_events ORDER BY device, stream, sequence',
  )
  return rows.map(({ event }) => event)
}

/** Day records, oldest first. */
export async function loadDays(db: Queryable): Promise<string[]> {
  const rows = await db.query<{ jws: string }>('SELECT jws FROM day_records')
  return rows
    .map(({ jws }) => jws)
    .toSorted((a, b) => dayRecord.parse(a).payload.latchkey.fromMs - dayRecord.parse(b).payload.latchkey.fromMs)
}
