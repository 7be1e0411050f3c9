/** A folder → a Debian package whose bytes depend on nothing but names, contents and one date. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, lutimesSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** How the contents are packed: `none` is for trials, where time matters and size does not. */
export type Compression = 'xz' | 'none'

/** What is packed. */
export interface DebArchive {
  /** The package's files, `DEBIAN/` apart. */
  readonly tree: string
  /** Fields of `control` in order; `Installed-Size` is added. */
  readonly control: Readonly<Record<string, string>>
  /** Maintainer scripts and lists by name: `postinst`, `conffiles`, … */
  readonly scripts: Readonly<Record<string, string>>
  /** Paths in the package that may be executed. */
  readonly executables: readonly string[]
  /** Seconds since 1970: the date of every file. */
  readonly sourceDateEpoch: number
  readonly compression: Compression
}

const EXECUTABLE_SCRIPT = /^(?:preinst|postinst|prerm|postrm)$/

/** Everything below `folder`, folders before what they hold, sorted by name. */
function* walk(folder: string, prefix = ''): Generator<string> {
  for (const name of readdirSync(join(folder, prefix)).sort()) {
    const path = prefix === '' ? name : `${prefix}/${name}`
    yield path
    if (lstatSync(join(folder, path)).isDirectory()) yield* walk(folder, path)
  }
}

/** Modes do not come from the builder's umask, nor from npm archives. */
function setModes(tree: string, paths: readonly string[], executables: ReadonlySet<string>): void {
  chmodSync(tree, 0o755)
  for (const path of paths) {
    const stat = lstatSync(join(tree, path))
    if (!stat.isSymbolicLink()) chmodSync(join(tree, path), stat.isDirectory() || executables.has(path) ? 0o755 : 0o644)
  }
}

function md5Sums(tree: string, files: readonly string[]): string {
  const sumOf = (path: string) =>
    createHash('md5')
      .update(readFileSync(join(tree, path)))
      .digest('hex')
  return files.map((path) => `${sumOf(path)}  ${path}\n`).join('')
}

function controlText(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('')
}

/** Adds `DEBIAN/` to the tree and packs both into `file`. @throws when dpkg-deb is missing or refuses */
export function writeDeb(file: string, { tree, control, scripts, executables, ...options }: DebArchive): void {
  const { sourceDateEpoch, compression } = options
  const paths = [...walk(tree)]
  const files = paths.filter((path) => lstatSync(join(tree, path)).isFile())
  const sizeKib = files.reduce((sum, path) => sum + Math.ceil(lstatSync(join(tree, path)).size / 1024), 0)
  const debian = join(tree, 'DEBIAN')
  mkdirSync(debian)
  const { Description: description, ...fields } = control
  writeFileSync(
    join(debian, 'control'),
    controlText({ ...fields, 'Installed-Size': String(sizeKib), Description: description! }),
  )
  writeFileSync(join(debian, 'md5sums'), md5Sums(tree, files))
  for (const [name, text] of Object.entries(scripts)) writeFileSync(join(debian, name), text)
  const all = [...walk(tree)]
  const runnable = [
    ...executables,
    ...Object.keys(scripts).flatMap((n) => (EXECUTABLE_SCRIPT.test(n) ? `DEBIAN/${n}` : [])),
  ]
  setModes(tree, all, new Set(runnable))
  // Deepest first: writing into a folder would change its date again.
  for (const path of all.toReversed()) lutimesSync(join(tree, path), sourceDateEpoch, sourceDateEpoch)
  lutimesSync(tree, sourceDateEpoch, sourceDateEpoch)
  // One thread: the compressor's output depends on how many it has. Its higher levels take minutes for two megabytes less.
  const pack = compression === 'none' ? ['-Znone'] : ['-Zxz', '-z1', '--threads-max=1']
  const { status, error, stderr } = spawnSync('dpkg-deb', ['--root-owner-group', ...pack, '--build', tree, file], {
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', SOURCE_DATE_EPOCH: String(sourceDateEpoch) },
  })
  if (error || status !== 0) throw new Error(`dpkg-deb failed: ${error?.message ?? stderr.trim()}`)
}
