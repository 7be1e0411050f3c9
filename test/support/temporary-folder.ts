import { readFileSync, statfsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A private folder. */
export type TemporaryFolder = { readonly path: string } & AsyncDisposable

const MEMORY = '/dev/shm'
/** Databases, clips and bundles of the tests that run at once take a tenth of it. */
const ENOUGH_BYTES = 4 * 1024 ** 3

/** Containers often give it 64 MiB, or forbid programs on it, which a database's own copy of its programs is. */
function isMemoryGood(): boolean {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  const [, , type, options] = mounts.findLast((line) => line.split(' ')[1] === MEMORY)?.split(' ') ?? []
  if (type !== 'tmpfs' || options === undefined || /\b(noexec|ro)\b/.test(options)) return false
  const { bavail, bsize } = statfsSync(MEMORY)
  return bavail * bsize >= ENOUGH_BYTES
}

let base: string | null = null

async function createBelow(parent: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(parent, 'latchkey-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/**
 * A private folder that is gone when the scope ends, in memory where the system has room there: a killed process leaves
 * the same there as on a disk, and thousands of fsyncs cost nothing.
 */
export function createTemporaryFolder(): Promise<TemporaryFolder> {
  return createBelow((base ??= isMemoryGood() ? MEMORY : tmpdir()))
}

/** The same on a disk: for what is about disks. */
export const createDiskFolder = (): Promise<TemporaryFolder> => createBelow(tmpdir())
