import { codeOf, type LatchkeyError } from '@latchkey/shared'
import { readdir } from 'node:fs/promises'
import { systemClock } from '../../kernel/clock.ts'
import { checkRelay } from '../doctor/relay.ts'
import type { Terminal } from '../terminal.ts'
import { type ButtonValues, parseButton, parseRelayOrigin, type SetupOptions } from './answers.ts'
import type { Choice, Dialogue } from './dialogue.ts'

/** What the steps need. */
export interface Step {
  readonly options: SetupOptions
  readonly dialogue: Dialogue
  readonly terminal: Terminal
}

/** What is wrong with `text`, as `parse` says it. */
function findingOf(parse: (text: string) => unknown, text: string): string | null {
  try {
    parse(text)
    return null
  } catch (error) {
    if (codeOf(error) !== 'USAGE') throw error
    return (error as LatchkeyError).message
  }
}

const MAX_NAME = 100
const checkName = (name: string): string | null => (name.length <= MAX_NAME ? null : `at most ${MAX_NAME} characters`)

/** What the door is called. */
export function askForName({ options, dialogue }: Step): Promise<string> {
  const about = { option: '--name', fallback: options.name ?? 'Front door', check: checkName }
  if (options.name !== undefined && checkName(options.name) === null) return Promise.resolve(options.name)
  return dialogue.ask('What is the door called? Only your household sees it', about)
}

/** The relay, reached once. */
export async function askForRelay({ options, dialogue, terminal }: Step): Promise<string> {
  let given = options.relay
  for (;;) {
    const check = (text: string) => findingOf(parseRelayOrigin, text)
    const isFine = given !== undefined && check(given) === null
    const about = { option: '--relay', check, ...(given === undefined ? {} : { fallback: given }) }
    const text = isFine ? given! : await dialogue.ask('Address of your relay, like https://relay.example', about)
    const origin = parseRelayOrigin(text)
    const { finding } = await checkRelay({ config: { relay: { origin } }, clock: systemClock })
    if (finding.verdict !== 'fail') {
      terminal.write(`  ${terminal.tone('good', '✓')} ${finding.text}\n`)
      return origin
    }
    terminal.write(`  ${terminal.tone('bad', '✗')} ${origin} ${finding.text}\n    -> ${finding.fix ?? ''}\n`)
    if (dialogue.unattended || (await dialogue.confirm('Take it all the same?', false))) return origin
    given = undefined
  }
}

async function buttonChoices(): Promise<Choice<string>[]> {
  const inputs = (await readdir('/dev/input/by-path').catch(() => [])).filter((name) => name.endsWith('-event'))
  const hasGpio = (await readdir('/dev').catch(() => [])).some((name) => /^gpiochip\d+$/.test(name))
  const gpio = hasGpio ? [{ value: 'gpio', label: 'At the GPIO header' }] : []
  return [
    { value: 'none', label: 'None: motion alone starts a recording' },
    ...gpio,
    ...inputs.map((name) => ({ value: `input:/dev/input/by-path/${name}`, label: `Input device ${name}` })),
    { value: 'other', label: 'Another one' },
  ]
}

const checkLine = (line: string) => findingOf(parseButton, `gpio:${line}`)
const checkButton = (text: string) => findingOf(parseButton, text)

/** The button, if there is one. */
export async function askForButton({ options, dialogue }: Step): Promise<ButtonValues> {
  const option = '--button'
  if (options.button !== undefined) return parseButton(options.button)
  if (dialogue.unattended) return {}
  const choice = await dialogue.choose('Where is the bell button?', await buttonChoices(), { option })
  if (choice === 'gpio') {
    const line = await dialogue.ask('The line it pulls to ground, as gpioinfo names it', {
      option,
      fallback: 'GPIO17',
      check: checkLine,
    })
    return parseButton(`gpio:${line}`)
  }
  if (choice !== 'other') return parseButton(choice)
  return parseButton(
    await dialogue.ask('gpio:LINE, gpio:gpiochip0/17 or input:/dev/input/…', { option, check: checkButton }),
  )
}
