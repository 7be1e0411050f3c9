/** `npm run deb`: builds the doorbell's Debian package, and signs update manifests. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Architecture, ARCHITECTURES, PACKAGE_NAME } from './architecture.ts'
import { type Compression, writeDeb } from './deb-archive.ts'
import { type Lock, type PinnedPackage, productionPackages } from './npm-lock.ts'
import { fetchTarballs } from './npm-tarballs.ts'
import { EXECUTABLES, layTree } from './package-tree.ts'
import { currentRevision, PROJECT } from './project-sources.ts'

const HELP = `npm run deb -- [options]
Builds latchkey-agent_VERSION_ARCH.deb from this checkout: the agent, what it needs, and its own Node 24. The same commit
gives the same bytes, wherever and whenever it is built.

  --arch NAME          amd64 or arm64 (a 64-bit Raspberry Pi); default: this machine's
  --out DIR            where to; default: here
  --version N.N.N      default: the version in package.json
  --release-keys FILE  who may sign updates of this package; default: infra/pi/release-keys.json
  --compress none      much larger and faster, for trials; default: xz

Sign what lies in --out as an update (build both architectures first), or add one more signature:
  --sign KEYFILE       an Ed25519 key as PEM: openssl genpkey -algorithm ed25519 -out KEYFILE
  --show-key KEYFILE   prints its public half, for release-keys.json

SOURCE_DATE_EPOCH sets the date of every file; default: the date of the commit.
`

const MAINTAINER = 'The Latchkey authors <noreply@latchkey.invalid>'
const DESCRIPTION = `doorbell camera that only its owner can open
 Watches a camera on a 64-bit Raspberry Pi or PC, records motion and rings,
 seals every clip to the household's keys before it touches the disk, and
 uploads it to a relay that cannot open it.
 .
 Configure it with: sudo latchkey-agent setup`

function parseOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      arch: { type: 'string' },
      out: { type: 'string', default: '.' },
      version: { type: 'string' },
      'release-keys': { type: 'string', default: join(PROJECT, 'infra/pi/release-keys.json') },
      compress: { type: 'string', default: 'xz' },
      sign: { type: 'string' },
      'show-key': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  return values
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(join(PROJECT, path), 'utf8'))

function architectureOf(name: string | undefined): Architecture {
  const wanted = name ?? spawnSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).stdout.trim()
  const found = ARCHITECTURES.find((architecture) => architecture === wanted)
  if (found === undefined) throw new Error(`--arch must be ${ARCHITECTURES.join(' or ')}, not ${wanted}`)
  return found
}

function versionOf(given: string | undefined): string {
  const version = given ?? (readJson('package.json') as { readonly version: string }).version
  if (!/^\d{1,5}\.\d{1,5}\.\d{1,5}$/.test(version)) throw new Error('--version must be three numbers, such as 0.2.1')
  return version
}

function compressionOf(name: string): Compression {
  if (name !== 'xz' && name !== 'none') throw new Error('--compress must be xz or none')
  return name
}

function dateOf(fallbackSeconds: number): number {
  const given = process.env['SOURCE_DATE_EPOCH']
  if (given !== undefined && !/^\d{1,12}$/.test(given)) throw new Error('SOURCE_DATE_EPOCH must be whole seconds')
  return given === undefined ? fallbackSeconds : Number(given)
}

function build(options: ReturnType<typeof parseOptions>): void {
  const architecture = architectureOf(options.arch)
  const version = versionOf(options.version)
  const compression = compressionOf(options.compress)
  const revision = currentRevision()
  const sourceDateEpoch = dateOf(revision.dateSeconds)
  const { package: name, ...pin } = (readJson('infra/pi/node-binaries.json') as Record<Architecture, NodePin>)[
    architecture
  ]
  const node: PinnedPackage = { name, ...pin }
  const dependencies = productionPackages(readJson('package-lock.json') as Lock, 'device-agent')
  const work = mkdtempSync(join(tmpdir(), 'latchkey-deb-'))
  try {
    if (revision.isChanged) console.log('Note: files differ from the last commit; this build is of no use to others.')
    console.log(`1/3 fetching Node ${node.version} for ${architecture} and ${dependencies.length} packages, by hash`)
    const archives = fetchTarballs(join(work, 'archives'), [...dependencies, node])
    console.log('2/3 laying out the files')
    const tree = join(work, 'tree')
    mkdirSync(tree)
    layTree(tree, {
      packageName: PACKAGE_NAME,
      architecture,
      version,
      maintainer: MAINTAINER,
      revision,
      sourceDateEpoch,
      dependencies,
      archives,
      nodeArchive: archives.get(`${node.name}@${node.version}`)!,
      releaseKeys: resolve(options['release-keys']),
    })
    console.log('3/3 packing')
    mkdirSync(options.out, { recursive: true })
    const file = join(resolve(options.out), `${PACKAGE_NAME}_${version}_${architecture}.deb`)
    writeDeb(file, {
      tree,
      control: controlOf(version, architecture),
      scripts: scriptsOf(),
      executables: EXECUTABLES,
      sourceDateEpoch,
      compression,
    })
    const digest = createHash('sha256').update(readFileSync(file)).digest('hex')
    console.log(`\n${file}\n${(statSync(file).size / 1e6).toFixed(1)} MB, SHA-256 ${digest}`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

interface NodePin {
  readonly package: string
  readonly version: string
  readonly integrity: string
}

function controlOf(version: string, architecture: Architecture): Record<string, string> {
  return {
    Package: PACKAGE_NAME,
    Version: version,
    Architecture: architecture,
    Maintainer: MAINTAINER,
    Depends: 'ffmpeg, libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 9), passwd, systemd, util-linux (>= 2.33)',
    Recommends: 'gpiod, systemd-timesyncd | time-daemon',
    Suggests: 'rpicam-apps',
    Section: 'video',
    Priority: 'optional',
    Description: DESCRIPTION,
  }
}

function scriptsOf(): Record<string, string> {
  const script = (name: string) => readFileSync(join(PROJECT, 'infra/pi/debian', name), 'utf8')
  return {
    postinst: script('postinst'),
    prerm: script('prerm'),
    postrm: script('postrm'),
  }
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2))
  if (options.help) {
    console.log(HELP)
    return 0
  }
  const { sign: signingKey, 'show-key': shownKey } = options
  if (signingKey === undefined && shownKey === undefined) build(options)
  // Loaded only when asked for: building needs nothing but Node itself.
  else {
    const { showKey, signUpdate } = await import('./sign-update.ts')
    console.log(shownKey === undefined ? await signUpdate(resolve(options.out), signingKey!) : showKey(shownKey))
  }
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  const isUsage = error instanceof TypeError && 'code' in error
  console.error(error instanceof Error ? `npm run deb: ${error.message}` : error)
  process.exitCode = isUsage ? 2 : 1
}
