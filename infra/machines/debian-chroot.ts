/** Clean Debian machines as folders: made once by mmdebstrap, unpacked anew for each. */
import { type ChildProcess, spawn, spawnSync, type StdioOptions } from 'node:child_process'
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HostConfiguration } from './host-configuration.ts'

const SUITE = 'trixie'
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const CA_FILE = '/etc/ssl/host-ca.pem'

/** A system to start machines from. */
export interface BaseSystem {
  /** Debian's name of the processor; another than the host's runs by emulation. */
  readonly architecture: 'amd64' | 'arm64' | 'native'
  /** Beside what Debian calls required. */
  readonly packages: readonly string[]
}

/** All a newcomer's machine has: Node with npm as Debian packages them. */
export const NEWCOMER_BASE: BaseSystem = { architecture: 'native', packages: ['nodejs', 'npm', 'ca-certificates'] }

/** Who runs a command in a machine. */
export interface Account {
  readonly name: string
  readonly home: string
}

export const ROOT: Account = { name: 'root', home: '/root' }

/** A folder with a Debian in it. */
export interface Machine {
  readonly folder: string
  /** Runs a shell line; both outputs go to `logFile`. Its processes and mounts are gone afterwards. @returns exit code */
  run(account: Account, line: string, logFile: string): Promise<number>
  /** The same, for somebody who talks to it: standard input and output are pipes, standard error is ours. */
  open(account: Account, line: string): ChildProcess
  /** Makes `path` and all below it the account's. */
  give(path: string, account: Account): void
  remove(): void
}

function mustRun(program: string, ...args: readonly string[]): void {
  const { status, error, stderr } = spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] })
  if (error || status !== 0) throw new Error(`${program} failed: ${error?.message ?? stderr.trim()}`)
}

/**
 * The tarball that machines of one kind start from; made when `folder` has none.
 * @returns its path
 */
export function prepareBase(folder: string, host: HostConfiguration, base: BaseSystem): string {
  const name = base === NEWCOMER_BASE ? SUITE : [SUITE, base.architecture, ...base.packages].join('-')
  const tarball = join(folder, `${name}.tar`)
  if (existsSync(tarball)) return tarball
  const partial = join(folder, `${name}-partial.tar`)
  const aptOptions = host.aptOptions.map((option) => `--aptopt=${option}`)
  const source = `deb ${host.mirror} ${SUITE} main`
  const architecture = base.architecture === 'native' ? [] : [`--architectures=${base.architecture}`]
  const include = base.packages.length === 0 ? [] : [`--include=${base.packages.join(',')}`]
  mustRun('mmdebstrap', '--variant=minbase', ...architecture, ...include, ...aptOptions, SUITE, partial, source)
  renameSync(partial, tarball)
  return tarball
}

/**
 * Mounts exist only in a mount namespace of this one command: nothing to undo, however it ends. The root is a mount, as on a real
 * machine: `ip netns` needs that. Tests make a disk fail through `/sys`.
 */
const ENTER = `
mount --make-rprivate /
mount --bind "$MACHINE" "$MACHINE"
mount -t proc proc "$MACHINE/proc"
mount --rbind /dev "$MACHINE/dev"
mount -t sysfs sysfs "$MACHINE/sys"
exec chroot --userspec="$ACCOUNT" "$MACHINE" /usr/bin/env -i "$@"`

/**
 * Unpacks a new machine into `folder`.
 * @param options.stop ends what runs there at once
 */
export function createMachine(
  folder: string,
  options: { tarball: string; host: HostConfiguration; stop: AbortSignal },
): Machine {
  const { tarball, host, stop } = options
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  mustRun('tar', '-C', folder, '--exclude=./dev/*', '-xf', tarball)
  copyFileSync('/etc/resolv.conf', join(folder, 'etc/resolv.conf'))
  writeFileSync(join(folder, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n')
  mkdirSync(join(folder, 'etc/ssl'), { recursive: true })
  if (host.caFile !== null) copyFileSync(host.caFile, join(folder, CA_FILE))
  const environment = { ...host.environment, ...(host.caFile === null ? {} : { NODE_EXTRA_CA_CERTS: CA_FILE }), PATH }

  function enter(account: Account, line: string, stdio: StdioOptions): ChildProcess {
    const variables = Object.entries({ ...environment, HOME: account.home, USER: account.name, TERM: 'dumb' })
    const words = variables.map(([name, value]) => `${name}=${value}`)
    return spawn(
      'unshare',
      ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-euc', ENTER, 'sh', ...words, 'sh', '-c', line],
      {
        stdio,
        env: { PATH, MACHINE: folder, ACCOUNT: `${account.name}:${account.name}` },
        // It is deaf to kinder signals; with it goes the first process of the machine, and with that all others.
        killSignal: 'SIGKILL',
        signal: stop,
      },
    )
  }

  function run(account: Account, line: string, logFile: string): Promise<number> {
    const log = openSync(logFile, 'a')
    const child = enter(account, line, ['ignore', log, log])
    return new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => {
        closeSync(log)
        resolve(code ?? 1)
      })
    })
  }

  function give(path: string, account: Account): void {
    mustRun('chroot', folder, 'chown', '-R', `${account.name}:${account.name}`, path)
  }

  const open = (account: Account, line: string) => enter(account, line, ['pipe', 'pipe', 'inherit'])

  return { folder, run, open, give, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
