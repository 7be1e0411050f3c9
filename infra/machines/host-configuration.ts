/** How this machine reaches its package sources, so that a bare machine made on it reaches them the same way. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a bare machine is told about the network; none of it is written into the project. */
export interface HostConfiguration {
  /** Where Debian's packages come from, such as `http://deb.debian.org/debian`. */
  readonly mirror: string
  /** `apt.conf` lines: proxies and date checks. */
  readonly aptOptions: readonly string[]
  /** Proxy variables and the npm registry. */
  readonly environment: Readonly<Record<string, string>>
  /** Certificates that Node trusts here beyond its own, as PEM; `null` when there are none. */
  readonly caFile: string | null
}

const DEFAULT_MIRROR = 'http://deb.debian.org/debian'
const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']
const PASSED_APT_OPTIONS = /^Acquire::(?:https?::(?:Proxy|Verify)|Check-(?:Valid-Until|Date)|Retries)/i

function answerOf(program: string, ...args: readonly string[]): string {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : ''
}

/** The first Debian archive named in /etc/apt, one-line or deb822 form; security and third parties are passed over. */
function findMirror(): string {
  const folder = '/etc/apt/sources.list.d'
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(folder) ? readdirSync(folder) : []).map((f) => join(folder, f)),
  ]
  const lines = files.filter((file) => existsSync(file)).flatMap((file) => readFileSync(file, 'utf8').split('\n'))
  const uris = lines.flatMap((line) => /^(?:URIs:|deb\s+(?:\[[^\]]*\]\s+)?)\s*(\S+)/.exec(line)?.[1] ?? [])
  return uris.find((uri) => /\/debian\/?$/.test(uri)) ?? DEFAULT_MIRROR
}

function npmSetting(name: string): string | null {
  const value = answerOf('npm', 'config', 'get', name)
  return value === '' || value === 'null' || value === 'undefined' ? null : value
}

/** Reads this machine's own apt, npm and proxy configuration. */
export function loadHostConfiguration(): HostConfiguration {
  const aptOptions = answerOf('apt-config', 'dump')
    .split('\n')
    .filter((line) => PASSED_APT_OPTIONS.test(line))
  const proxies = PROXY_VARIABLES.flatMap((name) => (process.env[name] ? [[name, process.env[name]] as const] : []))
  const registry = npmSetting('registry')
  return {
    mirror: findMirror(),
    aptOptions,
    environment: { ...Object.fromEntries(proxies), ...(registry === null ? {} : { npm_config_registry: registry }) },
    caFile: process.env['NODE_EXTRA_CA_CERTS'] ?? npmSetting('cafile'),
  }
}
