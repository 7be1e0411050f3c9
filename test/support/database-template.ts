import { execFile } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { systemClock } from '../../relay/src/kernel/clock.ts'
import { createLog } from '../../relay/src/kernel/log.ts'
import { createEmbeddedPostgres } from '../../relay/src/store/embedded-postgres.ts'
import { kept } from './kept.ts'
import { ROOT } from './source-files.ts'
import { createTemporaryFolder } from './temporary-folder.ts'

/** With owners, modes and times, which Node's own copy does not keep. */
const copyFolder = (from: string, to: string) => promisify(execFile)('cp', ['-a', '--reflink=auto', from, to])

/** What our own first start leaves, cleanly stopped. */
async function makeTemplate(path: string): Promise<void> {
  await using folder = await createTemporaryFolder()
  const dataDir = join(folder.path, 'postgres')
  const log = createLog({ level: 'silent' })
  const server = await createEmbeddedPostgres({
    dataDir,
    copyFolder: join(folder.path, 'lib'),
    clock: systemClock,
    log,
  })
  await server.stop()
  await copyFolder(dataDir, path)
}

/** Another PostgreSQL, another first start or another user makes another one. */
async function findTemplate(): Promise<string> {
  const postgres = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
  const sources = [join(dirname(postgres), '../package.json'), join(ROOT, 'relay/src/store/embedded-postgres.ts')]
  const texts = await Promise.all(sources.map((path) => readFile(path, 'utf8')))
  return kept(['database', process.getuid?.(), ...texts], makeTemplate)
}

let template: Promise<string> | null = null

/**
 * Puts an empty, initialised, cleanly stopped database at `dataDir`, which must not exist. What initdb does takes longer
 * than most tests of the relay; the first start itself is tested in `fault/embedded-postgres`.
 */
export async function placeDatabase(dataDir: string): Promise<void> {
  await mkdir(dirname(dataDir), { recursive: true, mode: 0o700 })
  await copyFolder(await (template ??= findTemplate()), dataDir)
}
