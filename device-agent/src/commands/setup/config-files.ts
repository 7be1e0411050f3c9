import { LatchkeyError, utf8 } from '@latchkey/shared'
import { chown, mkdir, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isFileError, readFileOrNull, writeFileAtomic } from '../../kernel/atomic-file.ts'
import type { Account } from './account.ts'

/** Root and the service read the configuration; the camera's password is the service's alone. */
const CONFIG_MODE = 0o640
const SECRET_MODE = 0o600

/** What setup writes. */
export interface ConfigFiles {
  readonly configPath: string
  readonly config: string
  /** The camera's address with its password, in a file of its own; null when there is none. */
  readonly address: { readonly path: string; readonly text: string } | null
  readonly account: Account | null
  /** In the names of backups: `20261122-193459`. */
  readonly stamp: string
}

function refused(path: string, cause: unknown): unknown {
  if (!isFileError(cause, 'EACCES') && !isFileError(cause, 'EPERM') && !isFileError(cause, 'EROFS')) return cause
  return new LatchkeyError('STORAGE_FAILED', `${path} cannot be written by this user: try again with sudo`, { cause })
}

/** Keeps what stands at `path` beside it. @returns the backup's path, or null when nothing stood there */
async function backUp(path: string, { stamp }: ConfigFiles): Promise<string | null> {
  const bytes = await readFileOrNull(path)
  if (bytes === null) return null
  const { mode, uid, gid } = await stat(path)
  const backup = `${path}.${stamp}`
  await writeFileAtomic(backup, bytes, { mode: mode & 0o777 })
  await chown(backup, uid, gid)
  return backup
}

async function write(
  path: string,
  text: string,
  { mode, owner }: { mode: number; owner: readonly [number, number] | null },
) {
  await writeFileAtomic(path, utf8(text), { mode })
  if (owner !== null) await chown(path, ...owner)
}

/**
 * Writes the configuration and what belongs to it: each file whole or not at all, the configuration last, and what was
 * there before kept beside it.
 * @returns paths of the backups
 * @throws STORAGE_FAILED where this user may not write, and node's file system errors
 */
export async function writeConfigFiles(files: ConfigFiles): Promise<readonly string[]> {
  const { configPath, address, account } = files
  try {
    await mkdir(dirname(configPath), { recursive: true, mode: 0o755 })
    const backups = [await backUp(configPath, files), address === null ? null : await backUp(address.path, files)]
    if (address !== null) {
      const owner = account === null ? null : ([account.uid, account.gid] as const)
      await write(address.path, `${address.text}\n`, { mode: SECRET_MODE, owner })
    }
    const owner = account === null ? null : ([0, account.gid] as const)
    await write(configPath, files.config, { mode: CONFIG_MODE, owner })
    return backups.filter((path) => path !== null)
  } catch (error) {
    throw refused(dirname(configPath), error)
  }
}

/** Takes a new address file away again when the person leaves before there is a configuration that names it. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true })
}

/** The text of a file whose first line is a secret. @throws CONFIG_INVALID */
export async function loadSecretLine(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => null)
  const line = text?.split('\n')[0]?.replace(/\r$/, '')
  if (!line) throw new LatchkeyError('CONFIG_INVALID', `the first line of ${path} must be the password`)
  return line
}
