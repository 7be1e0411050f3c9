import { LatchkeyError } from '@latchkey/shared'
import { parseArgs } from 'node:util'
import { type Agent, createAgent } from '../agent.ts'
import { loadAgentConfig } from '../config.ts'
import { createLog } from '../kernel/log.ts'
import { type Command, type CommandContext, DEFAULT_CONFIG_PATH } from './command.ts'

const HELP = `Usage: latchkey-agent run [--config FILE]

Watches the camera, records motion and rings, seals every clip to the household's keys and uploads it.
Unpaired, it prints the address to open on the owner's phone, and records nothing.

  --config FILE   default ${DEFAULT_CONFIG_PATH}

Signals: SIGUSR1 rings the bell, SIGTERM and SIGINT stop it without losing anything.
Environment: LATCHKEY_FFMPEG names an ffmpeg; PATH is searched otherwise.
`

function parseOptions(args: readonly string[]): string {
  try {
    return parseArgs({ args: [...args], options: { config: { type: 'string', default: DEFAULT_CONFIG_PATH } } }).values
      .config
  } catch (cause) {
    throw new LatchkeyError('USAGE', 'expected run [--config FILE]', { cause })
  }
}

/** Waits for a signal or for a camera that cannot be used, then stops in order. */
async function runUntilStopped(agent: Agent): Promise<void> {
  const stopped = Promise.withResolvers<null>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped.resolve(null))
  process.on('SIGUSR1', () => void agent.ring())
  // A file that has played to its end is no reason to leave: uploads may be waiting.
  agent.captured.catch((error: unknown) => stopped.reject(error))
  try {
    await stopped.promise
  } finally {
    await agent[Symbol.asyncDispose]()
  }
}

async function run({ args, environment }: CommandContext): Promise<number> {
  const config = await loadAgentConfig(parseOptions(args))
  const log = createLog({ level: config.log?.level ?? 'info', format: config.log?.format ?? 'lines' })
  const { LATCHKEY_FFMPEG: ffmpegPath, PATH: searchPath } = environment
  const agent = await createAgent(config, {
    log,
    ...(ffmpegPath ? { ffmpegPath } : {}),
    ...(searchPath ? { searchPath } : {}),
    display: {
      // The one place where the pairing secret is shown: to the person at this terminal, never to the log.
      onCode: (url) =>
        process.stdout.write(`\nNot paired: nothing is recorded. Open on the owner's phone:\n\n  ${url}\n\n`),
      onPaired: (digits) => process.stdout.write(`\nPaired. The phone must show the same digits: ${digits}\n\n`),
    },
  })
  await runUntilStopped(agent)
  return 0
}

/** `latchkey-agent run`: what the service does. */
export const runCommand: Command = {
  name: 'run',
  summary: 'watch, record, seal and upload until stopped (what the service runs)',
  help: HELP,
  run,
}
