import { createServer, type Server } from 'node:net'
import { mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex, utf8 } from '../src/bytes/bytes.ts'
import { sha256 } from '../src/crypto/hash.ts'
import { LatchkeyError } from '../src/errors.ts'
import type { WitnessMemory } from '../src/tlog/witness.ts'
import { exists, readBytes, replaceFile, writeNewFile } from './disk-files.ts'

const MAX_NOTE_BYTES = 128 * 1024
const PRIVATE_FOLDER = 0o700

/** What a witness remembers, a few files per log. */
export interface WitnessFolder extends AsyncDisposable {
  readonly memory: WitnessMemory
}

/** A name that is gone with the process that holds it: two witnesses on one memory could cosign two histories. */
async function lock(path: string): Promise<Server> {
  const server = createServer()
  const name = `\0latchkey-witness/${toHex(sha256(utf8(await realpath(path))))}`
  await new Promise<void>((resolve, reject) => {
    server.once('error', () => reject(new LatchkeyError('USAGE', `another witness uses ${path}: stop it first`)))
    server.listen(name, resolve)
  })
  return server
}

/**
 * Opens, or makes, the folder where a witness remembers. Keep it as long as the key: a witness that forgot what it cosigned
 * may cosign another history.
 * @throws USAGE when another witness uses it; STORAGE_FULL | STORAGE_FAILED
 */
export async function openWitnessFolder(path: string): Promise<WitnessFolder> {
  await mkdir(path, { recursive: true, mode: PRIVATE_FOLDER }).catch((cause: unknown) => {
    throw new LatchkeyError('STORAGE_FAILED', `cannot make the folder ${path}`, { cause })
  })
  const held = await lock(path)
  const fileOf = (origin: string, kind: string) => join(path, `${toHex(sha256(utf8(origin))).slice(0, 32)}.${kind}`)
  return {
    memory: {
      load: async (origin) => {
        const file = fileOf(origin, 'checkpoint')
        return (await exists(file)) ? readBytes(file, MAX_NOTE_BYTES) : null
      },
      save: (origin, raw) => replaceFile(fileOf(origin, 'checkpoint'), raw),
      keep: async (origin, { reason, held: before, refused }) => {
        const names = ['held', 'refused'].map((side) => fileOf(origin, `${reason}-${side}`))
        // The first proof of a lie is enough; of what may be a mistake only the latest is worth a look.
        if (reason === 'forked' && (await exists(names[1]!))) return
        const write = reason === 'forked' ? writeNewFile : replaceFile
        await write(names[0]!, before)
        await write(names[1]!, refused)
      },
    },
    [Symbol.asyncDispose]: async () => {
      await new Promise<void>((resolve) => held.close(() => resolve()))
    },
  }
}
