import { codeOf, LatchkeyError } from '@latchkey/shared'
import type { Command } from './commands/command.ts'
import { configCheckCommand, configExampleCommand, configShowCommand } from './commands/config.ts'
import { homeRemoveCommand } from './commands/home-remove.ts'
import { doctorCommand } from './commands/doctor.ts'
import { replayCommand } from './commands/replay.ts'
import { pageCommand } from './commands/page.ts'
import { runCommand } from './commands/run.ts'
import { statusCommand } from './commands/status.ts'
import { setupCommand } from './commands/setup.ts'
import { updateCommand } from './commands/update.ts'
import { walkTestCommand } from './commands/walk-test.ts'

const COMMANDS: readonly Command[] = [
  setupCommand,
  doctorCommand,
  runCommand,
  statusCommand,
  walkTestCommand,
  replayCommand,
  pageCommand,
  configCheckCommand,
  configShowCommand,
  configExampleCommand,
  updateCommand,
  homeRemoveCommand,
]

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length)) + 2
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`)
  return `Usage: latchkey-agent COMMAND [options]

The doorbell: records what happens at the door, so that only its owner can open it.

${lines.join('\n')}

latchkey-agent COMMAND --help says more. Exit codes: 0 done, 1 failed, 2 wrong usage.
`
}

/** Longest name first, so that `config check` is not taken for a command `config`. */
function findCommand(args: readonly string[]): Command | undefined {
  const fitting = COMMANDS.filter(({ name }) => name.split(' ').every((word, i) => args[i] === word))
  return fitting.toSorted((a, b) => b.name.length - a.name.length)[0]
}

async function main(args: readonly string[]): Promise<number> {
  const command = findCommand(args)
  if (command === undefined) {
    const asksForHelp = args.length === 0 || args[0] === '--help' || args[0] === 'help'
    if (!asksForHelp) throw new LatchkeyError('USAGE', 'no such command; latchkey-agent --help lists them')
    process.stdout.write(overview())
    return args.length === 0 ? 2 : 0
  }
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
