/** What the package holds, and where. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Architecture } from './architecture.ts'
import type { PlacedPackage } from './npm-lock.ts'
import { unpackTarball } from './npm-tarballs.ts'
import { agentSources, PROJECT, type Revision } from './project-sources.ts'

/** Everything a tree is made from. */
export interface TreeContents {
  readonly packageName: string
  readonly architecture: Architecture
  readonly version: string
  readonly maintainer: string
  readonly revision: Revision
  readonly sourceDateEpoch: number
  readonly dependencies: readonly PlacedPackage[]
  readonly archives: ReadonlyMap<string, string>
  readonly nodeArchive: string
  /** A file with the keys that may sign updates. */
  readonly releaseKeys: string
}

/** Paths in the package that are programs. */
export const EXECUTABLES = ['usr/bin/latchkey-agent', 'usr/lib/latchkey/bin/node']

const LIBRARY = 'usr/lib/latchkey'
const UNITS = [
  'latchkey-agent.service',
  'latchkey-agent-update.service',
  'latchkey-agent-update.timer',
  'latchkey-agent-update-apply.service',
  'latchkey-agent-update-apply.timer',
  'latchkey-agent-update-recover.service',
]
/** For compilers, debuggers, readers and the libraries' own makers; a third of what npm delivers. */
const NOT_AT_RUN_TIME = /^\..|\.(?:d\.[cm]?ts|map|flow|tsbuildinfo|md|markdown|html|css|sh|ya?ml)$|^eslint\.config\./i
const FOLDERS_NOT_AT_RUN_TIME = /^(?:\..*|tests?|__tests__|benchmarks?|examples?|docs?|coverage)$/
const LICENCE = /^(?:licen[cs]e|copying|notice)/i

const debianFile = (name: string) => join(PROJECT, 'infra/pi/debian', name)

/** Debian's gzip, since the one inside Node differs between Node's releases. */
function gzipped(bytes: Uint8Array | string): Uint8Array {
  const { status, stdout } = spawnSync('gzip', ['-9n'], { input: bytes, maxBuffer: 1 << 26 })
  if (status !== 0) throw new Error('gzip failed')
  return stdout
}

function changelog({ packageName, version, maintainer, revision, sourceDateEpoch }: TreeContents): string {
  const date = new Date(sourceDateEpoch * 1000).toUTCString().replace('GMT', '+0000')
  const origin = `commit ${revision.commit}${revision.isChanged ? ', with changes that are not committed' : ''}`
  return `${packageName} (${version}) unstable; urgency=medium\n\n  * Built from ${origin}.\n\n -- ${maintainer}  ${date}\n`
}

/** Below each package: whole folders at its top, single files anywhere. Licences stay. */
function removeWhatNeverRuns(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory() && FOLDERS_NOT_AT_RUN_TIME.test(entry.name))
      rmSync(join(folder, entry.name), { recursive: true })
  }
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile() && NOT_AT_RUN_TIME.test(entry.name) && !LICENCE.test(entry.name))
      rmSync(join(entry.parentPath, entry.name))
}

/** Lays out the package's files in the empty folder `tree`. */
export function layTree(tree: string, contents: TreeContents): void {
  const put = (path: string, bytes: Uint8Array | string) => {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    writeFileSync(join(tree, path), bytes)
  }
  const copy = (from: string, path: string) => put(path, readFileSync(from))
  const { packageName, dependencies, archives, nodeArchive } = contents

  for (const path of agentSources()) copy(join(PROJECT, path), `${LIBRARY}/${path}`)
  // Sorted by place: what lies inside another package comes after it.
  for (const { name, version, path } of dependencies) {
    unpackTarball(archives.get(`${name}@${version}`)!, join(tree, LIBRARY, path))
    removeWhatNeverRuns(join(tree, LIBRARY, path))
  }
  mkdirSync(join(tree, LIBRARY, 'node_modules/@latchkey'), { recursive: true })
  // Through a link, so that Node sees the sources outside node_modules, where it runs TypeScript.
  symlinkSync('../../shared', join(tree, LIBRARY, 'node_modules/@latchkey/shared'))

  const node = `${tree}-node`
  unpackTarball(nodeArchive, node, ['package/bin/node', 'package/LICENSE'])
  mkdirSync(join(tree, LIBRARY, 'bin'), { recursive: true })
  cpSync(join(node, 'bin/node'), join(tree, LIBRARY, 'bin/node'))
  const licence = readFileSync(join(node, 'LICENSE'))
  rmSync(node, { recursive: true })

  copy(debianFile('latchkey-agent.sh'), 'usr/bin/latchkey-agent')
  for (const unit of UNITS) copy(debianFile(unit), `usr/lib/systemd/system/${unit}`)
  copy(debianFile('latchkey-agent.sysusers'), 'usr/lib/sysusers.d/latchkey-agent.conf')
  copy(debianFile('latchkey-agent.tmpfiles'), 'usr/lib/tmpfiles.d/latchkey-agent.conf')
  copy(debianFile('60-latchkey.rules'), 'usr/lib/udev/rules.d/60-latchkey.rules')
  copy(contents.releaseKeys, 'usr/share/latchkey/release-keys.json')
  put('usr/share/man/man1/latchkey-agent.1.gz', gzipped(readFileSync(debianFile('latchkey-agent.1'))))
  const documents = `usr/share/doc/${packageName}`
  copy(join(PROJECT, 'device-agent/agent.yml'), `${documents}/examples/agent.yml`)
  copy(debianFile('copyright'), `${documents}/copyright`)
  put(`${documents}/LICENSE.node.gz`, gzipped(licence))
  put(`${documents}/changelog.gz`, gzipped(changelog(contents)))
  copy(debianFile('lintian-overrides'), `usr/share/lintian/overrides/${packageName}`)
}
