import { codeOf, LatchkeyError } from '@latchkey/shared'
import { loadAgentConfig } from '../config.ts'
import { controlSocketPath } from '../control-socket.ts'
import type { AgentSnapshot } from '../control/control-message.ts'
import { plainText, type StatusLine, type StatusWords, statusWords } from '../control/status-words.ts'
import { type ControlClient, createControlClient } from '../control/unix-control-client.ts'
import { systemClock } from '../kernel/clock.ts'
import { type Command, type CommandContext, DEFAULT_CONFIG_PATH } from './command.ts'
import { parseOptions } from './command-options.ts'
import { createTerminal, type Terminal, wrapText } from './terminal.ts'

const HELP = `Usage: latchkey-agent status [--json | --watch | --pairing] [--config FILE]

Says at a glance whether the doorbell records, who came last, and what needs you.

  --json          everything it knows, as one line of JSON
  --watch         shows it again every two seconds, until Ctrl-C
  --pairing       the address that pairs an unpaired device: a secret, for the owner's phone only
  --config FILE   default ${DEFAULT_CONFIG_PATH}

Exit codes: 0 it runs, 1 it does not run or cannot be asked, 2 wrong usage.
`

/** What to do when nobody answers. */
export const HOW_TO_START = `Start it:      sudo systemctl start latchkey-agent
See why not:   journalctl -u latchkey-agent -n 50
Check:         latchkey-agent doctor`

const WATCH_EVERY_MS = 2_000
const WIDTH = 80
const LABEL_WIDTH = 15
const MARKS = { good: '✓', note: '!', bad: '✗' } as const

interface Options {
  readonly config: string
  readonly json: boolean
  readonly watch: boolean
  readonly pairing: boolean
}

const OPTIONS = {
  config: { type: 'string', default: DEFAULT_CONFIG_PATH },
  json: { type: 'boolean', default: false },
  watch: { type: 'boolean', default: false },
  pairing: { type: 'boolean', default: false },
} as const

function readOptions(args: readonly string[]): Options {
  const options = parseOptions(args, { command: 'status', options: OPTIONS })
  if ([options.json, options.watch, options.pairing].filter(Boolean).length <= 1) return options
  throw new LatchkeyError('USAGE', 'one of --json, --watch and --pairing at a time')
}

function linesOf({ label, text, level }: StatusLine, terminal: Terminal): string[] {
  const [first, ...rest] = wrapText(text, WIDTH - LABEL_WIDTH - 4)
  const indent = ' '.repeat(LABEL_WIDTH + 4)
  const mark = terminal.tone(level, MARKS[level])
  return [`  ${label.padEnd(LABEL_WIDTH)}${mark} ${first!}`, ...rest.map((line) => indent + line)]
}

function adviceOf(lines: readonly StatusLine[], terminal: Terminal): string[] {
  const advices = lines.flatMap(({ label, advice }) => (advice === undefined ? [] : [`${label}: ${advice}`]))
  if (advices.length === 0) return []
  const wrapped = advices.flatMap((advice) =>
    wrapText(advice, WIDTH - 4).map((line, i) => (i === 0 ? '  ' : '    ') + line),
  )
  return ['', terminal.tone('strong', 'What to do'), ...wrapped]
}

function headOf(snapshot: AgentSnapshot, words: StatusWords, terminal: Terminal): string[] {
  const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' }).format(snapshot.nowMs)
  const name = plainText(snapshot.camera.name).slice(0, WIDTH - moment.length - 2)
  const title = terminal.tone('strong', name) + moment.padStart(WIDTH - name.length)
  return [title, '', `${terminal.tone(words.level, '●')} ${terminal.tone('strong', words.headline)}`, '']
}

/** The whole picture, 80 columns wide. */
export function renderStatus(snapshot: AgentSnapshot, terminal: Terminal): string {
  const words = statusWords(snapshot)
  const { agent, node, ffmpeg } = snapshot.software
  const versions = `${agent}, Node.js ${node}${ffmpeg === null ? '' : `, ffmpeg ${ffmpeg}`}`
  const lines = [
    ...headOf(snapshot, words, terminal),
    ...words.lines.flatMap((line) => linesOf(line, terminal)),
    ...adviceOf(words.lines, terminal),
    '',
    terminal.tone('faint', plainText(versions)),
  ]
  return `${lines.join('\n')}\n`
}

function renderAbsent(terminal: Terminal): string {
  const headline = `${terminal.tone('bad', '●')} ${terminal.tone('strong', 'The agent is not running: nothing is recorded.')}`
  return `${headline}\n\n${HOW_TO_START.replaceAll(/^/gm, '  ')}\n`
}

/** One look; false when the agent does not run. */
async function show(client: ControlClient, terminal: Terminal): Promise<boolean> {
  try {
    terminal.write(renderStatus(await client.status(), terminal))
    return true
  } catch (error) {
    if (codeOf(error) !== 'UNAVAILABLE') throw error
    terminal.write(renderAbsent(terminal))
    return false
  }
}

async function watch(client: ControlClient, terminal: Terminal): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  while (!stop.signal.aborted) {
    terminal.clear()
    await show(client, terminal)
    await systemClock.sleep(WATCH_EVERY_MS, stop.signal)
  }
}

async function showPairing(client: ControlClient, terminal: Terminal): Promise<void> {
  const { url, untilMs } = await client.pairing()
  if (url === null || untilMs === null) {
    terminal.write('No address to show: the device is paired, or the next address is being made.\n')
    return
  }
  const until = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' }).format(untilMs)
  terminal.write(`Open on the owner’s phone before ${until}; whoever has this address pairs the device:\n\n  ${url}\n`)
}

async function run({ args, environment }: CommandContext): Promise<number> {
  const options = readOptions(args)
  const client = createControlClient(controlSocketPath(await loadAgentConfig(options.config)))
  const terminal = createTerminal(environment)
  if (options.json) process.stdout.write(`${JSON.stringify(await client.status())}\n`)
  else if (options.pairing) await showPairing(client, terminal)
  else if (options.watch) await watch(client, terminal)
  else return (await show(client, terminal)) ? 0 : 1
  return 0
}

/** `latchkey-agent status`: is all well? */
export const statusCommand: Command = {
  name: 'status',
  summary: 'does it record, who came last, what needs you',
  help: HELP,
  run,
}
