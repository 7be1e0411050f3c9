import { codeOf, LatchkeyError, utf8 } from '@latchkey/shared'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadFfmpeg } from '../camera/ffmpeg-binary.ts'
import { type AgentConfig, loadAgentConfig, parseAgentConfig } from '../config.ts'
import { annotatedConfig, type ChosenValues, exampleConfig } from '../config-document.ts'
import { systemClock } from '../kernel/clock.ts'
import { readFileOrNull } from '../kernel/atomic-file.ts'
import { lockDirectory } from '../kernel/instance-lock.ts'
import { createPairingStore } from '../keys/pairing-state.ts'
import { type Command, type CommandContext, DEFAULT_CONFIG_PATH } from './command.ts'
import type { RunTool } from './doctor/finding.ts'
import { createToolRunner } from './doctor/tools.ts'
import { type Account, loadServiceAccount } from './setup/account.ts'
import { parseSetupOptions, type SetupOptions } from './setup/answers.ts'
import { askForCamera, type ChosenCamera } from './setup/camera-step.ts'
import { removeFile, writeConfigFiles } from './setup/config-files.ts'
import { createDialogue, type Dialogue, LEFT } from './setup/dialogue.ts'
import { askForButton, askForName, askForRelay } from './setup/other-steps.ts'
import { pairAtTerminal } from './setup/setup-pairing.ts'
import { createTerminal, isUnicode, type Terminal } from './terminal.ts'

const DEFAULT_DATA_DIR = '/var/lib/latchkey'

const HELP = `Usage: latchkey-agent setup [options]

Asks for what the doorbell needs, tries it, writes the configuration, and pairs the doorbell with the owner's phone.
An older configuration is never replaced without asking, and is kept beside the new one. Ctrl-C leaves at any moment.

Every question can be answered beforehand:
  --camera ADDRESS              rpicam, /dev/video0, rtsp://… or a video file
  --camera-user NAME            for a network camera
  --camera-password-file FILE   its password in the first line (the password itself is never an option)
  --name NAME                   what the door is called; default "Front door"
  --relay ADDRESS               https://relay.example
  --page ADDRESS                where the page behind the pairing code is, when not at the relay
  --button WHICH                none, gpio:GPIO17, gpio:gpiochip0/17 or input:/dev/input/…
  --data-dir DIRECTORY          default ${DEFAULT_DATA_DIR}
  --config FILE                 default ${DEFAULT_CONFIG_PATH}

  --yes                         ask nothing: options and defaults answer
  --overwrite                   with --yes: replace an older configuration, which is kept beside it
  --pair-only                   keep the configuration, only pair
  --no-pair                     only write the configuration
  --no-start                    do not start the service at the end

Exit codes: 0 done, 1 something could not be done, 2 wrong usage.
`

interface Setup {
  readonly options: SetupOptions
  readonly dialogue: Dialogue
  readonly terminal: Terminal
  readonly account: Account | null
  readonly run: RunTool
  readonly environment: CommandContext['environment']
}

const SEARCH_PATH = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin'

const heading = ({ terminal }: Setup, text: string): void => terminal.write(`\n${terminal.tone('strong', text)}\n`)

/** `20261122-193459`, UTC. */
const stampOf = (ms: number): string =>
  new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')

/** The configuration that is there, when it is whole. */
async function loadExisting(path: string): Promise<AgentConfig | null> {
  return loadAgentConfig(path).catch((error: unknown) => {
    if (codeOf(error) === 'CONFIG_INVALID') return null
    throw error
  })
}

/** Nothing is there but, at most, the example that the package laid there. */
async function isUntouched(path: string): Promise<boolean> {
  const bytes = await readFileOrNull(path)
  return bytes === null || Buffer.from(bytes).equals(utf8(exampleConfig()))
}

/** What becomes of a configuration that is there already. @throws CONFLICT when nobody may be asked */
async function mayReplace({ options, dialogue, terminal }: Setup): Promise<boolean> {
  if (options.overwrite || (await isUntouched(options.config))) return true
  if (dialogue.unattended)
    throw new LatchkeyError(
      'CONFLICT',
      `${options.config} is there already: give --overwrite to replace it (it is kept beside), or --pair-only`,
    )
  terminal.write(`There is a configuration already: ${options.config}\n`)
  return dialogue.choose(
    'What shall become of it?',
    [
      { value: false, label: 'Keep it, and go on to pairing' },
      { value: true, label: 'Make a new one; the old one is kept beside it' },
    ],
    { option: '--overwrite' },
  )
}

