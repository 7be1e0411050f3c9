import type { Clock } from '../kernel/clock.ts'
import { createContact } from './contact.ts'
import { ageOf, type OnPress, type PressProgram, type PressReader } from './press-reader.ts'

/** A button between a GPIO line and ground or supply. */
export interface GpioLine {
  /** By the name in the device tree: `GPIO17`. Survives kernels that number their chips anew. */
  readonly line?: string
  /** Or by chip and offset: `gpiochip0`, 17. */
  readonly chip?: string
  readonly offset?: number
  /** Pressing pulls the line to ground. Default true. */
  readonly activeLow?: boolean
  /** Default `pull-up`. */
  readonly bias?: 'as-is' | 'pull-up' | 'pull-down' | 'disabled'
  /** How long the contact must stay closed to count. Default 20. */
  readonly debounceMs?: number
}

/** What a machine's libgpiod tools are. */
export interface Gpiomon {
  /** Absolute path of gpiomon. */
  readonly path: string
  /** 1: Debian 12; 2: Debian 13. Their options and output differ. */
  readonly major: 1 | 2
}

/** A button from the line to ground; settled long enough for a worn contact, short enough to ring at once. */
export const DEFAULT_GPIO = { activeLow: true, bias: 'pull-up', debounceMs: 20 } as const
const MAX_LINE_BYTES = 200

/** `gpiomon --version` → major version; null for one that is not known. Untrusted: `text`. */
export function parseGpiomonVersion(text: string): 1 | 2 | null {
  const major = /\blibgpiod\) v(\d+)\./.exec(text)?.[1]
  return major === '1' ? 1 : major === '2' ? 2 : null
}

/** `gpiofind NAME` → chip and offset; null when it is not that. Untrusted: `text`. */
export function parseGpiofind(text: string): { chip: string; offset: number } | null {
  const [, chip, offset] = /^(gpiochip\d{1,5}) (\d{1,5})\n?$/.exec(text) ?? []
  return chip === undefined ? null : { chip, offset: Number(offset) }
}

/**
 * Options of libgpiod 1.6's gpiomon, which takes no names and does not settle a contact: both edges are asked for.
 * @param at the line's place, already found
 */
export function argumentsOfV1(line: GpioLine, at: { chip: string; offset: number }): string[] {
  const { activeLow, bias } = { ...DEFAULT_GPIO, ...line }
  const level = activeLow ? ['--active-low'] : []
  const pull = bias === 'disabled' ? 'disable' : bias
  return ['--line-buffered', ...level, `--bias=${pull}`, '--format=%e %s %n', at.chip, String(at.offset)]
}

/** Options of libgpiod 2's gpiomon, where the kernel settles the contact and only presses are asked for. */
export function argumentsOfV2(line: GpioLine): string[] {
  const { activeLow, bias, debounceMs } = { ...DEFAULT_GPIO, ...line }
  const level = activeLow ? ['--active-low'] : []
  // There is no word for leaving the bias alone but silence; nor a period of nothing.
  const pull = bias === 'as-is' ? [] : [`--bias=${bias}`]
  const settle = debounceMs === 0 ? [] : [`--debounce-period=${debounceMs}ms`]
  const what = ['--edges=rising', '--event-clock=monotonic', '--format=%E %S']
  const where = line.line === undefined ? [`--chip=${line.chip}`, String(line.offset)] : ['--by-name', line.line]
  return [...level, ...pull, ...settle, ...what, ...where]
}

/** Splits what a program prints into lines; what is longer than any line of ours is thrown away. */
function createLineSplitter(onLine: (line: string) => void): (chunk: Uint8Array) => void {
  let rest = ''
  return (chunk) => {
    const lines = (rest + Buffer.from(chunk).toString('latin1')).split('\n')
    rest = lines.pop()!.slice(-MAX_LINE_BYTES)
    for (const line of lines) onLine(line)
  }
}

/** `1 12345 678` (closed or opened, seconds, nanoseconds) per edge. */
function createV1Reader(clock: Clock, settleMs: number, onPress: OnPress): PressReader {
  const contact = createContact(clock, settleMs, (ms) => onPress(ageOf(ms, clock.monotonicMs())))
  const take = createLineSplitter((line) => {
    const [, edge, seconds, nanoseconds] = /^([01]) (\d{1,12}) (\d{1,9})$/.exec(line) ?? []
    if (edge !== undefined) contact.edge(edge === '1', Number(seconds) * 1000 + Number(nanoseconds) / 1e6)
  })
  return { take, stop: () => contact.stop() }
}

/** `rising 12345.000000678` per press. */
function createV2Reader(clock: Clock, onPress: OnPress): PressReader {
  const take = createLineSplitter((line) => {
    const seconds = /^rising (\d{1,12}\.\d{9})$/.exec(line)?.[1]
    if (seconds !== undefined) onPress(ageOf(Number(seconds) * 1000, clock.monotonicMs()))
  })
  return { take, stop: () => {} }
}

/** How the machine's gpiomon is run on `line`, and how it is read. */
export function gpioProgram(
  line: GpioLine,
  gpiomon: Gpiomon & { readonly at?: { chip: string; offset: number } },
  clock: Clock,
): PressProgram {
  const settleMs = line.debounceMs ?? DEFAULT_GPIO.debounceMs
  const { path: command, at } = gpiomon
  if (gpiomon.major === 2)
    return { command, args: argumentsOfV2(line), createReader: (onPress) => createV2Reader(clock, onPress) }
  const place = at ?? { chip: line.chip!, offset: line.offset! }
  return {
    command,
    args: argumentsOfV1(line, place),
    createReader: (onPress) => createV1Reader(clock, settleMs, onPress),
  }
}
