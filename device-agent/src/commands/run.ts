import { codeOf, LatchkeyError } from '@latchkey/shared'
import { type Agent, createAgent } from '../agent.ts'
import { type AgentConfig, loadAgentConfig } from '../config.ts'
import { systemClock } from '../kernel/clock.ts'
import { createLog, type Log } from '../kernel/log.ts'
import { createSdNotify, type SdNotify } from '../kernel/sd-notify.ts'
import { type Command, type CommandContext, DEFAULT_CONFIG_PATH } from './command.ts'
import { parseOptions } from './command-options.ts'
import { reportToServiceManager } from './service-manager.ts'

const HELP = `Usage: latchkey-agent run [--config FILE]

Watches the camera, records motion and rings, seals every clip to the household's keys and uploads it.
Unpaired, it prints the address to open on the owner's phone, and records nothing.

  --config FILE   default ${DEFAULT_CONFIG_PATH}

Signals: SIGUSR1 rings the bell, SIGHUP reads motion, clip and masks again, SIGTERM and SIGINT stop it without losing
anything.
Environment: LATCHKEY_FFMPEG names an ffmpeg; PATH is searched otherwise. As a systemd service of Type=notify it says
when it is ready, how it stands, and that it lives; the pairing address is then shown by "latchkey-agent status --pairing".
`

const OPTIONS = { config: { type: 'string', default: DEFAULT_CONFIG_PATH } } as const

const UNPAIRED_SERVICE = 'The code for the phone: sudo latchkey-agent status --pairing\n'
const codeText = (url: string): string =>
  `\nNot paired: nothing is recorded. Open on the owner's phone:\n\n  ${url}\n\n`

interface Reporters {
  readonly notify: SdNotify
  readonly log: Log
}

/** A bell goes on without a recording for so long; then the next start tries everything anew. */
const BELL_ALONE_MS = 10 * 60_000

/** What becomes of an agent that cannot record: it ends at once, or, where somebody may ring, after a while. */
function endWithoutRecording(config: AgentConfig, log: Log, end: (error: unknown) => void): (error: unknown) => void {
  return (error) => {
    if (config.button === undefined && config.home === undefined) {
      end(error)
      return
    }
    const reason = error instanceof LatchkeyError ? error.message : 'unexpected'
    log.error(
      { code: codeOf(error), reason },
      'nothing is recorded; the bell goes on, all is tried anew in ten minutes',
    )
    systemClock.setTimer(BELL_ALONE_MS, () => end(error))
  }
}

type Request = 'SIGUSR1' | 'SIGHUP'

/** Signals count from the first moment, when their default would end the process: those that are early wait for the agent. */
function listenForSignals() {
  const stopped = Promise.withResolvers<null>()
  const early: Request[] = []
  let take = (request: Request): void => void early.push(request)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped.resolve(null))
  for (const signal of ['SIGUSR1', 'SIGHUP'] as const) process.on(signal, () => take(signal))
  return {
    stopped,
    serve(handler: (request: Request) => void): void {
      take = handler
      early.splice(0).forEach(handler)
    },
  }
}

/** Waits for a signal or for a camera that cannot be used, then stops in order. */
async function runUntilStopped(
  agent: Agent,
  config: AgentConfig,
  { notify, log, signals }: Reporters & { readonly signals: ReturnType<typeof listenForSignals> },
): Promise<void> {
  const { stopped } = signals
  signals.serve((request) => {
    if (request === 'SIGUSR1') agent.ring()
    else
      agent
        .reload()
        .catch((error: unknown) => log.error({ code: codeOf(error) }, 'the configuration was not read again'))
  })
  // A file that has played to its end is no reason to leave: uploads may be waiting.
  agent.captured.catch(endWithoutRecording(config, log, stopped.reject))
  const report = reportToServiceManager(agent, { notify, clock: systemClock, isHealthy: () => !agent.isStuck() })
  try {
    await stopped.promise
  } finally {
    report[Symbol.dispose]()
    notify.stopping()
    await agent[Symbol.asyncDispose]()
  }
}

async function run({ args, environment }: CommandContext): Promise<number> {
  const signals = listenForSignals()
  const { config: path } = parseOptions(args, { command: 'run', options: OPTIONS })
  const config = await loadAgentConfig(path)
  const log = createLog({ level: config.log?.level ?? 'info', format: config.log?.format ?? 'lines' })
  const { LATCHKEY_FFMPEG: ffmpegPath, PATH: searchPath } = environment
  await using notify = createSdNotify({ environment, clock: systemClock, log, pid: process.pid })
  // What a service prints ends in the journal, where a pairing secret must not be.
  const isService = environment['NOTIFY_SOCKET'] !== undefined
  const agent = await createAgent(config, {
    log,
    loadConfig: () => loadAgentConfig(path),
    ...(ffmpegPath ? { ffmpegPath } : {}),
    ...(searchPath ? { searchPath } : {}),
    display: {
      // The one place where the pairing secret is shown: to the person at this terminal, never to the log.
      onCode: (url) => process.stdout.write(isService ? UNPAIRED_SERVICE : codeText(url)),
      onPaired: (digits) => process.stdout.write(`\nPaired. The phone must show the same digits: ${digits}\n\n`),
    },
  })
  await runUntilStopped(agent, config, { notify, log, signals })
  return 0
}

/** `latchkey-agent run`: what the service does. */
export const runCommand: Command = {
  name: 'run',
  summary: 'watch, record, seal and upload until stopped (what the service runs)',
  help: HELP,
  run,
}
