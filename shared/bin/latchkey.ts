#!/usr/bin/env node
import packageFile from '../package.json' with { type: 'json' }
import { helpText, parseArguments, usageLine } from './arguments.ts'
import type { Command, World } from './command.ts'
import { agency } from './commands/agency.ts'
import { bundle } from './commands/bundle.ts'
import { certify } from './commands/certify.ts'
import { checkRequestCommand } from './commands/check-request.ts'
import { compare } from './commands/compare.ts'
import { consentCommand } from './commands/consent.ts'
import {
  keygenAgency,
  keygenDevice,
  keygenOperator,
  keygenOwner,
  keygenRequester,
  keygenWitness,
} from './commands/keygen.ts'
import { monitor } from './commands/monitor.ts'
import { open } from './commands/open.ts'
import { register } from './commands/register.ts'
import { request } from './commands/request.ts'
import { revoke } from './commands/revoke.ts'
import { seal } from './commands/seal.ts'
import { trustCommand } from './commands/trust.ts'
import { verify } from './commands/verify.ts'
import { witness } from './commands/witness.ts'
import { failureOf } from './failure.ts'
import { createTerminal, type Terminal } from './terminal.ts'
import { undoUnfinished } from './unfinished.ts'

const PASSED = 0
const FAILED = 1
const USAGE = 2

const COMMANDS: readonly Command[] = [
  ...[
    keygenOwner,
    keygenDevice,
    keygenRequester,
    keygenAgency,
    keygenWitness,
    certify,
    seal,
    request,
    checkRequestCommand,
  ],
  ...[consentCommand, revoke, bundle, verify, compare, open, trustCommand, monitor, witness],
  ...[keygenOperator, agency, register],
]

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length))
  return [
    'Usage: latchkey COMMAND …',
    '',
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'latchkey COMMAND --help says what a command takes; latchkey --version says which this is.',
    'Exit status: 0 passed, 1 refused or failed (a line per failed check: CODE file message), 2 wrong usage.',
  ].join('\n')
}

/** The command whose name the words begin with, and the words after it. */
function findCommand(words: readonly string[]): { command: Command; rest: readonly string[] } | undefined {
  for (const command of COMMANDS) {
    const name = command.name.split(' ')
    if (name.every((word, i) => words[i] === word)) return { command, rest: words.slice(name.length) }
  }
  return undefined
}

/** A name that is only the beginning of commands, such as `keygen`. */
function unknownText([first]: readonly string[]): string {
  const longer = COMMANDS.filter(({ name }) => name.startsWith(`${first} `))
  if (first === undefined) return 'a command is missing: see latchkey --help'
  if (longer.length > 0) return `one of: ${longer.map(({ name }) => name).join(', ')}`
  return `'${first}' is not a command: see latchkey --help`
}

async function runCommand(command: Command, rest: readonly string[], world: World): Promise<number> {
  const { terminal } = world
  try {
    const given = parseArguments(rest, command)
    if (given === 'help') return (terminal.print(helpText(command)), PASSED)
    const failures = await command.run(given, world)
    terminal.fail(failures.filter(({ isSaid }) => !isSaid))
    return failures.length === 0 ? PASSED : FAILED
  } catch (error) {
    const failure = failureOf(error)
    terminal.fail([failure])
    if (failure.code !== 'USAGE') return FAILED
    terminal.note(`Usage: ${usageLine(command)}`)
    return USAGE
  }
}

async function main(words: readonly string[], world: World): Promise<number> {
  const { terminal } = world
  if (words[0] === '--version') return (terminal.print(world.software), PASSED)
  if (words[0] === '--help' || words[0] === 'help') return (terminal.print(overview()), PASSED)
  const found = findCommand(words)
  if (found) return runCommand(found.command, found.rest, world)
  const asksHelp = words[1] === '--help' && COMMANDS.some(({ name }) => name.startsWith(`${words[0]} `))
  if (asksHelp) return (terminal.print(overview()), PASSED)
  terminal.fail([{ code: 'USAGE', file: '-', message: unknownText(words) }])
  return USAGE
}

/** Set by a command that ends by itself when a signal comes. */
let stopping: AbortController | null = null

function worldOf(terminal: Terminal): World {
  return {
    terminal,
    nowMs: () => Date.now(),
    ffmpegPath: process.env['LATCHKEY_FFMPEG'] || undefined,
    searchPath: process.env['PATH'] ?? '',
    software: `latchkey ${packageFile.version}`,
    untilStopped: () => (stopping ??= new AbortController()).signal,
  }
}

for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const)
  process.on(signal, () => {
    if (stopping?.signal.aborted === false) {
      stopping.abort()
      return
    }
    undoUnfinished()
    process.exit(128 + number)
  })

process.exitCode = await main(process.argv.slice(2), worldOf(createTerminal(process)))
