import { codeOf, LatchkeyError } from '@latchkey/shared'
import { join } from 'node:path'
import { loadAgentConfig } from '../config.ts'
import { retainedTopics } from '../home/home-topics.ts'
import { createHomeSessionOpener } from '../home/mqtt-home-session.ts'
import { brokerOf, homePlaceOf } from '../home-broker.ts'
import { isFileError, readFileOrNull } from '../kernel/atomic-file.ts'
import { systemClock as clock } from '../kernel/clock.ts'
import { lockDirectory } from '../kernel/instance-lock.ts'
import { loadDeviceKey } from '../keys/device-key.ts'
import { type Command, type CommandContext, DEFAULT_CONFIG_PATH } from './command.ts'
import { parseOptions } from './command-options.ts'

const NAME = 'home remove'

const HELP = `Usage: latchkey-agent home remove [--config FILE]

Takes the doorbell out of Home Assistant: empties everything it has left at the home broker.
Stop the service first; afterwards take the section "home" out of the configuration, or it comes back with the next start.

  --config FILE   default ${DEFAULT_CONFIG_PATH}
`

async function lock(dataDir: string): Promise<AsyncDisposable> {
  return lockDirectory(dataDir).catch((cause: unknown) => {
    if (isFileError(cause, 'ENOENT'))
      throw new LatchkeyError('CONFIG_INVALID', 'dataDir is not there: nothing was ever told')
    if (codeOf(cause) !== 'CONFLICT') throw cause
    throw new LatchkeyError('CONFLICT', 'the agent runs and would tell all anew: stop the service first', { cause })
  })
}

async function run({ args }: CommandContext): Promise<number> {
  const options = { config: { type: 'string', default: DEFAULT_CONFIG_PATH } } as const
  const { dataDir, home } = await loadAgentConfig(parseOptions(args, { command: NAME, options }).config)
  if (home === undefined) throw new LatchkeyError('CONFIG_INVALID', 'the configuration has no section home')
  await using stack = new AsyncDisposableStack()
  stack.use(await lock(dataDir))
  const keyPath = join(dataDir, 'keys', 'device.key')
  if ((await readFileOrNull(keyPath)) === null)
    throw new LatchkeyError('CONFIG_INVALID', 'dataDir holds no device key: nothing was ever told')
  const { id, topics } = homePlaceOf(home, await loadDeviceKey(keyPath))
  const open = createHomeSessionOpener({
    broker: brokerOf(home),
    clientId: `latchkey-${id}-remove`,
    subscriptions: [],
    clock,
  })
  const session = await open(() => {})
  try {
    for (const topic of retainedTopics(topics)) await session.publish({ topic, payload: '', retain: true })
  } finally {
    await session.end()
  }
  process.stdout.write('Removed. Now take the section "home" out of the configuration.\n')
  return 0
}

/** `latchkey-agent home remove`: leaves the household's broker as if the doorbell had never been there. */
export const homeRemoveCommand: Command = {
  name: NAME,
  summary: 'take the doorbell out of Home Assistant',
  help: HELP,
  run,
}
