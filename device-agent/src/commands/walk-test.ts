import { LatchkeyError } from '@latchkey/shared'
import { createInterface } from 'node:readline/promises'
import { DEFAULT_CLIP_CONFIG } from '../clip/clip-cutter.ts'
import { type AgentConfig, loadAgentConfig } from '../config.ts'
import { controlSocketPath } from '../control-socket.ts'
import { createNewsListener } from '../control/news-listener.ts'
import { countWords, plainText } from '../control/status-words.ts'
import { createControlClient } from '../control/unix-control-client.ts'
import { systemClock } from '../kernel/clock.ts'
import { type Command, type CommandContext, DEFAULT_CONFIG_PATH } from './command.ts'
import { parseOptions } from './command-options.ts'
import { createTerminal, type Terminal, wrapText } from './terminal.ts'
import { obstacleOf, runWalk, type WalkFinding } from './walk-script.ts'

const HELP = `Usage: latchkey-agent walk-test [--press] [--timeout SECONDS] [--config FILE]

Tries the doorbell for real, with you in front of it: you walk up, ring, and step away; it says how soon you were seen,
how much was recorded from before, and when the clip was with the relay. The agent must run. What is recorded is an
ordinary clip.

  --press             presses the bell for you, where there is no button yet
  --timeout SECONDS   longest wait for each step, default 60; with it nobody is asked to press Enter
  --config FILE       default ${DEFAULT_CONFIG_PATH}

Exit codes: 0 everything works, 1 something does not, 2 wrong usage.
`

const DEFAULT_STEP_S = 60
const MAX_STEP_S = 600
const WIDTH = 80

interface Options {
  readonly config: string
  readonly press: boolean
  readonly timeout?: string | undefined
}

const OPTIONS = {
  config: { type: 'string', default: DEFAULT_CONFIG_PATH },
  press: { type: 'boolean', default: false },
  timeout: { type: 'string' },
} as const

function stepMsOf({ timeout }: Options): number {
  const given = timeout === undefined ? DEFAULT_STEP_S : Number(timeout)
  if (!(given > 0 && given <= MAX_STEP_S)) throw new LatchkeyError('USAGE', `--timeout: 1 to ${MAX_STEP_S} seconds`)
  return given * 1_000
}

/** Asks for Enter where somebody can press it. */
function createPrompt(terminal: Terminal, asks: boolean): (words: string) => Promise<void> {
  return async (words) => {
    if (!asks) {
      terminal.write(`\n${terminal.tone('strong', words)}…\n`)
      return
    }
    const reader = createInterface({ input: process.stdin, output: process.stdout })
    try {
      await reader.question(`\n${terminal.tone('strong', words)}. Press Enter when you start: `)
    } finally {
      reader.close()
    }
  }
}

function tellFinding(terminal: Terminal, { passed, words, hint }: WalkFinding): void {
  const tone = passed ? (hint === undefined ? 'good' : 'note') : 'bad'
  const mark = terminal.tone(tone, passed ? (hint === undefined ? '✓' : '!') : '✗')
  const [first, ...rest] = wrapText(plainText(words), WIDTH - 4)
  terminal.write([`  ${mark} ${first!}`, ...rest.map((line) => `    ${line}`), ''].join('\n'))
}

function tellVerdict(terminal: Terminal, findings: readonly WalkFinding[]): boolean {
  const failed = findings.filter(({ passed }) => !passed)
  const hints = findings.flatMap(({ hint }) => (hint === undefined ? [] : [hint]))
  const verdict =
    failed.length === 0
      ? terminal.tone('good', 'The doorbell works.')
      : terminal.tone('bad', `${countWords(failed.length, 'step')} did not work.`)
  const advice = hints.flatMap((hint) => wrapText(hint, WIDTH - 4).map((line, i) => (i === 0 ? '  ' : '    ') + line))
  terminal.write(`\n${verdict}\n${advice.map((line) => `${line}\n`).join('')}`)
  return failed.length === 0
}

async function walk(config: AgentConfig, options: Options, terminal: Terminal): Promise<number> {
  const stepMs = stepMsOf(options)
  const client = createControlClient(controlSocketPath(config))
  const obstacle = obstacleOf(await client.status())
  if (obstacle !== null) {
    terminal.write(`${terminal.tone('bad', '✗')} ${obstacle}\n`)
    return 1
  }
  await using listener = createNewsListener((signal) => client.news(signal), systemClock)
  const asks = terminal.isInteractive && process.stdin.isTTY && options.timeout === undefined
  terminal.write(
    `${terminal.tone('strong', 'Walk test')} of ${plainText(config.camera.name)}. Stay out of the picture for a moment…\n`,
  )
  const findings = await runWalk(
    {
      client,
      listener,
      clock: systemClock,
      terminal,
      preRollMs: config.clip?.preRollMs ?? DEFAULT_CLIP_CONFIG.preRollMs,
      stepMs,
      pressBell: options.press,
      prompt: createPrompt(terminal, asks),
    },
    (finding) => tellFinding(terminal, finding),
  )
  return tellVerdict(terminal, findings) ? 0 : 1
}

async function run({ args, environment }: CommandContext): Promise<number> {
  const options = parseOptions(args, { command: 'walk-test', options: OPTIONS })
  return walk(await loadAgentConfig(options.config), options, createTerminal(environment))
}

/** `latchkey-agent walk-test`: does it see a visitor, and is the clip safe in time? */
export const walkTestCommand: Command = {
  name: 'walk-test',
  summary: 'try the doorbell for real: walk up, ring, step away',
  help: HELP,
  run,
}
