import { createValidator, Exact, fromUtf8, parseWith, utf8 } from '@latchkey/shared'
import { Type } from 'typebox'
import { readFileOrNull, writeFileAtomic } from '../kernel/atomic-file.ts'
import { type Disk, plainDisk } from '../kernel/disk.ts'
import { durableSteps, type Failpoints, noFailpoints } from '../kernel/failpoint.ts'

/** Every place at which keeping the choice can be interrupted. */
export const PRIVACY_FAILPOINTS: readonly string[] = durableSteps('privacy')

const choice = createValidator(Exact({ v: Type.Literal(1), on: Type.Boolean() }))

/** Whether the household wants the camera off, kept across restarts. */
export interface PrivacyFile {
  readonly on: boolean
  /** Resolves when the choice survives power loss. @throws node's file system errors */
  keep(on: boolean): Promise<void>
}

/** Untrusted: `bytes`, from a disk that may have damaged them: in doubt the camera stays off. */
function parseChoice(bytes: Uint8Array): boolean {
  try {
    return parseWith(choice, JSON.parse(fromUtf8(bytes)), 'privacy choice').on
  } catch {
    return true
  }
}

/**
 * Reads the choice: off when none was ever made, on when the file is damaged.
 * @param path absolute; its directory exists
 * @throws node's file system errors
 */
export async function openPrivacyFile(
  path: string,
  failpoints: Failpoints = noFailpoints,
  disk: Disk = plainDisk,
): Promise<PrivacyFile> {
  const bytes = await readFileOrNull(path)
  let on = bytes !== null && parseChoice(bytes)
  return {
    get on() {
      return on
    },
    async keep(next) {
      await writeFileAtomic(path, utf8(JSON.stringify({ v: 1, on: next })), { failpoints, disk, name: 'privacy' })
      on = next
    },
  }
}
