import type { ClockStatement } from '@latchkey/shared'
import type { Clock } from '../kernel/clock.ts'
import { createWaker } from '../kernel/waker.ts'

/** Runs a program to its end and gives what it printed, or null when it is missing or failed. */
export type RunProgram = (command: string, args: readonly string[]) => Promise<string | null>

/** What the statement says when nothing better is known. */
export interface ClockSourceOptions {
  readonly clock: Clock
  readonly run: RunProgram
  /** Claimed without any synchronisation, where nothing is there that could synchronise, ms. */
  readonly fallbackUncertaintyMs: number
  /** It is certainly later than this, UTC ms: an earlier clock is wrong, whatever it says. Default 0. */
  readonly notBeforeMs?: number
  /** Nobody need wait for the clock any more: it was set, or it will not be soon. */
  readonly onSettled?: () => void
}

/** A moment as both clocks of the device had it. */
export interface Moment {
  readonly atMs: number
  readonly monotonicMs: number
}

/** How well the clock is kept. */
export interface ClockSource extends AsyncDisposable {
  /** Of a time that is stamped now. */
  statement(): ClockStatement
  /**
   * Of a time that was stamped earlier in this boot. Where the clock was set since, `offsetMs` is what it was wrong by:
   * stated times stay as they are, and `atMs + offsetMs` is the corrected one.
   */
  about(moment: Moment): Promise<ClockStatement>
  /** Is the clock about to be set for the first time since boot? Final records wait for that, for a while. */
  isAwaited(): boolean
}

/** Probed this often: chrony's own numbers move on the scale of minutes. */
const PROBE_EVERY_MS = 5 * 60_000
/** While the clock has yet to be set. */
const PROBE_SOON_MS = 10_000
/** A Pi is synchronised a minute or two after its network is up; without one, records are made all the same. */
const AWAIT_MS = 10 * 60_000
/** systemd-timesyncd says only "synchronised"; a public NTP server over a home line is well within this. */
const TIMESYNCD_UNCERTAINTY_MS = 1_000
/** Steps of the wall clock below this are corrections of its rate, not of its value; as in camera/capture-time.ts. */
const WALL_STEP_MS = 50
/** A clip may span a step up to this, as in clip/clip-cutter.ts: its times are then right before or after, not both. */
const SPANNED_STEP_MS = 1_000
/** Two clocks of one machine that were read one after the other. */
const RTC_TOLERANCE_MS = 5_000
/** A clock that starts in 1970 or at the last shutdown may be off by anything: a century says so. */
export const UNKNOWN_UNCERTAINTY_MS = 100 * 365.25 * 86_400_000

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

/** What `timedatectl show` says. Untrusted: `text`. @see timedatectl(1) */
export function parseTimedatectl(text: string): {
  readonly reading: Reading | null
  /** A service is there to set the clock. */
  readonly hasClient: boolean
  /** The battery-backed clock, UTC ms; null without one. */
  readonly rtcMs: number | null
} {
  const rtc = /^RTCTimeUSec=\w{3} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/m.exec(text)
  const rtcMs = rtc ? Date.parse(`${rtc[1]}T${rtc[2]}Z`) : NaN
  const isSynchronised = /^NTPSynchronized=yes$/m.test(text)
  return {
    reading: isSynchronised ? { source: 'ntp', offsetMs: 0, uncertaintyMs: TIMESYNCD_UNCERTAINTY_MS } : null,
    hasClient: /^NTP=yes$/m.test(text),
    rtcMs: Number.isFinite(rtcMs) ? rtcMs : null,
  }
}

interface Probe {
  readonly reading: Reading
  /** A service is there to set the clock, and has not yet. */
  readonly isPending: boolean
}

async function probe(options: ClockSourceOptions): Promise<Probe> {
  const { clock, fallbackUncertaintyMs, notBeforeMs = 0 } = options
  const tracking = await options.run('chronyc', ['-c', 'tracking'])
  const chrony = tracking === null ? null : parseChronyTracking(tracking)
  if (chrony) return { reading: chrony, isPending: false }
  const shown = parseTimedatectl((await options.run('timedatectl', ['show'])) ?? '')
  if (shown.reading && tracking === null) return { reading: shown.reading, isPending: false }
  const isPending = tracking !== null || shown.hasClient
  const nowMs = clock.nowMs()
  const none = (uncertaintyMs: number): Probe => ({
    reading: { source: 'none', offsetMs: 0, uncertaintyMs },
    isPending,
  })
  if (nowMs < notBeforeMs) return none(UNKNOWN_UNCERTAINTY_MS)
  if (shown.rtcMs !== null && Math.abs(shown.rtcMs - nowMs) < RTC_TOLERANCE_MS)
    return { reading: { source: 'rtc', offsetMs: 0, uncertaintyMs: fallbackUncertaintyMs }, isPending: false }
  // Without a battery-backed clock and before the first synchronisation it may show the time of the last shutdown.
  return none(isPending ? UNKNOWN_UNCERTAINTY_MS : fallbackUncertaintyMs)
}

/**
 * Watches how well the system clock is kept.
 * @returns after the first probe; `statement()` is the last one made
 * @see spec/time.md
 */
export async function createClockSource(options: ClockSourceOptions): Promise<ClockSource> {
  const { clock } = options
  const waker = createWaker(clock)
  const startedMs = clock.monotonicMs()
  /** Moves when somebody sets the wall clock. */
  const origin = (): number => clock.nowMs() - clock.monotonicMs()
  const take = async () => ({ ...(await probe(options)), checkedMs: clock.nowMs(), origin: origin() })
  let current = await take()
  let wasAwaited = true

  const isAwaited = (): boolean => current.isPending && clock.monotonicMs() - startedMs < AWAIT_MS
  const wasSet = (): boolean => Math.abs(origin() - current.origin) > WALL_STEP_MS

  async function look(): Promise<void> {
    current = await take()
    if (wasAwaited && !isAwaited()) options.onSettled?.()
    wasAwaited = isAwaited()
  }

  async function keepProbing(): Promise<void> {
    while (!waker.isStopped()) {
      await waker.wait(isAwaited() ? PROBE_SOON_MS : PROBE_EVERY_MS)
      if (!waker.isStopped()) await look()
    }
  }

  function statement(): ClockStatement {
    if (wasSet()) waker.wake()
    const { reading, checkedMs } = current
    return { ...reading, checkedMs }
  }

  wasAwaited = isAwaited()
  const running = keepProbing()
  return {
    statement,
    async about({ atMs, monotonicMs }) {
      if (wasSet()) await look()
      const stepMs = Math.round(origin() - (atMs - monotonicMs))
      const now = statement()
      if (Math.abs(stepMs) <= WALL_STEP_MS) return now
      const spannedMs = Math.abs(stepMs) <= SPANNED_STEP_MS ? Math.abs(stepMs) : 0
      return { ...now, offsetMs: stepMs, uncertaintyMs: now.uncertaintyMs + spannedMs }
    },
    isAwaited,
    [Symbol.asyncDispose]: async () => {
      waker.stop()
      await running
    },
  }
}
