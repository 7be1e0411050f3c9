import {
  canonicalBytes,
  concatBytes,
  type DayRecord,
  dayRecord,
  type DeviceEvent,
  digestOf,
  digestOfJws,
  encodeBase64url,
  randomBytes,
  type Seen,
} from '@latchkey/shared'
import type { ChainHead, DayQueue, DeviceIdentity, RecordEvent, WatchState } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import { type Disk, plainDisk } from '../kernel/disk.ts'
import { type Failpoints, noFailpoints } from '../kernel/failpoint.ts'
import { createWaker } from '../kernel/waker.ts'
import { type DayState, stateAfter, type Watching, watchingOf } from './day-state.ts'
import { type DayStore, openDayStore } from './disk-day-store.ts'

/** Less than this is the clock's ordinary correction. */
const BEHIND_MS = 60_000
const DAY_MS = 24 * 60 * 60_000
/** How closely a crash is dated; each costs one small write. */
const ALIVE_EVERY_MS = 60_000
/** A record has room for 100 stretches; a camera that flaps gets its record earlier. */
const SIGN_AT_STRETCHES = 90

/** Together in one call: many thousands of arguments do not fit the stack. */
const DIGEST_AT_ONCE = 1_000

/** Digest over the canonical bytes of all, one after the other. */
function digestOfEvents(events: readonly DeviceEvent[]): string {
  const pieces: Uint8Array[] = []
  for (let at = 0; at < events.length; at += DIGEST_AT_ONCE)
    pieces.push(concatBytes(...events.slice(at, at + DIGEST_AT_ONCE).map((event) => canonicalBytes(event))))
  return digestOf(...pieces)
}

/** Events as day records see them. */
export interface EventLog {
  readonly stream: string
  readonly last: number
  after(sequence: number): readonly DeviceEvent[]
  keepAfter(sequence: number): void
}

/** What the recorder needs. */
export interface DayRecorderOptions {
  readonly identity: DeviceIdentity
  readonly keyset: () => string
  readonly events: EventLog
  readonly head: () => ChainHead
  readonly seen: () => Seen
  readonly record: RecordEvent
  readonly clock: Clock
  readonly onChange?: () => void
  /** Something could not be kept; it is tried again a minute later. */
  readonly onFault: (error: unknown) => void
}

/** Signs what was watched, and which clips and events there were: the only negative evidence. */
export interface DayRecorder extends DayQueue, AsyncDisposable {
  /** Signs up to now: at stop, and daily by itself. */
  sign(): Promise<void>
}

/** The file of day records, opened before the outbox, whose events it needs kept. */
export interface DayFile {
  /** Events after this one are not yet in a record. */
  readonly keepAfter: number
  /**
   * Starts recording: dates a crash, signs what an earlier run left unsigned.
   * @throws node's file system errors
   */
  start(options: DayRecorderOptions): Promise<DayRecorder>
}

/**
 * @param path absolute, of `day.json`; its directory exists
 * @throws CONFIG_INVALID when the file is damaged
 */
export async function openDayFile(
  path: string,
  failpoints: Failpoints = noFailpoints,
  disk: Disk = plainDisk,
): Promise<DayFile> {
  const store = await openDayStore(path, failpoints, disk)
  return { keepAfter: store.stored?.eventsThrough ?? 0, start: (options) => startRecorder(options, store) }
}

function firstState({ clock, events, head }: DayRecorderOptions): DayState {
  const nowMs = clock.nowMs()
  return {
    v: 1,
    fromMs: nowMs,
    state: 'stopped',
    aliveMs: nowMs,
    stream: events.stream,
    eventsThrough: events.last,
    clipsThrough: head().sequence,
    unsent: [],
  }
}