function describe({ terminal, options }: Setup, camera: ChosenCamera, chosen: ChosenValues): void {
  const button = chosen['button.gpio.line'] ?? chosen['button.gpio.chip'] ?? chosen['button.input.device'] ?? 'none'
  const rows = [
    ['Camera', `${camera.shown}${camera.secret ? ' (its password in a file of its own)' : ''}`],
    ['Door', chosen['camera.name']],
    ['Relay', chosen['relay.origin']],
    ['Button', button],
    ['File', options.config],
  ]
  terminal.write('\n')
  for (const [label, value] of rows) terminal.write(`  ${String(label).padEnd(12)}${String(value)}\n`)
}

/** Asks, tries, and writes. @returns the configuration, or null when the person does not want it written */
async function configure(setup: Setup): Promise<AgentConfig | null> {
  const { options, dialogue, terminal, account, run, environment } = setup
  const { LATCHKEY_FFMPEG: configuredPath, PATH: searchPath = SEARCH_PATH } = environment
  const ffmpeg = await loadFfmpeg({ searchPath, configuredPath, clock: systemClock })
  heading(setup, '1/4 Camera')
  const camera = await askForCamera({ options, dialogue, terminal, ffmpeg, run })
  heading(setup, '2/4 Door and bell')
  const name = await askForName(setup)
  const button = await askForButton(setup)
  heading(setup, '3/4 Relay')
  const origin = await askForRelay(setup)
  const addressPath = join(dirname(options.config), 'camera.address')
  const chosen: ChosenValues = {
    dataDir: options['data-dir'] ?? DEFAULT_DATA_DIR,
    ...(camera.secret ? { 'camera.sourceFile': addressPath } : { 'camera.source': camera.source }),
    'camera.name': name,
    'relay.origin': origin,
    ...(options.page === undefined ? {} : { 'relay.pageOrigin': options.page }),
    ...button,
  }
  const config = parseAgentConfig(nested(chosen))
  describe(setup, camera, chosen)
  if (!(await dialogue.confirm('Write this?', true))) return null
  const isNew = camera.secret && !existsSync(addressPath)
  try {
    const backups = await writeConfigFiles({
      configPath: options.config,
      config: annotatedConfig(chosen),
      address: camera.secret ? { path: addressPath, text: camera.source } : null,
      account,
      stamp: stampOf(systemClock.nowMs()),
    })
    terminal.write(`  ${terminal.tone('good', '✓')} written\n`)
    for (const path of backups) terminal.write(`  the one before: ${path}\n`)
  } catch (error) {
    // Without a configuration that names it, a password file is only a leak.
    if (isNew) await removeFile(addressPath)
    throw error
  }
  return config
}

/** `{ 'camera.name': 'x' }` → `{ camera: { name: 'x' } }`. */
function nested(chosen: ChosenValues): unknown {
  const root: Record<string, unknown> = {}
  for (const [path, value] of Object.entries(chosen)) {
    const names = path.split('.')
    let at = root
    for (const name of names.slice(0, -1)) at = (at[name] ??= {}) as Record<string, unknown>
    at[names.at(-1)!] = value
  }
  return root
}

/** @throws CONFLICT when a doorbell runs: it has the camera, and its pairing is its own */
async function assertNotRunning(directory: string): Promise<void> {
  if (!existsSync(directory)) return
  try {
    await (await lockDirectory(directory))[Symbol.asyncDispose]()
  } catch (error) {
    if (codeOf(error) !== 'CONFLICT') throw error
    throw new LatchkeyError(
      'CONFLICT',
      'the doorbell is running: sudo systemctl stop latchkey-agent, then begin again',
      {
        cause: error,
      },
    )
  }
}

async function isPaired({ dataDir, relay }: AgentConfig): Promise<boolean> {
  const state = await createPairingStore(join(dataDir, 'keys'))
    .load()
    .catch(() => null)
  return state?.relay === relay.origin
}

