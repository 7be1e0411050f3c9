import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { LatchkeyError } from '../src/errors.ts'

/** One option of a command. Without `value` it is a flag. */
export interface Option {
  /** What stands for its value in the usage text, e.g. `DIR`. */
  readonly value?: string
  readonly required?: boolean
  /** May be given more than once. */
  readonly many?: boolean
  readonly help: string
}

/** What a command takes. */
export interface Syntax {
  /** After `latchkey`, e.g. `keygen owner`. */
  readonly name: string
  readonly summary: string
  /** Operands, all required, e.g. `VIDEO`. */
  readonly operands: readonly string[]
  readonly options: Readonly<Record<string, Option>>
  /** Further lines of the help text. */
  readonly notes?: readonly string[]
}

/** A command line that matched its syntax. */
export interface Arguments {
  operand(index: number): string
  /** A required option. */
  text(name: string): string
  optional(name: string): string | undefined
  list(name: string): readonly string[]
  flag(name: string): boolean
}

const usage = (message: string) => new LatchkeyError('USAGE', message)

function spelled(name: string, { value, required, many }: Option): string {
  const text = value === undefined ? `--${name}` : `--${name} ${value}`
  return `${required ? text : `[${text}]`}${many ? '…' : ''}`
}

/** The one-line usage of a command. */
export function usageLine({ name, operands, options }: Syntax): string {
  return ['latchkey', name, ...operands, ...Object.entries(options).map(([key, option]) => spelled(key, option))].join(
    ' ',
  )
}

/** The full help text of a command. */
export function helpText(syntax: Syntax): string {
  const rows = Object.entries({ ...syntax.options, help: { help: 'show this text' } })
  const heads = rows.map(([name, { value }]: [string, Option]) => `--${name}${value ? ` ${value}` : ''}`)
  const width = Math.max(...heads.map((head) => head.length))
  const options = rows.map(([, { help }], i) => `  ${heads[i]!.padEnd(width)}  ${help}`)
  return [`Usage: ${usageLine(syntax)}`, '', syntax.summary, '', ...options, ...notesOf(syntax)].join('\n')
}

function notesOf({ notes }: Syntax): string[] {
  return notes === undefined ? [] : ['', ...notes]
}

function configOf(options: Syntax['options']): ParseArgsOptionsConfig {
  const config: ParseArgsOptionsConfig = { help: { type: 'boolean' } }
  for (const [name, { value, many }] of Object.entries(options))
    config[name] = { type: value === undefined ? 'boolean' : 'string', multiple: many === true }
  return config
}

function parseStrict(words: readonly string[], syntax: Syntax) {
  try {
    return parseArgs({
      args: [...words],
      options: configOf(syntax.options),
      allowPositionals: true,
      strict: true,
      tokens: true,
    })
  } catch (error) {
    throw usage((error as Error).message.split('. ')[0]!.replaceAll('\n', ' '))
  }
}

/**
 * Words after the command's name → its arguments, or `help`.
 * Untrusted: `words`.
 * @throws USAGE, saying what is missing or too much
 */
export function parseArguments(words: readonly string[], syntax: Syntax): Arguments | 'help' {
  const { values, positionals, tokens } = parseStrict(words, syntax)
  if (values.help === true) return 'help'
  const given = tokens.flatMap((token) => (token.kind === 'option' ? [token.name] : []))
  const twice = given.find((name, i) => given.indexOf(name) !== i && !syntax.options[name]?.many)
  if (twice !== undefined) throw usage(`--${twice} is given twice`)
  const [missing] = syntax.operands.slice(positionals.length)
  if (missing !== undefined) throw usage(`${missing} is missing`)
  if (positionals.length > syntax.operands.length) throw usage(`'${positionals[syntax.operands.length]}' is too much`)
  for (const [name, option] of Object.entries(syntax.options))
    if (option.required && values[name] === undefined) throw usage(`${spelled(name, option)} is missing`)
  const optional = (name: string) => values[name] as string | undefined
  return {
    operand: (index) => positionals[index]!,
    text: (name) => optional(name)!,
    optional,
    list: (name) => (values[name] ?? []) as string[],
    flag: (name) => values[name] === true,
  }
}
