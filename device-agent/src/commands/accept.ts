import { codeOf, LatchkeyError } from '@latchkey/shared'
import { loadAgentConfig } from '../config.ts'
import { controlSocketPath } from '../control-socket.ts'
import { createControlClient } from '../control/unix-control-client.ts'
import { type Command, type CommandContext, DEFAULT_CONFIG_PATH } from './command.ts'
import { parseOptions } from './command-options.ts'

const HELP = `Usage: latchkey-agent accept [--config FILE]

Says yes to the phone that an owner is adding, where this doorbell has no button:
the same as pressing it three times within ten seconds. Do it only while you add
a phone yourself: whoever is added can open every recording.

  --config FILE   default ${DEFAULT_CONFIG_PATH}

Exit codes: 0 added, 1 no phone waits or the agent cannot be asked, 2 wrong usage.
`

const count = (number: number, one: string): string => `${number} ${one}${number === 1 ? '' : 's'}`

async function run({ args }: CommandContext): Promise<number> {
  const options = parseOptions(args, {
    command: 'accept',
    options: { config: { type: 'string', default: DEFAULT_CONFIG_PATH } },
  })
  const client = createControlClient(controlSocketPath(await loadAgentConfig(options.config)))
  const { owners, viewers } = await client.acceptPhone().catch((cause: unknown) => {
    if (codeOf(cause) !== 'NOT_FOUND') throw cause
    const hint = 'no phone waits to be added: begin with “Add a phone” on a phone of an owner, then say yes here'
    throw new LatchkeyError('NOT_FOUND', hint, { cause })
  })
  const lookers = viewers === 0 ? '' : ` and ${count(viewers, 'phone')} that may only look`
  process.stdout.write(`Added. The household now has ${count(owners, 'phone')} of owners${lookers}.\n`)
  return 0
}

/** `latchkey-agent accept`: yes to the phone that waits to be added. */
export const acceptCommand: Command = {
  name: 'accept',
  summary: 'say yes to the phone that an owner is adding, without a button',
  help: HELP,
  run,
}
