import { join } from 'node:path'
import { toHex, utf8 } from '../src/bytes/bytes.ts'
import { sha256 } from '../src/crypto/hash.ts'
import type { WitnessMemory } from '../src/tlog/witness.ts'
import { exists, readBytes, replaceFile, writeNewFile } from './disk-files.ts'
import { openLockedFolder } from './locked-folder.ts'

const MAX_NOTE_BYTES = 128 * 1024

/** What a witness remembers, a few files per log. */
export interface WitnessFolder extends AsyncDisposable {
  readonly memory: WitnessMemory
}

/**
 * Opens, or makes, the folder where a witness remembers. Keep it as long as the key: a witness that forgot what it cosigned
 * may cosign another history.
 * @throws USAGE when another witness uses it; STORAGE_FULL | STORAGE_FAILED
 */
export async function openWitnessFolder(path: string): Promise<WitnessFolder> {
  // Two witnesses on one memory could cosign two histories.
  const held = await openLockedFolder(path, 'witness')
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
    [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
  }
}
