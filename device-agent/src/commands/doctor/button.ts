import { LatchkeyError } from '@latchkey/shared'
import { constants } from 'node:fs'
import { access, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { loadGpiomon } from '../../button/gpiomon-program.ts'
import type { ButtonConfig } from '../../doorbell-config.ts'
import { type Finding, findingsOf, type Patient } from './finding.ts'

const finding = findingsOf('button')
const chimeFinding = findingsOf('chime')

const isAllowed = (path: string, mode: number): Promise<boolean> =>
  access(path, mode).then(
    () => true,
    () => false,
  )

type GpioConfig = NonNullable<ButtonConfig['gpio']>

/** Names of the machine's GPIO chips, by number. */
async function chipsOf(devicesPath: string): Promise<string[]> {
  const names = await readdir(devicesPath).catch(() => [])
  return names.filter((name) => /^gpiochip\d+$/.test(name)).toSorted((a, b) => Number(a.slice(8)) - Number(b.slice(8)))
}

/** `gpiochip0 offset 17` of a named line; null when no chip that this user may open has it. */
async function placeOf(line: string, { run, clock }: Patient): Promise<string | null> {
  const { major } = await loadGpiomon(clock)
  const said = await (major === 1 ? run('gpiofind', [line]) : run('gpioinfo', ['--by-name', line]))
  if (said?.code !== 0) return null
  const [, chip, offset] = /^(gpiochip\d{1,5})\s+(\d{1,5})\b/m.exec(said.stdout) ?? []
  return chip === undefined ? 'found' : `${chip} offset ${offset}`
}

async function checkGpio(gpio: GpioConfig, patient: Patient): Promise<Finding> {
  const chips = await chipsOf(patient.devicesPath)
  if (chips.length === 0)
    return finding.fail(
      'this machine has no GPIO chip',
      'a Raspberry Pi has one, a PC or a container seldom: use button.input, or take button.gpio out',
    )
  if (gpio.chip !== undefined && !chips.includes(gpio.chip))
    return finding.fail(
      `${gpio.chip} is not there; this machine has ${chips.join(', ')}`,
      'correct button.gpio.chip: gpiodetect says what each is for',
    )
  const paths = (gpio.chip === undefined ? chips : [gpio.chip]).map((chip) => join(patient.devicesPath, chip))
  const allowed = await Promise.all(paths.map((path) => isAllowed(path, constants.R_OK | constants.W_OK)))
  if (!allowed.includes(true)) return finding.skip(`${paths[0]} is for root and group gpio: try again with sudo`)
  const place = gpio.line === undefined ? `${gpio.chip} offset ${gpio.offset}` : await placeOf(gpio.line, patient)
  if (place === null)
    return finding.fail(
      `no line of ${chips.join(', ')} is called ${gpio.line}`,
      'correct button.gpio.line: gpioinfo lists them',
    )
  const name = gpio.line === undefined ? place : `${gpio.line} (${place})`
  return finding.pass(`GPIO line ${name}: press it, and latchkey-agent status shows the ring`)
}

async function examineGpio(gpio: GpioConfig, patient: Patient): Promise<Finding> {
  try {
    await loadGpiomon(patient.clock)
    return await checkGpio(gpio, patient)
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    return finding.fail(error.message, 'sudo apt-get install -y gpiod')
  }
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
export function checkButton(patient: Patient): Promise<Finding> {
  const { gpio, input } = patient.config.button ?? {}
  if (gpio !== undefined) return examineGpio(gpio, patient)
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
