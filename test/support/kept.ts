/** What is made once and then only copied: a second of work that dozens of tests would repeat. */
import { access, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf, utf8 } from '@latchkey/shared'
import { errnoOf } from '../../relay/src/kernel/errno.ts'
import { ROOT } from './source-files.ts'

const CACHE = join(ROOT, 'node_modules/.cache/latchkey-tests')

/**
 * Where the file or folder lies that `make` once wrote at the path it is given. It is kept only when it is whole:
 * several workers may make it at once.
 * @param from everything that it depends on: with any of it changed it is made anew
 */
export async function kept(
  from: readonly [name: string, ...rest: unknown[]],
  make: (path: string) => Promise<void>,
): Promise<string> {
  const path = join(CACHE, `${from[0]}-${digestOf(utf8(JSON.stringify(from))).slice(0, 16)}`)
  const isThere = await access(path).then(
    () => true,
    () => false,
  )
  if (isThere) return path
  await mkdir(CACHE, { recursive: true })
  const temporary = `${path}.${process.pid}.tmp`
  await make(temporary)
  await rename(temporary, path).catch(async (error: unknown) => {
    await rm(temporary, { recursive: true, force: true })
    if (!['ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) throw error
  })
  return path
}
