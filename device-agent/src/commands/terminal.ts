import { styleText } from 'node:util'

/** How something stands: shown as a colour where there are colours, and always as a mark or a word too. */
export type Tone = 'good' | 'note' | 'bad' | 'faint' | 'strong'

/** Where a command's words go. */
export interface Terminal {
  /** Somebody sits in front of it. */
  readonly isInteractive: boolean
  write(text: string): void
  /** `text` in a tone; unchanged where colour is unwanted (`NO_COLOR`, a pipe, a dumb terminal). */
  tone(tone: Tone, text: string): string
  /** Puts the cursor into the top left corner of an empty screen; a blank line where that is impossible. */
  clear(): void
}

type Environment = Readonly<Record<string, string | undefined>>

const STYLES = { good: 'green', note: 'yellow', bad: 'red', faint: 'dim', strong: 'bold' } as const
/** What a terminal without Unicode shows instead. */
const PLAIN: readonly (readonly [RegExp, string])[] = [
  [/✓/g, '+'],
  [/✗/g, 'x'],
  [/[●■]/g, '*'],
  [/×/g, 'x'],
  [/’/g, "'"],
  [/±/g, '+/-'],
  [/…/g, '...'],
  [/[─]/g, '-'],
  [/[│]/g, '|'],
  [/[┌┐└┘]/g, '+'],
  [/[░▒▓█]/g, '#'],
  [/[^\t\n\r\u0020-\u007e\u001b]/g, '?'],
]

/** Whether the terminal shows more than ASCII, as its locale says. */
export function isUnicode(environment: Environment): boolean {
  return /utf-?8/i.test(environment['LC_ALL'] || environment['LC_CTYPE'] || environment['LANG'] || '')
}

/** @see https://no-color.org */
function isColourful(environment: Environment, isInteractive: boolean): boolean {
  return isInteractive && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb'
}

/** Describes standard output. */
export function createTerminal(environment: Environment, stream: NodeJS.WriteStream = process.stdout): Terminal {
  const isInteractive = stream.isTTY
  const colours = isColourful(environment, isInteractive)
  const unicode = isUnicode(environment)
  const shown = (text: string): string =>
    unicode ? text : PLAIN.reduce((rest, [from, to]) => rest.replace(from, to), text)
  return {
    isInteractive,
    write: (text) => void stream.write(shown(text)),
    tone: (tone, text) => (colours ? styleText(STYLES[tone], text, { validateStream: false }) : text),
    clear: () => void stream.write(isInteractive && environment['TERM'] !== 'dumb' ? '\u001b[H\u001b[2J' : '\n'),
  }
}

/** Breaks `text` at spaces so that no line is longer than `width`, unless one word is. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}
