import { codeOf, LatchkeyError } from '@latchkey/shared'
import { parseArgs } from 'node:util'
import { loadConfigFile } from './config.ts'
import { createLog } from './kernel/log.ts'
import { createRelay } from './relay.ts'

const USAGE = 'usage: node relay/src/main.ts --config FILE'

function configPath(args: readonly string[]): string {
  const { values } = parseArgs({ args: [...args], options: { config: { type: 'string' } }, strict: true })
  if (values.config === undefined) throw new LatchkeyError('USAGE', USAGE)
  return values.config
}

function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal))
  })
}

/** Environment → config → relay → signal → dispose. The line `relay.ready` on standard output says what others need. */
async function main(): Promise<void> {
  const config = await loadConfigFile(configPath(process.argv.slice(2)))
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
