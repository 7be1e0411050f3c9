import { fromUtf8, LatchkeyError } from '@latchkey/shared'
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../kernel/clock.ts'
import { runChild } from '../kernel/child-process.ts'
import { UPDATE_PACKAGE } from './update-manifest.ts'
import type { PackageIdentity, PackageManager } from './updater.ts'

/** Unpacking 150 MB onto the slowest SD card. */
const INSTALL_TIMEOUT_MS = 20 * 60_000
const MAX_OUTPUT_BYTES = 1 << 22
/** dpkg wants the programs of an administrator on its path, which children of the agent do not have. */
const ADMINISTRATOR = ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C']
/** The owner's configuration stays as it is; nobody is there to be asked. */
const KEEP_CONFIGURATION = ['--force-confold', '--force-confdef']
/** Fields of dpkg's own book-keeping, which are not part of a package. */
const STATUS_FIELDS = /^(?:Status|Conffiles|Config-Version):/
const MAINTAINER_FILE = /\/latchkey-agent\.(conffiles|md5sums|preinst|postinst|prerm|postrm|triggers)$/

/** A `control` paragraph without what dpkg added to it. */
export function controlOfStatus(paragraph: string): string {
  const fields = paragraph.trimEnd().split(/\n(?=\S)/)
  return `${fields.filter((field) => !STATUS_FIELDS.test(field)).join('\n')}\n`
}

/** Lines of `field: value` → identity. @throws ITEM_INVALID */
function parseIdentity(text: string): PackageIdentity {
  const [name, version, architecture] = text.trimEnd().split('\n')
  if (!name || !version || !architecture) throw new LatchkeyError('ITEM_INVALID', 'this is not a Debian package')
  return { name, version, architecture }
}

/** The package manager of Debian, through its own programs. */
export function createDpkgPackages(clock: Clock): PackageManager {
  async function run(...args: readonly string[]): Promise<string> {
    const result = await runChild({
      command: '/usr/bin/env',
      args: [...ADMINISTRATOR, ...args],
      clock,
      maxOutputBytes: MAX_OUTPUT_BYTES,
      timeoutMs: INSTALL_TIMEOUT_MS,
    })
    if (result.code === 0) return fromUtf8(result.stdout)
    const [lastWords = ''] = result.stderrTail.trimEnd().split('\n').slice(-1)
    throw new LatchkeyError('UNAVAILABLE', `${args[0]} failed: ${lastWords}`)
  }

  /** Files, folders and links of the installed package, and the scripts that came with it. */
  async function packInto(tree: string, path: string): Promise<void> {
    const debian = join(tree, 'DEBIAN')
    await mkdir(debian)
    const listed = (await run('dpkg-query', '--listfiles', UPDATE_PACKAGE)).split('\n')
    const paths = listed.filter((line) => line.startsWith('/') && line !== '/.').map((line) => line.slice(1))
    const list = `${tree}.list`
    await writeFile(list, `${paths.join('\0')}\0`)
    const archive = `${tree}.tar`
    await run('tar', '-C', '/', '--no-recursion', '--null', `--files-from=${list}`, '-cf', archive)
    await run('tar', '-C', tree, '-xpf', archive)
    await rm(archive)
    for (const file of (await run('dpkg-query', '--control-path', UPDATE_PACKAGE)).trimEnd().split('\n')) {
      const name = MAINTAINER_FILE.exec(file)?.[1]
      if (name) await copyFile(file, join(debian, name))
    }
    await writeFile(join(debian, 'control'), controlOfStatus(await run('dpkg-query', '--status', UPDATE_PACKAGE)))
    await run('dpkg-deb', '--root-owner-group', '-Znone', '--build', tree, path)
  }

  return {
    async installed() {
      const format = '--showformat=${Package}\\n${Version}\\n${Architecture}\\n'
      return parseIdentity(await run('dpkg-query', '--show', format, UPDATE_PACKAGE))
    },
    async describe(path) {
      const format = '--showformat=${Package}\\n${Version}\\n${Architecture}\\n'
      return parseIdentity(await run('dpkg-deb', '--show', format, path))
    },
    async pack(path) {
      const work = await mkdtemp(join(dirname(path), '.pack-'))
      try {
        await mkdir(join(work, 'tree'), { mode: 0o755 })
        const packed = join(work, basename(path))
        await packInto(join(work, 'tree'), packed)
        await run('sync', packed)
        await rename(packed, path)
        await run('sync', dirname(path))
      } finally {
        await rm(work, { recursive: true, force: true })
      }
    },
    async install(path) {
      const options = KEEP_CONFIGURATION.map((option) => `-oDpkg::Options::=${option}`)
      await run('apt-get', '--yes', '--no-install-recommends', ...options, 'install', path)
    },
    async putBack(path) {
      await run('dpkg', ...KEEP_CONFIGURATION, '--install', path)
    },
  }
}
