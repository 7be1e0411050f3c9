/** A relay's database that writes rows, telling each when it is committed, until it is killed. */
import { join } from 'node:path'
import { systemClock } from '../../../relay/src/kernel/clock.ts'
import { createLog } from '../../../relay/src/kernel/log.ts'
import { createEmbeddedPostgres } from '../../../relay/src/store/embedded-postgres.ts'
import { createPgDatabase } from '../../../relay/src/store/pg-database.ts'

const [folder] = process.argv.slice(2)
const log = createLog({ level: 'silent' })
const places = { dataDir: join(folder!, 'postgres'), copyFolder: join(folder!, 'lib') }
const server = await createEmbeddedPostgres({ ...places, clock: systemClock, log })
const database = createPgDatabase(server.target, { log })
await database.exec('CREATE TABLE IF NOT EXISTS deeds (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)')
for (;;) {
  const [row] = await database.query<{ n: number }>('INSERT INTO deeds DEFAULT VALUES RETURNING n')
  process.stdout.write(`${row!.n}\n`)
}
