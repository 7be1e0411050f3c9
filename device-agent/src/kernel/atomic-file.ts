import { randomBytes, toHex } from '@latchkey/shared'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Disk, type DiskFile, plainDisk } from './disk.ts'
import { type Failpoints, noFailpoints } from './failpoint.ts'

/** How temporary files are recognised; nothing that ends so is ever read. */
const TEMPORARY_SUFFIX = '.tmp'

/** Creates `directory` and its parents, mode 0700, durable up to the first that existed. Idempotent. */
export async function createDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let at = directory; at.length >= first.length; at = dirname(at)) await plainDisk.syncDirectory(dirname(at))
}

/** Removes what a crash in {@link writeFileAtomic} left in `directory`; to be called before anything is written there. */
export async function removeTemporaries(directory: string, disk: Disk = plainDisk): Promise<void> {
  for (const name of await readdir(directory))
    if (name.startsWith('.') && name.endsWith(TEMPORARY_SUFFIX)) await disk.remove(join(directory, name))
}

/** How {@link writeFileAtomic} writes. */
export interface AtomicWrite {
  /** Default 0600: everything the agent keeps is its own business. */
  readonly mode?: number
  /** Refuse when the file exists; the error is node's `EEXIST`. */
  readonly exclusive?: boolean
  readonly failpoints?: Failpoints
  /** Where it is written; the machine's own file systems by default. */
  readonly disk?: Disk
  /** Prefix of the five failpoint names; see `durableSteps`. */
  readonly name?: string
}

/**
 * Writes a whole file so that a crash leaves the old one, or the new one, and never a part of either. After a crash a
 * temporary file may remain, which the owner of the directory removes at its next start.
 * @param content all of it, or its pieces in order, taken one at a time: a large file need not be in memory
 * @throws node's file system errors, `ENOSPC` among them, with the temporary file removed
 */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | Iterable<Uint8Array>,
  options: AtomicWrite = {},
): Promise<void> {
  const { failpoints = noFailpoints, disk = plainDisk, name = 'file' } = options
  const temporary = join(dirname(path), `.${basename(path)}.${toHex(randomBytes(6))}${TEMPORARY_SUFFIX}`)
  // Durable 1/5: a new file under a temporary name
  const file = await disk.create(temporary, options.mode ?? 0o600)
  try {
    await failpoints.hit(`${name}.1`)
    // Durable 2/5: its bytes
    await writePieces(file, content instanceof Uint8Array ? [content] : content)
    await failpoints.hit(`${name}.2`)
    // Durable 3/5: on the disk
    await file.sync()
    await failpoints.hit(`${name}.3`)
  } catch (error) {
    await file.close()
    if (isSystemError(error)) await disk.remove(temporary).catch(() => {})
    throw error
  }
  await file.close()
  // Durable 4/5: its final name
  if (options.exclusive) await linkExclusive(disk, temporary, path)
  else await disk.rename(temporary, path)
  await failpoints.hit(`${name}.4`)
  // Durable 5/5: the name on the disk
  await disk.syncDirectory(dirname(path))
  await failpoints.hit(`${name}.5`)
}

async function writePieces(file: DiskFile, pieces: Iterable<Uint8Array>): Promise<void> {
  let position = 0
  for (const piece of pieces) {
    await file.write(piece, position)
    position += piece.length
  }
}

async function linkExclusive(disk: Disk, temporary: string, path: string): Promise<void> {
  try {
    await disk.link(temporary, path)
  } finally {
    await disk.remove(temporary)
  }
}

/** Is this one of node's file system errors? */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'errno' in error
}

/** Is this node's file system error with `code`? */
export function isFileError(error: unknown, code: string): boolean {
  return isSystemError(error) && error.code === code
}

/** Does the file system say that it has no room, or no more for us? */
export function isFullError(error: unknown): boolean {
  return isFileError(error, 'ENOSPC') || isFileError(error, 'EDQUOT')
}

/** The file's bytes, or null when there is none. */
export async function readFileOrNull(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path)
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return null
    throw error
  }
}
