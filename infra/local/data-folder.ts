import { access, constants, mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { LatchkeyError } from '@latchkey/shared'

function defaultDataFolder(): string {
  if (process.getuid?.() === 0) return '/var/lib/latchkey'
  return join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'latchkey')
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
    await mkdir(folder, { recursive: true, mode: option === '--out' ? 0o700 : 0o755 })
    await access(folder, constants.W_OK | constants.X_OK)
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