async function startRecorder(
  options: DayRecorderOptions,
  { stored, writeState, writeAlive }: DayStore,
): Promise<DayRecorder> {
  const { clock, events, identity } = options
  const waker = createWaker(clock)
  let state = stored ?? firstState(options)
  if (state.stream !== events.stream) state = { ...state, stream: events.stream, eventsThrough: 0 }
  let tail: Promise<unknown> = Promise.resolve()

  function exclusive<T>(change: () => Promise<T>): Promise<T> {
    const result = tail.then(change)
    tail = result.catch(() => {})
    return result
  }

  async function keep(next: DayState): Promise<void> {
    await writeState(next)
    state = next
  }

  async function keepAlive(): Promise<void> {
    const aliveMs = Math.max(state.aliveMs, nowMs())
    await writeAlive(aliveMs)
    state = { ...state, aliveMs }
  }

  const nowMs = (): number => Math.max(clock.nowMs(), state.fromMs)
  /** A clock before the last sign of life is a clock that was not set yet: what it says is signed later. */
  const isBehind = (): boolean => clock.nowMs() < state.aliveMs - BEHIND_MS
  const originMs = (): number => clock.nowMs() - clock.monotonicMs()
  /** Of the clock that stamped `state.fromMs`; null for a time of an earlier run. */
  let fromOriginMs = stored === null ? originMs() : null

  /** What the camera did when the span began; of events that are gone nothing is known, and nothing is claimed. */
  function stateBefore([first]: readonly DeviceEvent[]): WatchState {
    const isWhole = first === undefined || first.sequence <= state.eventsThrough + 1
    return isWhole ? state.state : 'stopped'
  }

  /** The clock was set since the span began: before its true beginning nothing was watched. */
  function stretchesOf(toMs: number, covered: readonly DeviceEvent[]): Watching[] {
    const redating = { boot: identity.boot, originMs: originMs() }
    const { fromMs } = state
    const stepMs = fromOriginMs === null ? 0 : redating.originMs - fromOriginMs
    const trueFromMs = Math.min(stepMs > BEHIND_MS ? fromMs + stepMs : fromMs, toMs)
    const before: Watching[] = trueFromMs > fromMs ? [{ fromMs, toMs: trueFromMs, state: 'stopped' }] : []
    return [...before, ...watchingOf({ fromMs: trueFromMs, toMs, state: stateBefore(covered) }, covered, redating)]
  }

  function payloadOf(covered: readonly DeviceEvent[], toMs: number): DayRecord {
    const { sequence, digest } = options.head()
    const hasClips = sequence > state.clipsThrough
    const watching = stretchesOf(toMs, covered)
    return {
      iss: identity.signer.urn,
      iat: Math.floor(clock.nowMs() / 1000),
      latchkey: {
        v: 1,
        deviceCertificate: identity.deviceCertificate,
        epoch: identity.epoch,
        fromMs: state.fromMs,
        toMs,
        boot: identity.boot,
        keyset: options.keyset(),
        manifests: {
          first: hasClips ? state.clipsThrough + 1 : 0,
          last: hasClips ? sequence : 0,
          head: digest,
        },
        events: {
          stream: events.stream,
          first: covered[0]?.sequence ?? 0,
          last: covered.at(-1)?.sequence ?? 0,
          sha256: digestOfEvents(covered),
        },
        watching,
        seen: options.seen(),
      },
    }
  }

  async function signNow(): Promise<void> {
    const toMs = nowMs()
    const covered = events.after(state.eventsThrough)
    if (toMs === state.fromMs && covered.length === 0) return
    const day = await dayRecord.encode(payloadOf(covered, toMs), identity.signer)
    const entry = { digest: digestOfJws(day), day, salt: encodeBase64url(randomBytes(32)) }
    // One file, one write: the record and the span it ends can not come apart.
    await keep({
      ...state,
      fromMs: toMs,
      aliveMs: toMs,
      state: stateAfter(stateBefore(covered), covered),
      eventsThrough: covered.at(-1)?.sequence ?? state.eventsThrough,
      clipsThrough: Math.max(state.clipsThrough, options.head().sequence),
      unsent: [...state.unsent, entry],
    })
    fromOriginMs = originMs()
    events.keepAfter(state.eventsThrough)
    options.onChange?.()
  }

  function isDue(): boolean {
    if (isBehind()) return false
    if (nowMs() - state.fromMs >= DAY_MS) return true
    return stretchesOf(nowMs(), events.after(state.eventsThrough)).length >= SIGN_AT_STRETCHES
  }

  async function stayAlive(): Promise<void> {
    while (!waker.isStopped()) {
      await waker.wait(ALIVE_EVERY_MS)
      if (waker.isStopped()) return
      const due = () => (isDue() ? signNow() : keepAlive())
      await exclusive(due).catch(options.onFault)
    }
  }

  /** An end that nobody recorded was a crash: the camera stopped when the device was last known to run. */
  async function dateCrash(): Promise<void> {
    const uncovered = events.after(state.eventsThrough)
    const last: WatchState = stateAfter(stateBefore(uncovered), uncovered)
    if (last === 'stopped') return
    const newest = uncovered.at(-1)?.atMs ?? 0
    const aliveMs = Math.max(state.aliveMs, newest)
    const atMs = isBehind() ? aliveMs : Math.min(aliveMs, nowMs())
    await options.record({ type: 'state', state: 'stopped', atMs })
  }

  await keep(state)
  if (stored !== null) {
    await dateCrash()
    if (!isBehind()) await exclusive(signNow)
  }
  await exclusive(keepAlive)
  const running = stayAlive()
  return {
    days: () => state.unsent,
    keepDayReceipt: (digest) =>
      exclusive(() => keep({ ...state, unsent: state.unsent.filter((entry) => entry.digest !== digest) })),
    sign: () => exclusive(signNow),
    [Symbol.asyncDispose]: async () => {
      waker.stop()
      await running
    },
  }
}
