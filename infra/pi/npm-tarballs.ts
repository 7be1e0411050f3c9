/** Archives of the npm registry, fetched by npm and believed only by their hash. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { PinnedPackage } from './npm-lock.ts'

function run(program: string, args: readonly string[]): void {
  const { status, error, stderr } = spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] })
  if (error || status !== 0) throw new Error(`${program} ${args[0] ?? ''} failed: ${error?.message ?? stderr.trim()}`)
}

/** How `npm pack` calls the archive. */
function archiveName({ name, version }: PinnedPackage): string {
  return `${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`
}

/**
 * Fetches archives into `folder`. npm takes them from its own cache when it has them.
 * @returns archive by `name@version`
 * @throws when one does not have the hash that was pinned
 */
export function fetchTarballs(folder: string, packages: readonly PinnedPackage[]): ReadonlyMap<string, string> {
  mkdirSync(folder, { recursive: true })
  const specOf = ({ name, version }: PinnedPackage) => `${name}@${version}`
  const specs = [...new Set(packages.map(specOf))]
  run('npm', ['pack', '--silent', '--ignore-scripts', `--pack-destination=${folder}`, ...specs])
  const archives = new Map<string, string>()
  for (const wanted of packages) {
    const archive = join(folder, archiveName(wanted))
    if (!existsSync(archive)) throw new Error(`npm did not fetch ${specOf(wanted)}`)
    const hash = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`
    if (hash !== wanted.integrity) throw new Error(`${specOf(wanted)} is not the archive that was pinned: ${hash}`)
    archives.set(specOf(wanted), archive)
  }
  return archives
}

/** Unpacks an archive, or some `members` of it, into `folder`, without the folder that wraps every npm archive. */
export function unpackTarball(archive: string, folder: string, members: readonly string[] = []): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const plain = ['--no-same-owner', '--no-same-permissions', '--strip-components=1']
  run('tar', ['-xzf', archive, '-C', folder, ...plain, ...members])
}
