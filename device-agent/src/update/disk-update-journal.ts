import { createValidator, Exact, fromUtf8, LatchkeyError, Line, parseWith, utf8 } from '@latchkey/shared'
import { access, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readFileOrNull, removeTemporaries, writeFileAtomic } from '../kernel/atomic-file.ts'
import { plainDisk } from '../kernel/disk.ts'
import type { UpdateJournal } from './updater.ts'

/** Where updates are kept; root's, and readable, for nothing in it is secret. */
export const UPDATE_FOLDER = '/var/lib/latchkey-update'

const MODE = 0o644
const refusedValidator = createValidator(Exact({ version: Line(40), reason: Line(1_000) }))

/**
 * What a restart of the machine runs when an update was cut short (`latchkey-agent-update-recover.service`). Shell, for half
 * an update may have taken this program away.
 */
function recoveryScript(folder: string, version: string): string {
  const refused = JSON.stringify({ version, reason: 'the machine restarted before it had proved healthy' })
  return `#!/bin/sh
# Written by latchkey-agent update apply, removed by it when ${version} had proved healthy.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
set -e
dpkg --force-confold --force-confdef --install '${folder}/previous.deb'
printf '%s' '${refused}' > '${folder}/refused.json'
rm '${folder}/recover.sh'
`
}

/** Opens the journal in `folder`, which is made when a step needs it. */
export function openUpdateJournal(folder: string): UpdateJournal {
  const at = (name: string) => join(folder, name)
  const previousPath = at('previous.deb')

  async function prepare(): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o755 })
    await removeTemporaries(folder)
  }

  async function forgetRecovery(): Promise<void> {
    await rm(at('recover.sh'), { force: true })
    await plainDisk.syncDirectory(folder)
    await rm(at('next.deb'), { force: true })
  }

  return {
    previousPath,
    async refused() {
      const bytes = await readFileOrNull(at('refused.json'))
      return bytes === null ? null : parseWith(refusedValidator, JSON.parse(fromUtf8(bytes)), 'refused version')
    },
    async storeNext(bytes) {
      await prepare()
      await writeFileAtomic(at('next.deb'), bytes, { mode: MODE })
      return at('next.deb')
    },
    hasPrevious: () =>
      access(previousPath).then(
        () => true,
        () => false,
      ),
    begin: (version) => writeFileAtomic(at('recover.sh'), utf8(recoveryScript(folder, version)), { mode: 0o755 }),
    async settle() {
      await forgetRecovery()
      await rm(at('refused.json'), { force: true })
    },
    async refuse(refused) {
      const line = { ...refused, reason: refused.reason.replaceAll(/[^ -~]+/g, ' ').slice(0, 1_000) }
      await writeFileAtomic(at('refused.json'), utf8(JSON.stringify(line)), { mode: MODE })
      await forgetRecovery()
      await rm(previousPath, { force: true })
    },
  }
}

/** One updater at a time, and only root: it replaces programs. @throws CALLER_REFUSED */
export function assertRoot(userId: number | undefined): void {
  if (userId !== 0)
    throw new LatchkeyError('CALLER_REFUSED', 'replacing the installed version needs root: put sudo before it')
}
