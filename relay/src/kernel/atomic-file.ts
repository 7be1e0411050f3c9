import { randomBytes, toHex } from '@latchkey/shared'
import { constants } from 'node:fs'
import { link, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Makes the names inside `directory` durable: without it a finished file may be gone after power loss. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Creates `directory` (and parents), durable up to the first that existed. `mode` is for those it creates. */
export async function createDirectory(directory: string, mode = 0o755): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode })
  if (first === undefined) return
  for (let at = directory; at.length >= first.length; at = dirname(at)) await syncDirectory(dirname(at))
}

async function writeTemporary(path: string, bytes: Uint8Array, mode: number): Promise<string> {
  const temporary = join(dirname(path), `.${basename(path)}.${toHex(randomBytes(6))}.tmp`)
  const handle = await open(temporary, 'wx', mode)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
  return temporary
}

/**
 * Writes a whole file so that a crash leaves the old one, or the new one, and never a part: temporary name in the same
 * directory, exclusive create, fsync, rename (or link, which refuses to overwrite), fsync of the directory.
 * @param options.mode default 0600
 * @param options.exclusive refuse when the file exists; the error is node's `EEXIST`
 */
export async function writeFileAtomic(
  path: string,
  bytes: Uint8Array,
  options: { mode?: number; exclusive?: boolean } = {},
): Promise<void> {
  const temporary = await writeTemporary(path, bytes, options.mode ?? 0o600)
  try {
    if (options.exclusive) await link(temporary, path)
    else await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
  await syncDirectory(dirname(path))
}
