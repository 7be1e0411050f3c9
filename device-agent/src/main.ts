import { codeOf, LatchkeyError } from '@latchkey/shared'
import type { Command } from './commands/command.ts'

/** By name, in the order of the help. A command is loaded when it is asked for: the doorbell keeps none of the others in memory. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  setup: async () => (await import('./commands/setup.ts')).setupCommand,
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand,
  run: async () => (await import('./commands/run.ts')).runCommand,
  status: async () => (await import('./commands/status.ts')).statusCommand,
  accept: async () => (await import('./commands/accept.ts')).acceptCommand,
  'walk-test': async () => (await import('./commands/walk-test.ts')).walkTestCommand,
  replay: async () => (await import('./commands/replay.ts')).replayCommand,
  page: async () => (await import('./commands/page.ts')).pageCommand,
  'config check': async () => (await import('./commands/config.ts')).configCheckCommand,
  'config show': async () => (await import('./commands/config.ts')).configShowCommand,
  'config example': async () => (await import('./commands/config.ts')).configExampleCommand,
  update: async () => (await import('./commands/update.ts')).updateCommand,
  'home remove': async () => (await import('./commands/home-remove.ts')).homeRemoveCommand,
}

async function overview(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()))
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`)
  return `Usage: latchkey-agent COMMAND [options]

The doorbell: records what happens at the door, so that only its owner can open it.

${lines.join('\n')}

latchkey-agent COMMAND --help says more. Exit codes: 0 done, 1 failed, 2 wrong usage.
`
}

/** Longest name first, so that `config check` is not taken for a command `config`. */
function findName(args: readonly string[]): string | undefined {
  const fitting = Object.keys(COMMANDS).filter((name) => name.split(' ').every((word, i) => args[i] === word))
  return fitting.toSorted((a, b) => b.length - a.length)[0]
}

async function main(args: readonly string[]): Promise<number> {
  const name = findName(args)
  if (name === undefined) {
    const asksForHelp = args.length === 0 || args[0] === '--help' || args[0] === 'help'
    if (!asksForHelp) throw new LatchkeyError('USAGE', 'no such command; latchkey-agent --help lists them')
    process.stdout.write(await overview())
    return args.length === 0 ? 2 : 0
  }
  const command = await COMMANDS[name]!()
  const rest = args.slice(command.name.split(' ').length)
  if (rest.includes('--help')) {
    process.stdout.write(command.help)
    return 0
  }
  return command.run({ args: rest, environment: process.env })
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  // A failure of ours that nobody foresaw is a bug: its place in the code is what a report needs.
  const message = error instanceof LatchkeyError ? error.message : error instanceof Error ? error.stack : 'unexpected'
  process.stderr.write(`latchkey-agent: ${codeOf(error)}: ${message}\n`)
  process.exitCode = codeOf(error) === 'USAGE' ? 2 : 1
}
