import { codeOf, LatchkeyError } from '@latchkey/shared'
import { parseArgs } from 'node:util'
import { type Agent, createAgent } from './agent.ts'
import { loadAgentConfig } from './config.ts'
import { createLog } from './kernel/log.ts'

const HELP = `Usage: node device-agent/src/main.ts --config FILE

Watches the camera, records motion and rings, seals every clip to the household's keys and uploads it.
Unpaired, it prints the address to open on the owner's phone, and records nothing.

  --config FILE   configuration, JSON (see device-agent/README.md)
  --help          this text

Signals: SIGUSR1 rings the bell, SIGTERM and SIGINT stop it without losing anything.
Environment: LATCHKEY_FFMPEG names an ffmpeg; PATH is searched otherwise.
`

/** Exit codes: 0 stopped in order, 1 failed, 2 wrong usage. */
async function main(): Promise<number> {
  const { config: path, help } = parseUsage(process.argv.slice(2))
  if (help) {
    process.stdout.write(HELP)
    return 0
  }
  if (path === undefined) throw new LatchkeyError('USAGE', 'expected --config FILE; see --help')
  const config = await loadAgentConfig(path)
  const log = createLog({ level: config.log?.level ?? 'info', format: config.log?.format ?? 'lines' })
  const ffmpegPath = process.env['LATCHKEY_FFMPEG']
  const searchPath = process.env['PATH']
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

function parseUsage(args: string[]): { config?: string; help?: boolean } {
  try {
    return parseArgs({ args, options: { config: { type: 'string' }, help: { type: 'boolean' } } }).values
  } catch (cause) {
    throw new LatchkeyError('USAGE', 'unknown arguments; see --help', { cause })
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

try {
  process.exitCode = await main()
} catch (error) {
  // A failure of ours that nobody foresaw is a bug: its place in the code is what a report needs.
  const message = error instanceof LatchkeyError ? error.message : error instanceof Error ? error.stack : 'unexpected'
  process.stderr.write(`latchkey-agent: ${codeOf(error)}: ${message}\n`)
  process.exitCode = codeOf(error) === 'USAGE' ? 2 : 1
}