/** Pairs, and lets the person compare. @returns whether the device is paired in the end */
async function pair(setup: Setup, config: AgentConfig): Promise<boolean> {
  const { terminal, dialogue, environment, account } = setup
  heading(setup, '4/4 Pairing')
  if (await isPaired(config)) {
    terminal.write('This doorbell is paired already.\n')
    if (!(await dialogue.confirm('Pair it anew?', false))) return true
  }
  const canvas = {
    columns: process.stdout.isTTY ? process.stdout.columns : 80,
    unicode: isUnicode(environment),
    colour: terminal.tone('good', 'x') !== 'x',
  }
  const digits = await pairAtTerminal({ config, terminal, canvas, account, signal: dialogue.signal })
  if (digits === null) throw new LatchkeyError('UNAVAILABLE', LEFT)
  const spaced = `${digits.slice(0, 3)} ${digits.slice(3)}`
  terminal.write(
    `  ${terminal.tone('good', '✓')} paired\n\nThe phone must show these six digits:\n\n      ${terminal.tone('strong', spaced)}\n\n`,
  )
  if (await dialogue.confirm('Does it show the same?', true)) return true
  await removeFile(join(config.dataDir, 'keys', 'pairing.json'))
  terminal.write(
    'Then somebody else answered. The pairing is undone; remove the doorbell on the phone too, and begin again.\n',
  )
  return false
}

const START = ['enable', '--now', 'latchkey-agent'] as const

/** Starts the service, or says how to go on. */
async function finish(setup: Setup): Promise<void> {
  const { terminal, dialogue, options, run } = setup
  const unit = await run('systemctl', ['is-enabled', 'latchkey-agent'])
  const isUnit =
    existsSync('/run/systemd/system') &&
    unit !== null &&
    unit.stdout.trim() !== '' &&
    !unit.stdout.includes('not-found')
  const isOurs = options.config === DEFAULT_CONFIG_PATH && process.getuid?.() === 0
  heading(setup, 'Next')
  if (
    isUnit &&
    isOurs &&
    !options['no-start'] &&
    (await dialogue.confirm('Start the doorbell now, and at every boot?', true))
  ) {
    // A slow machine may take longer to be ready than a tool may take to answer.
    const started = await run('systemctl', ['--no-block', ...START])
    if (started?.code === 0)
      terminal.write(
        `  ${terminal.tone('good', '✓')} the doorbell starts; latchkey-agent status says when it watches\n`,
      )
    else terminal.write(`  ${terminal.tone('bad', '✗')} it did not start: journalctl -u latchkey-agent -n 50\n`)
  } else if (isUnit) terminal.write(`  Start it, now and at every boot:   sudo systemctl ${START.join(' ')}\n`)
  else {
    const which = options.config === DEFAULT_CONFIG_PATH ? '' : ` --config ${options.config}`
    terminal.write(`  Start it:                          latchkey-agent run${which}\n`)
  }
  terminal.write('  See whether all is well:           latchkey-agent doctor\n')
  terminal.write('  Walk past the door and see it:     latchkey-agent walk-test\n')
}

async function setUp(setup: Setup): Promise<number> {
  const { options, terminal } = setup
  terminal.write(
    `${terminal.tone('strong', 'Latchkey: setting up the doorbell')}\nEnter takes what stands in brackets. Ctrl-C leaves.\n`,
  )
  const existing = await loadExisting(options.config)
  await assertNotRunning(options['data-dir'] ?? existing?.dataDir ?? DEFAULT_DATA_DIR)
  const replace = !options['pair-only'] && (await mayReplace(setup))
  if (!replace && existing === null)
    throw new LatchkeyError('CONFIG_INVALID', `${options.config} cannot be used: latchkey-agent config check says why`)
  const config = replace ? await configure(setup) : existing
  if (config === null) {
    terminal.write('Nothing was changed.\n')
    return 1
  }
  if (!options['no-pair'] && !(await pair(setup, config))) return 1
  await finish(setup)
  return 0
}

async function run({ args, environment }: CommandContext): Promise<number> {
  const options = parseSetupOptions(args)
  const terminal = createTerminal(environment)
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY
  if (!options.yes && !isTerminal)
    throw new LatchkeyError(
      'USAGE',
      'this is no terminal: give --yes and the answers as options; see latchkey-agent setup --help',
    )
  using dialogue = createDialogue(terminal, { unattended: options.yes })
  try {
    return await setUp({
      options,
      dialogue,
      terminal,
      account: await loadServiceAccount(),
      run: createToolRunner(environment['PATH'] ?? SEARCH_PATH, systemClock),
      environment,
    })
  } catch (error) {
    if (!dialogue.signal.aborted) throw error
    terminal.write(
      `\n\nStopped. ${existsSync(options.config) ? 'The configuration is whole; "latchkey-agent setup" goes on from there.' : 'Nothing was written.'}\n`,
    )
    return 1
  }
}

/** `latchkey-agent setup`. */
export const setupCommand: Command = {
  name: 'setup',
  summary: 'set the doorbell up: camera, name, relay, button, and pairing with the owner’s phone',
  help: HELP,
  run,
}
