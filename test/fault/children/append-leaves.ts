/** A log that dies by SIGKILL at the failpoint it is told, or appends until it is killed from outside. */
import { createNoteSigner, createSigner, encodeBase64url, randomBytes } from '@latchkey/shared'
import { systemClock } from '../../../relay/src/kernel/clock.ts'
import { armFailpoint, noFailpoints } from '../../../relay/src/kernel/failpoint.ts'
import { createLog } from '../../../relay/src/kernel/log.ts'
import { createPgLogStore } from '../../../relay/src/log/pg-log-store.ts'
import { createSequencer } from '../../../relay/src/log/sequencer.ts'
import { createPgDatabase, type PgTarget } from '../../../relay/src/store/pg-database.ts'

const [rawTarget, failpoint] = process.argv.slice(2)
const log = createLog({ level: 'silent' })
const database = createPgDatabase(JSON.parse(rawTarget!) as PgTarget, { log })
const parts = {
  database,
  store: createPgLogStore(database),
  signer: createNoteSigner('relay.test/log', createSigner(new Uint8Array(32).fill(7))),
  batchMs: 5,
  clock: systemClock,
  log,
}
/** The start publishes the empty tree and thereby passes the later failpoints once: the first append is what dies. */
const passedAtStart = (name: string): number => (/[345]-/.test(name) ? 1 : 0)

const armed = await createSequencer({
  ...parts,
  failpoints: failpoint ? armFailpoint(failpoint, 'kill', passedAtStart(failpoint)) : noFailpoints,
})
for (;;) {
  const { index } = await armed.append({ type: 'sealed', data: encodeBase64url(randomBytes(32)) })
  process.stdout.write(`${index}\n`)
}
