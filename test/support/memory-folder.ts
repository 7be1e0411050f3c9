import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A private folder that is gone when the scope ends, in memory where the system offers that: a killed process leaves
 * the same there as on a disk, and hundreds of fsyncs cost nothing.
 */
export async function createMemoryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const path = await mkdtemp(join(parent, 'latchkey-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
