import type { ClockStatement } from '@latchkey/shared'
import type { Clock } from '../kernel/clock.ts'
import { createWaker } from '../kernel/waker.ts'

/** Runs a program to its end and gives what it printed, or null when it is missing or failed. */
export type RunProgram = (command: string, args: readonly string[]) => Promise<string | null>

/** What the statement says when nothing better is known. */
export interface ClockSourceOptions {
  readonly clock: Clock
  readonly run: RunProgram
  /** Claimed without any synchronisation, ms. */
  readonly fallbackUncertaintyMs: number
}

/** Probed this often: chrony's own numbers move on the scale of minutes. */
const PROBE_EVERY_MS = 5 * 60_000
/** systemd-timesyncd says only "synchronised"; a public NTP server over a home line is well within this. */
const TIMESYNCD_UNCERTAINTY_MS = 1_000

type Reading = Omit<ClockStatement, 'checkedMs'>

/**
 * `chronyc -c tracking` → reading. |offset| + root delay/2 + root dispersion bounds the error, as NTP defines it.
 * Untrusted: `text`. Null when chrony is not synchronised.
 * @see RFC 5905 §11.2 (root distance); chronyc(1), "tracking"
 */
export function parseChronyTracking(text: string): Reading | null {
  const fields = text.trim().split(',')
  const numbers = [4, 10, 11].map((column) => Number(fields[column]))
  const [offset, delay, dispersion] = numbers as [number, number, number]
  if (fields.length < 14 || fields[13] === 'Not synchronised' || !numbers.every(Number.isFinite)) return null
  const distanceMs = (Math.abs(offset) + delay / 2 + dispersion) * 1000
  return { source: 'ntp', offsetMs: 0, uncertaintyMs: Math.ceil(distanceMs) + 1 }
}

/** `timedatectl show` → reading; null when the system clock is not synchronised. Untrusted: `text`. */
export function parseTimedatectl(text: string): Reading | null {
  return /^NTPSynchronized=yes$/m.test(text)
    ? { source: 'ntp', offsetMs: 0, uncertaintyMs: TIMESYNCD_UNCERTAINTY_MS }
    : null
}

async function probe(options: ClockSourceOptions): Promise<Reading> {
  const chrony = await options.run('chronyc', ['-c', 'tracking'])
  const timesyncd = chrony === null ? await options.run('timedatectl', ['show']) : null
  return (
    (chrony === null ? null : parseChronyTracking(chrony)) ??
    (timesyncd === null ? null : parseTimedatectl(timesyncd)) ?? {
      source: 'none',
      offsetMs: 0,
      uncertaintyMs: options.fallbackUncertaintyMs,
    }
  )
}

/**
 * Watches how well the system clock is kept.
 * @returns after the first probe; `statement()` is the last one made
 */
export async function createClockSource(
  options: ClockSourceOptions,
): Promise<{ statement(): ClockStatement } & AsyncDisposable> {
  const { clock } = options
  const waker = createWaker(clock)
  const take = async (): Promise<ClockStatement> => ({ ...(await probe(options)), checkedMs: clock.nowMs() })
  let current = await take()
  async function keepProbing(): Promise<void> {
    while (!waker.isStopped()) {
      await waker.wait(PROBE_EVERY_MS)
      if (!waker.isStopped()) current = await take()
    }
  }
  const running = keepProbing()
  return {
    statement: () => current,
    [Symbol.asyncDispose]: async () => {
      waker.stop()
      await running
    },
  }
}
