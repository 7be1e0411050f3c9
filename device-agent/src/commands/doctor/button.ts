import { LatchkeyError } from '@latchkey/shared'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { DEFAULT_GPIO } from '../../button/gpio-line.ts'
import { loadGpioProgram } from '../../button/gpiomon-program.ts'
import type { ButtonConfig } from '../../doorbell-config.ts'
import { type Finding, findingsOf, type Patient } from './finding.ts'

const finding = findingsOf('button')
const chimeFinding = findingsOf('chime')

const isAllowed = (path: string, mode: number): Promise<boolean> =>
  access(path, mode).then(
    () => true,
    () => false,
  )

async function checkGpio(gpio: NonNullable<ButtonConfig['gpio']>, clock: Patient['clock']): Promise<Finding> {
  const chip = `/dev/${gpio.chip ?? 'gpiochip0'}`
  const place = gpio.line ?? `${gpio.chip} offset ${gpio.offset}`
  try {
    await loadGpioProgram({ ...DEFAULT_GPIO, ...gpio }, clock)
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    const isMissing = error.code === 'DEPENDENCY_MISSING'
    return finding.fail(error.message, isMissing ? 'sudo apt-get install -y gpiod' : 'correct button.gpio.line')
  }
  if (!(await isAllowed(chip, constants.F_OK)))
    return finding.fail(`${chip} is not there`, 'this machine has no such GPIO chip: gpiodetect lists them')
  if (!(await isAllowed(chip, constants.R_OK | constants.W_OK)))
    return finding.skip(`${chip} is for root and group gpio: try again with sudo`)
  return finding.pass(`GPIO line ${place}: press it, and latchkey-agent status shows the ring`)
}

async function checkInput({ device }: NonNullable<ButtonConfig['input']>): Promise<Finding> {
  if (!(await isAllowed(device, constants.F_OK)))
    return finding.fail(
      `${device} is not there`,
      'ls /dev/input/by-path, or the gpio-key line in /boot/firmware/config.txt',
    )
  if (!(await isAllowed(device, constants.R_OK)))
    return finding.skip(`${device} is for group input: try again with sudo`)
  return finding.pass(`input device ${device}`)
}

/** The bell's contact. */
export function checkButton({ config, clock }: Patient): Promise<Finding> {
  const { gpio, input } = config.button ?? {}
  if (gpio !== undefined) return checkGpio(gpio, clock)
  if (input !== undefined) return checkInput(input)
  return Promise.resolve(finding.skip('none is configured'))
}

/** The program that sounds in the house. */
export async function checkChime({ config }: Patient): Promise<Finding> {
  const program = config.button?.chime?.command[0]
  if (program === undefined) return chimeFinding.skip('none is configured')
  if (await isAllowed(program, constants.X_OK)) return chimeFinding.pass(program)
  return chimeFinding.fail(`${program} cannot be run`, 'correct button.chime.command')
}
