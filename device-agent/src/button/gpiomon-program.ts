import { LatchkeyError } from '@latchkey/shared'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runChild } from '../kernel/child-process.ts'
import type { Clock } from '../kernel/clock.ts'
import { type GpioLine, type Gpiomon, gpioProgram, parseGpiofind, parseGpiomonVersion } from './gpio-line.ts'
import type { PressProgram } from './press-reader.ts'

const GPIOMON = '/usr/bin/gpiomon'
const TIMEOUT_MS = 5_000
const MAX_OUTPUT_BYTES = 65_536

async function outputOf(command: string, args: readonly string[], clock: Clock): Promise<string | null> {
  const options = { command, args, clock, maxOutputBytes: MAX_OUTPUT_BYTES, timeoutMs: TIMEOUT_MS }
  const { code, stdout } = await runChild(options)
  return code === 0 ? Buffer.from(stdout).toString('latin1') : null
}

/**
 * Which gpiomon this machine has.
 * @param path absolute; Debian's place when absent
 * @throws DEPENDENCY_MISSING when there is none, or none of a version whose output is known
 */
export async function loadGpiomon(clock: Clock, path: string = GPIOMON): Promise<Gpiomon> {
  if (!existsSync(path)) throw new LatchkeyError('DEPENDENCY_MISSING', 'gpiomon is missing: apt-get install gpiod')
  const major = parseGpiomonVersion((await outputOf(path, ['--version'], clock)) ?? '')
  if (major === null)
    throw new LatchkeyError('DEPENDENCY_MISSING', 'gpiomon is neither libgpiod 1.6 nor 2: apt-get install gpiod')
  return { path, major }
}

/**
 * Looks for gpiomon and the line anew; to be called before every start.
 * @throws DEPENDENCY_MISSING without gpiomon; UNAVAILABLE when no line has the name
 */
export async function loadGpioProgram(line: GpioLine, clock: Clock, path?: string): Promise<PressProgram> {
  const gpiomon = await loadGpiomon(clock, path)
  if (gpiomon.major === 2 || line.line === undefined) return gpioProgram(line, gpiomon, clock)
  const found = parseGpiofind((await outputOf(join(dirname(gpiomon.path), 'gpiofind'), [line.line], clock)) ?? '')
  if (found === null)
    throw new LatchkeyError('UNAVAILABLE', 'no GPIO line has that name: gpioinfo lists them, for root or group gpio')
  return gpioProgram(line, { ...gpiomon, at: found }, clock)
}
