import {
  B64u32,
  CompactJws,
  Count,
  createValidator,
  type DeviceEvent,
  EpochMs,
  Exact,
  fromUtf8,
  Id16,
  LatchkeyError,
  parseWith,
} from '@latchkey/shared'
import { Type, type Static } from 'typebox'
import type { WatchState } from '../flow.ts'

export const WATCH_STATES = ['on', 'privacy', 'camera-lost', 'stopped'] as const

const DayState = Exact({
  v: Type.Literal(1),
  /** Start of the span that the next record covers, and what the camera did at that moment. */
  fromMs: EpochMs,
  state: Type.Union([
    Type.Literal('on'),
    Type.Literal('privacy'),
    Type.Literal('camera-lost'),
    Type.Literal('stopped'),
  ]),
  /** Last moment at which this device is known to have run. */
  aliveMs: EpochMs,
  stream: Type.Union([Id16, Type.Null()]),
  /** Last event and last clip that a record covers. */
  eventsThrough: Count,
  clipsThrough: Count,
  /** Signed and not yet receipted, oldest first. */
  unsent: Type.Array(Exact({ digest: B64u32, day: CompactJws, salt: B64u32 })),
})
/** `day.json`: what the next day record will say, and those on their way. */
export type DayState = Static<typeof DayState>
const dayState = createValidator(DayState)

/** @throws CONFIG_INVALID when the disk damaged the file */
export function parseDayState(bytes: Uint8Array): DayState {
  try {
    return parseWith(dayState, JSON.parse(fromUtf8(bytes)), 'day state')
  } catch (cause) {
    throw new LatchkeyError('CONFIG_INVALID', 'the day record file is damaged: move it away', { cause })
  }
}

/** A stretch of watching, or of not watching. */
export interface Watching {
  readonly fromMs: number
  readonly toMs: number
  readonly state: WatchState
}

function watchStateOf(event: DeviceEvent): WatchState | null {
  if (event.type !== 'state') return null
  return WATCH_STATES.find((state) => state === event.state) ?? null
}

/** How wrong the clock was when it was set in this boot, for times that were stamped before. */
export interface Redating {
  readonly boot: string
  /** Wall clock less monotonic clock, now. */
  readonly originMs: number
}

/** Corrections below this are those of a clock that is kept. */
const SET_MS = 60_000

/**
 * When an event happened, as far as that is known now: one of this boot moves with the clock that was set since. The end
 * of an earlier run is dated by that run's clock, whenever it is recorded.
 */
function datedMs(event: DeviceEvent, { boot, originMs }: Redating): number {
  if (watchStateOf(event) === 'stopped') return event.atMs
  const stepMs = originMs - (event.atMs - event.monotonicMs)
  return event.boot === boot && Math.abs(stepMs) > SET_MS ? event.atMs + stepMs : event.atMs
}

/**
 * State events → stretches that cover `fromMs` to `toMs` without a hole. Times outside are moved to the nearer end: a
 * clock that was set must not make a stretch end before it begins.
 */
export function watchingOf(
  span: { fromMs: number; toMs: number; state: WatchState },
  events: readonly DeviceEvent[],
  redating: Redating = { boot: '', originMs: 0 },
): Watching[] {
  const stretches: Watching[] = []
  let { fromMs, state } = span
  const close = (toMs: number): void => {
    if (toMs > fromMs) stretches.push({ fromMs, toMs, state })
    fromMs = Math.max(fromMs, toMs)
  }
  for (const event of events) {
    const next = watchStateOf(event)
    if (next === null || next === state) continue
    close(Math.min(datedMs(event, redating), span.toMs))
    state = next
  }
  close(span.toMs)
  return stretches
}

/** What the camera did at the end of these events. */
export function stateAfter(state: WatchState, events: readonly DeviceEvent[]): WatchState {
  return events.reduce((current, event) => watchStateOf(event) ?? current, state)
}
