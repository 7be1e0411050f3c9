import { fromUtf8, LatchkeyError } from '@latchkey/shared'
import { access } from 'node:fs/promises'
import { runChild } from '../kernel/child-process.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Health } from './updater.ts'

/** The service of the package. */
const SERVICE = 'latchkey-agent.service'
const PROGRAM = '/usr/bin/latchkey-agent'
const POLL_MS = 2_000
/** More than half of the unit's WatchdogSec, so that at least one sign of life must fall into it. */
const STEADY_MS = 45_000
/** Enough to tell a crash from a slow start. */
const RESTARTS_TOLERATED = 2

/** What systemd knows of the service. */
export interface ServiceState {
  readonly active: string
  readonly mainPid: string
  readonly restarts: number
  /** Microseconds since boot of the last sign of life; 0 for none. */
  readonly watchdogUs: number
}

/** `systemctl show` → state. Untrusted: `text`. */
export function parseServiceState(text: string): ServiceState {
  const fields = new Map(text.split('\n').map((line) => line.split('=', 2) as [string, string]))
  return {
    active: fields.get('ActiveState') ?? 'unknown',
    mainPid: fields.get('MainPID') ?? '0',
    restarts: Number(fields.get('NRestarts') ?? 0),
    watchdogUs: Number(fields.get('WatchdogTimestampMonotonic') ?? 0),
  }
}

/** What the health of a service is judged by. */
export interface ServiceWatch {
  readonly clock: Clock
  readonly read: () => Promise<ServiceState>
  readonly timeoutMs: number
}

/**
 * Resolves to null when one process has been active for 45 s and has given a sign of life meanwhile, else to what it did
 * instead.
 */
export async function watchService({ clock, read, timeoutMs }: ServiceWatch): Promise<string | null> {
  const deadlineMs = clock.monotonicMs() + timeoutMs
  let first = await read()
  let sinceMs = clock.monotonicMs()
  const { restarts } = first
  for (;;) {
    const state = await read()
    if (state.restarts - restarts > RESTARTS_TOLERATED) return 'the new version keeps ending and being started again'
    if (state.active !== 'active' || state.mainPid !== first.mainPid) {
      first = state
      sinceMs = clock.monotonicMs()
    }
    const isSteady = clock.monotonicMs() - sinceMs >= STEADY_MS
    if (isSteady && state.active === 'active' && state.watchdogUs > first.watchdogUs) return null
    if (clock.monotonicMs() > deadlineMs)
      return `after ${timeoutMs / 1000} s the service is ${state.active}, not steady`
    await clock.sleep(POLL_MS)
  }
}

async function exitCode(clock: Clock, command: string, args: readonly string[]): Promise<number | null> {
  const options = { command, args, clock, maxOutputBytes: 1 << 20, timeoutMs: 60_000 }
  return runChild(options).then(
    ({ code }) => code,
    () => null,
  )
}

/** Health as a command says it: healthy once it ends with 0. */
export function createCommandHealth(
  command: string,
  { clock, timeoutMs }: { clock: Clock; timeoutMs: number },
): Health {
  return {
    observe: () => Promise.resolve(),
    async prove() {
      const deadlineMs = clock.monotonicMs() + timeoutMs
      for (;;) {
        const code = await exitCode(clock, '/bin/sh', ['-c', command])
        if (code === 0) return null
        if (clock.monotonicMs() > deadlineMs) return `the health command still ends with ${code}`
        await clock.sleep(POLL_MS)
      }
    },
  }
}

/**
 * Health as systemd sees it: the service that ran before runs again, steadily, with its watchdog fed. Where it did not
 * run before (not set up yet, or no systemd), the new program has to start and name its commands.
 */
export function createServiceHealth({ clock, timeoutMs }: { clock: Clock; timeoutMs: number }): Health {
  let wasActive = false
  async function read(): Promise<ServiceState> {
    const properties = ['ActiveState', 'MainPID', 'NRestarts', 'WatchdogTimestampMonotonic']
    const { stdout, code } = await runChild({
      command: '/usr/bin/systemctl',
      args: ['show', SERVICE, `--property=${properties.join(',')}`],
      clock,
      maxOutputBytes: 65_536,
      timeoutMs: 30_000,
    })
    if (code !== 0) throw new LatchkeyError('UNAVAILABLE', 'systemctl does not answer')
    return parseServiceState(fromUtf8(stdout))
  }
  async function hasSystemd(): Promise<boolean> {
    return access('/run/systemd/system').then(
      () => true,
      () => false,
    )
  }
  return {
    async observe() {
      wasActive = (await hasSystemd()) && (await read()).active === 'active'
    },
    async prove() {
      if (wasActive) return watchService({ clock, read, timeoutMs })
      const code = await exitCode(clock, PROGRAM, ['--help'])
      return code === 0 ? null : 'the new program does not start'
    },
  }
}
