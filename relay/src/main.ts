import { codeOf, LatchkeyError } from '@latchkey/shared'
import { parseArgs } from 'node:util'
import { loadConfigFile } from './config.ts'
import { createLog } from './kernel/log.ts'
import { createRelay } from './relay.ts'

const HELP = `Usage: node relay/src/main.ts --config FILE

Runs the relay: it keeps what doorbells sealed and cannot open it, and releases a clip only for an owner's signed consent.

  --config FILE   JSON; relay/README.md lists its keys
  --help          this

Its first line on standard output, relay.ready, says where it listens. SIGINT or SIGTERM ends it without loss.
Exit codes: 0 ended when told to, 1 failed, 2 wrong usage.
`

/** The configuration's file, or null when help was asked for. @throws USAGE */
function configPath(args: readonly string[]): string | null {
  const options = { config: { type: 'string' }, help: { type: 'boolean' } } as const
  const hint = 'node relay/src/main.ts --help says what it takes'
  try {
    const { config, help } = parseArgs({ args: [...args], options, strict: true }).values
    if (help) return null
    if (config !== undefined) return config
  } catch (error) {
    throw new LatchkeyError('USAGE', `${(error as Error).message}; ${hint}`)
  }
  throw new LatchkeyError('USAGE', `--config FILE is missing; ${hint}`)
}

function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal))
  })
}

/** Environment → config → relay → signal → dispose. The line `relay.ready` on standard output says what others need. */
async function main(): Promise<void> {
  const path = configPath(process.argv.slice(2))
  if (path === null) {
    process.stdout.write(HELP)
    return
  }
  const config = await loadConfigFile(path)
  const log = createLog({ level: config.logLevel })
  const stopped = nextSignal()
  await using relay = await createRelay(config, { log })
  const { publicOrigin, operatorOrigin, brokerUrl, logVkey, relayJwk } = relay
  log.info({ publicOrigin, operatorOrigin, brokerUrl, logVkey, relayJwk }, 'relay.ready')
  log.info({ signal: await stopped }, 'relay.stopping')
}

try {
  await main()
} catch (error) {
  const message = error instanceof Error ? error.message : 'unknown'
  process.stderr.write(`${codeOf(error)} ${message}\n`)
  process.exitCode = codeOf(error) === 'USAGE' ? 2 : 1
}
