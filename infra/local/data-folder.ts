import { existsSync } from 'node:fs'
import { access, constants, mkdir, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { LatchkeyError } from '@latchkey/shared'

function defaultDataFolder(): string {
  if (process.getuid?.() === 0) return '/var/lib/latchkey'
  return join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'latchkey')
}

/** Not `recursive`: where a file system refuses with ENOENT, as `/proc` does, that tries for ever (Node.js 24). */
async function createFolder(path: string, mode: number): Promise<void> {
  if (existsSync(path)) return
  if (!existsSync(dirname(path))) await createFolder(dirname(path), mode)
  await mkdir(path, { mode }).catch((error: unknown) => {
    // Another launcher was first.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  })
}

/**
 * Makes a folder that this user can write.
 * @param option the option that chooses another, for the message
 * @throws STORAGE_FAILED
 */
export async function createWritableFolder(path: string, option: '--data' | '--out'): Promise<string> {
  const folder = resolve(path)
  try {
    // Under root the database runs as nobody and has to pass through the data folder; keys lie in closed ones below it.
    await createFolder(folder, option === '--out' ? 0o700 : 0o755)
    await access(folder, constants.W_OK | constants.X_OK)
    if (!(await stat(folder)).isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' })
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException
    const remedy = `choose a folder you may write with ${option} DIR`
    throw new LatchkeyError('STORAGE_FAILED', `cannot write in ${folder} (${code}): ${remedy}`, { cause })
  }
  return folder
}

/** Where state lives: `data`, or the default of this user. Made when missing. @throws STORAGE_FAILED */
export function createDataFolder(data: string | null): Promise<string> {
  return createWritableFolder(data ?? defaultDataFolder(), '--data')
}
