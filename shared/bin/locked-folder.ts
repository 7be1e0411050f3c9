import { createServer, type Server } from 'node:net'
import { mkdir, realpath } from 'node:fs/promises'
import { toHex, utf8 } from '../src/bytes/bytes.ts'
import { sha256 } from '../src/crypto/hash.ts'
import { LatchkeyError } from '../src/errors.ts'

const PRIVATE_FOLDER = 0o700

/** A name that is gone with the process that holds it. */
async function lock(path: string, who: string): Promise<Server> {
  const server = createServer()
  const name = `\0latchkey-${who}/${toHex(sha256(utf8(await realpath(path))))}`
  await new Promise<void>((resolve, reject) => {
    server.once('error', () => reject(new LatchkeyError('USAGE', `another ${who} uses ${path}: stop it first`)))
    server.listen(name, resolve)
  })
  return server
}

/**
 * Opens, or makes, a folder where a program remembers, for this process alone.
 * @param who the kind of program, as the refusal names it
 * @throws USAGE when another one uses it; STORAGE_FAILED
 */
export async function openLockedFolder(path: string, who: 'witness' | 'monitor'): Promise<AsyncDisposable> {
  await mkdir(path, { recursive: true, mode: PRIVATE_FOLDER }).catch((cause: unknown) => {
    throw new LatchkeyError('STORAGE_FAILED', `cannot make the folder ${path}`, { cause })
  })
  const held = await lock(path, who)
  return {
    [Symbol.asyncDispose]: async () => {
      await new Promise<void>((resolve) => held.close(() => resolve()))
    },
  }
}
