import { LatchkeyError } from '@latchkey/shared'
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { loadAgentConfig } from '../config.ts'
import { systemClock } from '../kernel/clock.ts'
import { lockDirectory } from '../kernel/instance-lock.ts'
import { assertRoot, openUpdateJournal, UPDATE_FOLDER } from '../update/disk-update-journal.ts'
import { createCommandHealth, createServiceHealth } from '../update/doorbell-health.ts'
import { createDpkgPackages } from '../update/dpkg-packages.ts'
import { parseReleaseKeys, type ReleaseKeys } from '../update/update-manifest.ts'
import { openUpdateSource } from '../update/update-source-client.ts'
import { createUpdater, type UpdateSource, type Updater } from '../update/updater.ts'
import { type Command, type CommandContext, DEFAULT_CONFIG_PATH } from './command.ts'

const RELEASE_KEYS_PATH = '/usr/share/latchkey/release-keys.json'
const DEFAULT_HEALTH_S = 180

const HELP = `Usage: latchkey-agent update check|apply|rollback [options]

Signed updates of the installed package.

  check      looks for a newer version and changes nothing
  apply      fetches it, checks signatures, size and hash, keeps the present version, installs the new one, and puts the
             old one back when the new one is not healthy (needs root)
  rollback   puts the version from before the last update back (needs root)

  --source FROM         https address or path of the update manifest; default: update.source of the configuration
  --config FILE         default ${DEFAULT_CONFIG_PATH}
  --retry               apply: also a version that was put back before
  --health COMMAND      apply: healthy when this ends with 0, instead of asking systemd about the service
  --health-seconds N    apply: how long the new version has to prove itself, default ${DEFAULT_HEALTH_S}

An update needs signatures by the release keys in ${RELEASE_KEYS_PATH} and a higher version.
A version that was put back is not tried again unless --retry is given.
Exit codes: 0 done or nothing newer, 1 refused, failed or put back, 2 wrong usage.
`

const USAGE = 'expected update check, update apply or update rollback; --help lists the options'

function parseOptions(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        source: { type: 'string' },
        config: { type: 'string', default: DEFAULT_CONFIG_PATH },
        retry: { type: 'boolean', default: false },
        health: { type: 'string' },
        'health-seconds': { type: 'string', default: String(DEFAULT_HEALTH_S) },
      },
    })
    const seconds = values['health-seconds']
    if (positionals.length !== 1 || !/^[1-9]\d{0,3}$/.test(seconds)) throw new LatchkeyError('USAGE', USAGE)
    return { ...values, verb: positionals[0]!, timeoutMs: Number(seconds) * 1000 }
  } catch (cause) {
    throw new LatchkeyError('USAGE', USAGE, { cause })
  }
}
type Options = ReturnType<typeof parseOptions>

async function loadReleaseKeys(): Promise<ReleaseKeys> {
  const text = await readFile(RELEASE_KEYS_PATH, 'utf8').catch((cause: unknown) => {
    throw new LatchkeyError('UNAVAILABLE', 'only an installed package can be updated this way', { cause })
  })
  return parseReleaseKeys(JSON.parse(text))
}

/** The configured source; null when none is. */
async function loadSource({ source, config }: Options): Promise<UpdateSource | null> {
  const from = source ?? (await loadAgentConfig(config)).update?.source
  return from === undefined ? null : openUpdateSource(from)
}

const NOT_CONFIGURED = 'No source of updates is configured (update.source).'

const print = (line: string) => void process.stdout.write(`${line}\n`)

async function createParts(options: Options, source: UpdateSource): Promise<Updater> {
  const { health, timeoutMs } = options
  const clock = systemClock
  return createUpdater({
    source,
    packages: createDpkgPackages(clock),
    health:
      health === undefined
        ? createServiceHealth({ clock, timeoutMs })
        : createCommandHealth(health, { clock, timeoutMs }),
    journal: openUpdateJournal(UPDATE_FOLDER),
    releaseKeys: await loadReleaseKeys(),
    say: print,
  })
}

async function check(updater: Updater): Promise<void> {
  const { installed, update, file, refused } = await updater.check()
  if (file === null) print(`${installed.version} is installed; nothing newer is offered.`)
  else if (refused !== null) print(`${update.version} is offered, but was put back on this device: ${refused.reason}.`)
  else print(`${installed.version} is installed, ${update.version} is offered: sudo latchkey-agent update apply`)
}

async function apply(updater: Updater, { retry }: Options): Promise<void> {
  const version = await updater.apply({ retry })
  print(version === null ? 'Nothing newer is offered.' : `${version} is installed and healthy.`)
}

const NO_SOURCE: UpdateSource = {
  readManifest: () => Promise.reject(new LatchkeyError('USAGE', 'no source of updates')),
  readPackage: () => Promise.reject(new LatchkeyError('USAGE', 'no source of updates')),
}

async function change(options: Options): Promise<void> {
  const source = options.verb === 'rollback' ? NO_SOURCE : await loadSource(options)
  if (source === null) {
    print(NOT_CONFIGURED)
    return
  }
  const updater = await createParts(options, source)
  if (options.verb === 'apply') {
    await apply(updater, options)
    return
  }
  await updater.rollBack()
  print('The version from before the last update is installed.')
}

/** One at a time, and only root: programs are replaced. */
async function changeAlone(options: Options): Promise<void> {
  assertRoot(process.getuid?.())
  // Our own folder may not be there yet.
  const lock = await lockDirectory('/var/lib/dpkg')
  try {
    await change(options)
  } finally {
    await lock[Symbol.asyncDispose]()
  }
}

async function run({ args }: CommandContext): Promise<number> {
  const options = parseOptions(args)
  if (!['check', 'apply', 'rollback'].includes(options.verb)) throw new LatchkeyError('USAGE', USAGE)
  if (options.verb !== 'check') await changeAlone(options)
  else {
    const source = await loadSource(options)
    if (source === null) print(NOT_CONFIGURED)
    else await check(await createParts(options, source))
  }
  return 0
}

/** `latchkey-agent update`: signed updates, put back when they are sick. */
export const updateCommand: Command = {
  name: 'update',
  summary: 'look for, apply or take back a signed update',
  help: HELP,
  run,
}
