import { codeOf, digestOf, LatchkeyError, utf8 } from '@latchkey/shared'
import { chown, readFile, realpath, stat } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { type AgentConfig, loadAgentConfig, parseConfigText } from '../config.ts'
import { controlSocketPath } from '../control-socket.ts'
import { plainText, statusWords } from '../control/status-words.ts'
import { type ControlClient, createControlClient } from '../control/unix-control-client.ts'
import { writeFileAtomic } from '../kernel/atomic-file.ts'
import { systemClock } from '../kernel/clock.ts'
import { startPageServer } from '../page/http-page-server.ts'
import { createOneTimeCode } from '../page/one-time-code.ts'
import { isHouseAddress } from '../page/page-guard.ts'
import type { PageHost } from '../page/page-host.ts'
import { diffLines, withRegions } from '../page/region-document.ts'
import { type RegionChange, type RegionSections, regionsOf, sectionsOf } from '../page/region.ts'
import { type Command, type CommandContext, DEFAULT_CONFIG_PATH } from './command.ts'
import { parseOptions } from './command-options.ts'
import { HOW_TO_START } from './status.ts'
import { createTerminal, type Terminal } from './terminal.ts'

const HELP = `Usage: latchkey-agent page [--lan] [--port N] [--config FILE]

Serves a page for a browser, while it runs: aim the camera, draw the zones in which motion counts and the masks that are
never recorded, watch what the detector sees, and how the doorbell is. It prints a code that lets one browser in.

  --lan           at all of this machine's addresses in the house, over plain http: who listens there can see the pictures
  --port N        default 8377; 0 takes any free one
  --config FILE   default ${DEFAULT_CONFIG_PATH}

Ctrl-C ends it; it ends by itself after an hour without use.
`

const OPTIONS = {
  config: { type: 'string', default: DEFAULT_CONFIG_PATH },
  lan: { type: 'boolean', default: false },
  port: { type: 'string', default: '8377' },
} as const
const UNUSED_MS = 60 * 60_000
const LOOK_EVERY_MS = 1_000

const sectionsIn = (config: AgentConfig): RegionSections => {
  const { motion, masks } = config as AgentConfig & {
    motion?: { zones?: RegionSections['zones'] }
    masks?: RegionSections['masks']
  }
  return { zones: motion?.zones ?? {}, masks: masks ?? {} }
}

interface ConfigFile {
  readonly text: string
  readonly revision: string
}

async function readConfig(path: string): Promise<ConfigFile> {
  const text = await readFile(path, 'utf8')
  return { text, revision: digestOf(utf8(text)) }
}

/** Writes over the file in place of a link to it, and leaves it to whom it belonged. */
async function writeConfig(path: string, text: string): Promise<void> {
  const target = await realpath(path)
  const { mode, uid, gid } = await stat(target)
  try {
    await writeFileAtomic(target, utf8(text), { mode: mode & 0o777 })
    if (process.getuid?.() === 0) await chown(target, uid, gid)
  } catch (cause) {
    throw new LatchkeyError('STORAGE_FAILED', `${path} cannot be written; end the page and start it with sudo`, {
      cause,
    })
  }
}

/** The file with the change in it, checked by the configuration's own rules. @throws CONFIG_INVALID | CONFLICT */
function changed(file: ConfigFile, { revision, regions }: RegionChange): string {
  if (revision !== file.revision)
    throw new LatchkeyError('CONFLICT', 'The configuration file was changed meanwhile. Load the page again.')
  const text = withRegions(file.text, sectionsOf(regions))
  parseConfigText(text)
  return text
}

async function apply(client: ControlClient): Promise<string | null> {
  try {
    await client.reload()
    return null
  } catch (error) {
    return `The agent did not take it up (${codeOf(error)}). Apply it with: sudo systemctl restart latchkey-agent`
  }
}

