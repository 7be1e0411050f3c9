/** Programs of another processor, run by the kernel through qemu. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const HANDLERS = '/proc/sys/fs/binfmt_misc'
const isReady = () => existsSync(`${HANDLERS}/qemu-aarch64`)

/** Makes arm64 programs run here. @throws with what to install */
export function enableArm64(): void {
  if (process.arch === 'arm64' || isReady()) return
  if (!existsSync(`${HANDLERS}/register`)) spawnSync('mount', ['-t', 'binfmt_misc', 'binfmt_misc', HANDLERS])
  spawnSync('update-binfmts', ['--enable', 'qemu-aarch64'])
  if (!isReady())
    throw new Error(
      'This machine cannot run arm64 programs: apt-get install -y --no-install-recommends qemu-user-static binfmt-support',
    )
}
