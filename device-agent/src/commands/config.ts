import { codeOf, type LatchkeyError } from '@latchkey/shared'
import { stat } from 'node:fs/promises'
import { assertCameraSource, parseCameraSource } from '../camera/source.ts'
import { type AgentConfig, checkAgentConfig, loadAgentConfig, loadCameraAddress, loadConfigValue } from '../config.ts'
import { exampleConfig, wholeConfig } from '../config-document.ts'
import { type Command, type CommandContext, DEFAULT_CONFIG_PATH } from './command.ts'
import { parseOptions } from './command-options.ts'

const CONFIG_OPTION = { config: { type: 'string', default: DEFAULT_CONFIG_PATH } } as const

/** What only a look at the machine can tell: the file with the camera's address. Never quotes it. */
async function checkAddressFile(config: AgentConfig): Promise<string[]> {
  const { sourceFile } = config.camera
  try {
    assertCameraSource(parseCameraSource(await loadCameraAddress(config)))
  } catch (error) {
    return [`camera.${sourceFile === undefined ? 'source' : 'sourceFile'}: ${(error as Error).message}`]
  }
  if (sourceFile === undefined || ((await stat(sourceFile)).mode & 0o077) === 0) return []
  return [`camera.sourceFile: other users can read it; chmod 600 ${sourceFile}`]
}

/** Whether the password of the home broker is there, and nobody else's to read. */
async function checkPasswordFile({ home }: AgentConfig): Promise<string[]> {
  const path = home?.passwordFile
  if (path === undefined) return []
  const found = await stat(path).catch(() => null)
  if (found === null) return ['home.passwordFile: there is no such file, or this user may not look for it']
  return (found.mode & 0o007) === 0 ? [] : [`home.passwordFile: everybody can read it; chmod o= ${path}`]
}

/**
 * Everything that is wrong with a configuration file, each with key and rule, never a value.
 * @throws CONFIG_INVALID when it cannot be read or is not YAML
 */
export async function checkConfigFile(path: string): Promise<readonly string[]> {
  const value = await loadConfigValue(path)
  const findings = checkAgentConfig(value)
  if (findings.length > 0) return findings
  const config = value as AgentConfig
  return [...(await checkAddressFile(config)), ...(await checkPasswordFile(config))]
}

async function check({ args }: CommandContext): Promise<number> {
  const { config: path } = parseOptions(args, { command: 'config check', options: CONFIG_OPTION })
  const findings = await checkConfigFile(path).catch((error: unknown) => {
    if (codeOf(error) !== 'CONFIG_INVALID') throw error
    return [(error as LatchkeyError).message]
  })
  if (findings.length === 0) {
    process.stdout.write(`${path}: fine\n`)
    return 0
  }
  const count = findings.length === 1 ? 'one thing is wrong' : `${findings.length} things are wrong`
  process.stdout.write(`${path}: ${count}\n${findings.map((finding) => `  ${finding}\n`).join('')}`)
  return 1
}

async function show({ args }: CommandContext): Promise<number> {
  const { config } = parseOptions(args, { command: 'config show', options: CONFIG_OPTION })
  process.stdout.write(wholeConfig(await loadAgentConfig(config)))
  return 0
}

/** `latchkey-agent config check`. */
export const configCheckCommand: Command = {
  name: 'config check',
  summary: 'check the configuration: every finding with its key and rule, or "fine"',
  help: `Usage: latchkey-agent config check [--config FILE]

Checks the whole configuration at once and starts nothing. Names keys and rules, never values.

  --config FILE   default ${DEFAULT_CONFIG_PATH}

Exit codes: 0 fine, 1 something is wrong, 2 wrong usage.
`,
  run: check,
}

/** `latchkey-agent config show`. */
export const configShowCommand: Command = {
  name: 'config show',
  summary: 'the configuration in force, with the defaults of every key it leaves out',
  help: `Usage: latchkey-agent config show [--config FILE]

Prints what holds: every key of the file, and behind "# default" those it leaves out.

  --config FILE   default ${DEFAULT_CONFIG_PATH}
`,
  run: show,
}

/** `latchkey-agent config example`. */
export const configExampleCommand: Command = {
  name: 'config example',
  summary: 'an annotated configuration file that explains every key',
  help: `Usage: latchkey-agent config example

Prints a configuration file in which only the required keys stand and all others are explained.
`,
  run({ args }) {
    parseOptions(args, { command: 'config example', options: {} })
    process.stdout.write(exampleConfig())
    return Promise.resolve(0)
  },
}
