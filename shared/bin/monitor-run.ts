import { setTimeout as wait } from 'node:timers/promises'
import { createLogMonitor, type LogMonitor, type Look } from '../monitor/log-monitor.ts'
import { createExportedRelay } from '../monitor/exported-relay.ts'
import { createPublicRelay, type PublicRelay } from '../monitor/public-relay.ts'
import { AUDIT_CODES, type AuditFinding } from '../src/audit/audit-finding.ts'
import { NOT_JUDGED } from '../src/audit/not-judged.ts'
import { canonicalJson } from '../src/bytes/canonical-json.ts'
import { LatchkeyError } from '../src/errors.ts'
import { logTrustOf } from '../src/tlog/checkpoint.ts'
import type { Trust } from '../src/wire/trust.ts'
import type { Arguments } from './arguments.ts'
import type { World } from './command.ts'
import { readBytes } from './disk-files.ts'
import { type Failure, failureOf, inFile } from './failure.ts'
import { createForgetfulFolder, type MonitorFolder, openMonitorFolder } from './monitor-folder.ts'
import { loadRefusedRequests } from './refused-texts.ts'
import { parseOrigin } from './value-syntax.ts'

const DEFAULT_SECONDS = 60
const MAX_EXPORT_BYTES = 1024 * 1024 * 1024

function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new LatchkeyError('USAGE', `--every is whole seconds, not '${text}'`)
  return seconds
}

const failureOfFinding = ({ code, index, message }: AuditFinding): Failure => ({
  code,
  file: index === null ? 'log' : `entry/${index}`,
  message,
  isSaid: true,
})

/** Findings as they come: kept on the disk, then said, each once. */
class Findings {
  readonly all: AuditFinding[] = []
  readonly #known = new Set<string>()
  readonly #folder: MonitorFolder
  readonly #world: World

  constructor(folder: MonitorFolder, world: World) {
    this.#folder = folder
    this.#world = world
  }

  async take(finding: AuditFinding): Promise<void> {
    const key = canonicalJson(finding)
    if (this.#known.has(key)) return
    this.#known.add(key)
    const raw = await this.#folder.load()
    const checkpoint = raw === null ? '' : new TextDecoder().decode(raw)
    await this.#folder.keep(finding, { checkpoint, foundMs: this.#world.nowMs() })
    this.all.push(finding)
    this.#world.terminal.fail([failureOfFinding(finding)])
  }
}

function tallyText({ audit }: LogMonitor): string[] {
  const { accepted, refused, open } = audit.state.tally
  const line = (what: string, { derived, open: left, contradicted }: typeof accepted) =>
    `${what}: ${derived + left + contradicted}, of which ${derived} derived again, ${left} left open, ${contradicted} contradicted`
  return [
    line('accepted requests', accepted),
    line('refused requests', refused),
    ...[...open].map(([why, times]) => `  open, ${times} times: ${why}`),
  ]
}

function lookText(monitor: LogMonitor, { held, isWhole }: Look, findings: readonly AuditFinding[]): string {
  if (held === null) return 'no checkpoint that can be believed'
  const judged = isWhole
    ? `all ${held.size} entries judged`
    : `${monitor.audit.state.size} of ${held.size} entries judged`
  const cosigned = held.witnesses.map(({ key }) => key.name)
  return [
    `${held.origin}: ${judged}${cosigned.length > 0 ? `, cosigned by ${cosigned.join(', ')}` : ''}`,
    ...tallyText(monitor),
    findings.length === 0 ? 'PASS' : `FAIL: ${findings.length} findings`,
    '',
    'Not judged:',
    ...NOT_JUDGED.map((line) => `- ${line}`),
  ].join('\n')
}

function lookJson(monitor: LogMonitor, { held, isWhole }: Look, findings: readonly AuditFinding[]): string {
  const { size, tally } = monitor.audit.state
  return JSON.stringify({
    v: 1,
    origin: held?.origin ?? null,
    size: held?.size ?? null,
    judged: size,
    isWhole,
    witnesses: held?.witnesses.map(({ key }) => key.name) ?? [],
    accepted: tally.accepted,
    refused: tally.refused,
    open: Object.fromEntries(tally.open),
    findings: findings.map((finding) => ({ ...finding, meaning: AUDIT_CODES[finding.code] })),
    notJudged: NOT_JUDGED,
  })
}

/** Looks until it is told to stop; what changed nothing is not told again. */
async function lookOn(
  monitor: LogMonitor,
  { every, tell, world }: { every: number; tell: (look: Look) => void; world: World },
): Promise<void> {
  const stop = world.untilStopped()
  let told = ''
  let away = ''
  while (!stop.aborted) {
    try {
      const look = await monitor.look(world.terminal.progress)
      const state = `${look.held?.size} ${monitor.audit.state.size}`
      if (state !== told || away !== '') tell(look)
      ;[told, away] = [state, '']
    } catch (error) {
      const { code, message } = failureOf(error)
      if (code === 'USAGE' || code === 'INTERNAL') throw error
      if (message !== away) world.terminal.note(`${code}: ${message}; looking again`)
      away = message
    }
    await wait(every * 1000, undefined, { signal: stop }).catch(() => undefined)
  }
}

/** The relay itself, or what somebody exported of it. */
async function readerOf(given: Arguments, origin: string, nowMs: () => number): Promise<PublicRelay> {
  const file = given.optional('export')
  if (file === undefined) return createPublicRelay(origin, nowMs)
  const zip = await readBytes(file, MAX_EXPORT_BYTES)
  return inFile(file, () => createExportedRelay(zip))
}

/** Follows a log, once or until it is stopped. @returns every finding that was not said already: none */
export async function monitorLog(given: Arguments, trust: Trust, world: World): Promise<readonly Failure[]> {
  const origin = parseOrigin(given.text('log').replace(/\/$/, ''))
  const every = parseSeconds(given.optional('every') ?? String(DEFAULT_SECONDS))
  const state = given.optional('state')
  const [texts, { nowMs, terminal }] = [given.optional('texts'), world]
  const refused = texts === undefined ? new Map<string, string>() : await loadRefusedRequests(texts)
  await using folder = state === undefined ? createForgetfulFolder() : await openMonitorFolder(state, origin)
  const earlier = await folder.countEvidence()
  if (earlier > 0) terminal.note(`${earlier} pieces of evidence of earlier findings are in ${state}`)
  const findings = new Findings(folder, world)
  const parts = {
    origin,
    relay: await readerOf(given, origin, nowMs),
    trust: logTrustOf(trust),
    folder,
    refused,
    nowMs,
  }
  const monitor = await createLogMonitor({ ...parts, report: (finding) => findings.take(finding) })
  const textOf = given.flag('json') ? lookJson : lookText
  const tell = (look: Look) => terminal.print(textOf(monitor, look, findings.all))
  if (given.flag('once') || given.optional('export') !== undefined) tell(await monitor.look(terminal.progress))
  else await lookOn(monitor, { every, tell, world })
  return findings.all.map(failureOfFinding)
}
