import { spawnSync } from 'node:child_process'
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { eventually } from './poll.ts'
import { createDiskFolder } from './temporary-folder.ts'

/** A real ext4 file system on a file, mounted. */
export interface RealDisk extends AsyncDisposable {
  /** Where it is mounted, and what lies underneath while it is not. */
  readonly path: string
  /** The kernel finds an error and makes it read-only, as it does with a dying card. */
  fail(): Promise<void>
  /** Pulled out: nothing at the path shows it any more. */
  vanish(): void
  /** Checked and mounted again. */
  comeBack(): Promise<void>
}

/** @throws with what the program said: these tests are about real disks, and are nothing without one */
function run(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status === 0) return stdout.trim()
  const reason = error?.message ?? stderr.trim()
  throw new Error(`a disk for this test needs root and loop devices: ${program} ${args.join(' ')}: ${reason}`)
}

/** Only root may mount: an ordinary user's `npm test` leaves these tests out, and its report says so. */
export const CAN_MOUNT = process.getuid?.() === 0

/** Makes and mounts one of `sizeMib` mebibytes; gone at the end of the scope. */
export async function createRealDisk(sizeMib: number): Promise<RealDisk> {
  const folder = await createDiskFolder()
  const [image, path] = [`${folder.path}/disk.img`, `${folder.path}/data`]
  await mkdir(path)
  await writeFile(image, '')
  await truncate(image, sizeMib * 1024 ** 2)
  run('mkfs.ext4', '-q', '-F', '-m', '0', image)
  const mount = (): string => run('mount', '-o', 'loop,errors=remount-ro', image, path)
  mount()
  return {
    path,
    async fail() {
      const device = basename(run('findmnt', '-n', '-o', 'SOURCE', path))
      await writeFile(`/sys/fs/ext4/${device}/trigger_fs_error`, 'test')
    },
    vanish: () => void run('umount', '-l', path),
    async comeBack() {
      // A file that is still open holds the old mount; the program under test lets go of it by itself.
      await eventually(
        () => {
          spawnSync('umount', [path])
          return run('losetup', '-j', image) === ''
        },
        'the disk to be let go',
        30_000,
      )
      spawnSync('e2fsck', ['-fy', image])
      mount()
    },
    async [Symbol.asyncDispose]() {
      spawnSync('umount', ['-l', path])
      await folder[Symbol.asyncDispose]()
    },
  }
}
