import { codeOf, type LatchkeyError } from '@latchkey/shared'
import { type AgentConfig, loadAgentConfig } from '../config.ts'
import { systemClock } from '../kernel/clock.ts'
import { lockDirectory } from '../kernel/instance-lock.ts'
import { type Command, type CommandContext, DEFAULT_CONFIG_PATH } from './command.ts'
import { parseOptions } from './command-options.ts'
import { checkConfigFile } from './config.ts'
import { checkButton, checkChime } from './doctor/button.ts'
import { checkDisk } from './doctor/disk.ts'
import { type Finding, findingsOf, type Patient, type Verdict } from './doctor/finding.ts'
import { checkHome } from './doctor/home.ts'
import { checkClock, checkHeat, checkPower, checkService } from './doctor/machine.ts'
import { checkCamera, checkFfmpeg } from './doctor/media.ts'
import { checkBroker, checkLog, checkPairing, checkRelay } from './doctor/relay.ts'
import { createToolRunner } from './doctor/tools.ts'
import { createTerminal, type Terminal, type Tone, wrapText } from './terminal.ts'

const HELP = `Usage: latchkey-agent doctor [--json] [--config FILE]

Looks at everything the doorbell needs, and says what to do about what is wrong: configuration, ffmpeg, camera, disk,
clock, relay, pairing, broker, log, home broker, button, chime, heat, power and service. Changes nothing. As root it sees more.

  --json          one object: { ok, findings: [{ check, verdict, text, fix }] }
  --config FILE   default ${DEFAULT_CONFIG_PATH}

Exit codes: 0 nothing failed, 1 something failed, 2 wrong usage.
`

const OPTIONS = {
  json: { type: 'boolean', default: false },
  config: { type: 'string', default: DEFAULT_CONFIG_PATH },
} as const

const SEARCH_PATH = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin'

type Tell = (finding: Finding) => void

async function checkConfiguration(path: string): Promise<{ finding: Finding; config: AgentConfig | null }> {
  const finding = findingsOf('config')
  try {
    const findings = await checkConfigFile(path)
    const config = await loadAgentConfig(path)
    if (findings.length === 0) return { finding: finding.pass(path), config }
    return { finding: finding.fail(findings.join('; '), `sudoedit ${path}`), config }
  } catch (error) {
    if (codeOf(error) !== 'CONFIG_INVALID') throw error
    return { finding: finding.fail((error as LatchkeyError).message, 'sudo latchkey-agent setup'), config: null }
  }
}

/** Whether an agent has this data directory now. */
async function isRunning(directory: string): Promise<boolean> {
  try {
    await (await lockDirectory(directory))[Symbol.asyncDispose]()
    return false
  } catch (error) {
    return codeOf(error) === 'CONFLICT'
  }
}

/** Every check, told as it is done: the order is that of a person who looks for the cause. */
async function examine(patient: Patient, tell: Tell): Promise<void> {
  const { finding: ffmpegFinding, ffmpeg } = await checkFfmpeg(patient)
  tell(ffmpegFinding)
  tell(await checkCamera(patient, ffmpeg))
  tell(await checkDisk(patient))
  const relay = await checkRelay(patient)
  tell(await checkClock(patient, relay.offsetMs))
  tell(relay.finding)
  const pairing = await checkPairing(patient)
  tell(pairing.finding)
  tell(await checkBroker(patient, pairing.state))
  tell(await checkLog(patient, pairing.state))
  for (const check of [checkHome, checkButton, checkChime, checkHeat, checkPower, checkService])
    tell(await check(patient))
}

const MARKS: Readonly<Record<Verdict, readonly [mark: string, tone: Tone]>> = {
  pass: ['✓', 'good'],
  warn: ['!', 'note'],
  fail: ['✗', 'bad'],
  skip: ['-', 'faint'],
}
const LABEL_WIDTH = 10
const TEXT_WIDTH = 84

/** One finding; its words stand in a column of their own, the fix below them. */
function show(terminal: Terminal, { check, verdict, text, fix }: Finding): void {
  const [mark, tone] = MARKS[verdict]
  const indent = ' '.repeat(LABEL_WIDTH + 4)
  const [first, ...rest] = wrapText(text, TEXT_WIDTH).map((line) =>
    verdict === 'skip' ? terminal.tone('faint', line) : line,
  )
  const head = `  ${terminal.tone(tone, mark)} ${check.padEnd(LABEL_WIDTH)}${first ?? ''}`
  const fixes =
    fix === undefined ? [] : wrapText(fix, TEXT_WIDTH - 3).map((line, i) => `${i === 0 ? '-> ' : '   '}${line}`)
  const below = [...rest, ...fixes.map((line) => terminal.tone('strong', line))]
  terminal.write([head, ...below.map((line) => `${indent}${line}`)].map((line) => `${line}\n`).join(''))
}

function summary(findings: readonly Finding[]): string {
  const count = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length
  const [failed, warned] = [count('fail'), count('warn')]
  if (failed > 0) return `${failed} failed${warned > 0 ? `, ${warned} to look at` : ''}. Begin with the first.`
  return warned > 0 ? `It works; ${warned} could be better.` : 'All is well.'
}

async function run({ args, environment }: CommandContext): Promise<number> {
  const { json, config: path } = parseOptions(args, { command: 'doctor', options: OPTIONS })
  const terminal = createTerminal(environment)
  const findings: Finding[] = []
  const tell: Tell = (finding) => {
    findings.push(finding)
    if (!json) show(terminal, finding)
  }
  const { finding, config } = await checkConfiguration(path)
  tell(finding)
  const searchPath = environment['PATH'] ?? SEARCH_PATH
  if (config !== null)
    await examine(
      {
        config,
        clock: systemClock,
        run: createToolRunner(searchPath, systemClock),
        searchPath,
        ffmpegPath: environment['LATCHKEY_FFMPEG'],
        running: await isRunning(config.dataDir),
        sysPath: '/sys',
        devicesPath: '/dev',
      },
      tell,
    )
  const ok = findings.every(({ verdict }) => verdict !== 'fail')
  if (json) process.stdout.write(`${JSON.stringify({ ok, findings }, null, 2)}\n`)
  else terminal.write(`\n  ${terminal.tone(ok ? 'good' : 'bad', summary(findings))}\n`)
  return ok ? 0 : 1
}

/** `latchkey-agent doctor`. */
export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'look at everything the doorbell needs, and say what to do about what is wrong',
  help: HELP,
  run,
}