/** Joins the running agent and its configuration file to the page. */
export function createPageHost(client: ControlClient, configPath: string): PageHost {
  return {
    async status() {
      const snapshot = await client.status()
      return { name: plainText(snapshot.camera.name), ...statusWords(snapshot) }
    },
    still: () => client.still(),
    news: (signal) => client.news(signal),
    async regions() {
      const { text, revision } = await readConfig(configPath)
      return { revision, regions: regionsOf(sectionsIn(parseConfigText(text))) }
    },
    async preview(change) {
      const file = await readConfig(configPath)
      return { diff: diffLines(file.text, changed(file, change)) }
    },
    async save(change) {
      const text = changed(await readConfig(configPath), change)
      await writeConfig(configPath, text)
      const advice = await apply(client)
      return { revision: digestOf(utf8(text)), applied: advice === null, advice }
    },
  }
}

/** This machine's addresses in the house: cable and Wi-Fi may be two networks. @throws UNAVAILABLE without one */
function houseAddresses(): readonly string[] {
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal, address }) => family === 'IPv4' && !internal && isHouseAddress(address))
    .map(({ address }) => address)
  if (found.length > 0) return [...new Set(found)]
  throw new LatchkeyError('UNAVAILABLE', 'this machine has no address of a home network; without --lan it works here')
}

function portOf(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new LatchkeyError('USAGE', '--port: a whole number from 0 to 65535')
}

const LAN_NOTICE = `
  ! Plain http: whoever listens on your network while the page is open can see the pictures and the cookie.
    The code keeps out those who only know the address. On a network you do not trust, leave --lan away and use:
    ssh -L 8377:127.0.0.1:8377 this-machine
`

function greet(terminal: Terminal, [origin, ...others]: readonly string[], code: string): void {
  terminal.write(
    `\n  ${terminal.tone('strong', origin!)}   code ${terminal.tone('good', code)}\n\n  or in one: ${origin}/#${code}\n`,
  )
  for (const other of others) terminal.write(`  also at:   ${other}/#${code}\n`)
}

/** Serves until a signal, too many wrong codes, or an hour without anybody. */
async function serve(host: PageHost, options: { lan: boolean; port: number }, terminal: Terminal): Promise<number> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  const guessed = new AbortController()
  const code = createOneTimeCode((next) =>
    terminal.write(`  The code was used up. The next browser needs ${terminal.tone('good', next)}\n`),
  )
  await using server = await startPageServer({
    host,
    code,
    clock: systemClock,
    addresses: options.lan ? houseAddresses() : ['127.0.0.1'],
    port: options.port,
    names: options.lan ? [] : ['localhost'],
    onSpent() {
      guessed.abort()
      stop.abort()
    },
  })
  greet(terminal, server.origins, code.current)
  if (options.lan) terminal.write(LAN_NOTICE)
  terminal.write('\n  Ctrl-C ends it.\n')
  while (!stop.signal.aborted && systemClock.monotonicMs() - server.usedMs() < UNUSED_MS)
    await systemClock.sleep(LOOK_EVERY_MS, stop.signal)
  if (guessed.signal.aborted) terminal.write('\n  Too many wrong codes: somebody guesses. The page is closed.\n')
  return guessed.signal.aborted ? 1 : 0
}

async function run({ args, environment }: CommandContext): Promise<number> {
  const { config: path, lan, port } = parseOptions(args, { command: 'page', options: OPTIONS })
  const terminal = createTerminal(environment)
  const client = createControlClient(controlSocketPath(await loadAgentConfig(path)))
  await client.status().catch((cause: unknown) => {
    if (codeOf(cause) !== 'UNAVAILABLE') throw cause
    throw new LatchkeyError('UNAVAILABLE', `the agent is not running\n\n${HOW_TO_START}`, { cause })
  })
  return serve(createPageHost(client, path), { lan, port: portOf(port) }, terminal)
}

/** `latchkey-agent page`: aim, draw, watch. */
export const pageCommand: Command = {
  name: 'page',
  summary: 'a page for a browser: aim the camera, draw zones and masks',
  help: HELP,
  run,
}
