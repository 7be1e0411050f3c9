/** When a frame was taken. */
export interface CaptureStamp {
  /** UTC ms by the device clock. */
  readonly captureMs: number
  /** The same instant on the boot's monotonic clock. */
  readonly monotonicMs: number
}

/** One frame's own times, ms on the stream's clock. */
export interface StreamTime {
  readonly ptsMs: number
  readonly dtsMs: number
  readonly keyframe: boolean
}

/** Readings of both clocks when a frame arrived. */
export interface Arrival {
  readonly nowMs: number
  readonly monotonicMs: number
}

/** Maps the times of one stream, frame by frame in decode order, to the device's clocks. */
export type CaptureTime = (time: StreamTime, arrival: Arrival) => CaptureStamp

/** A camera's clock may run slow against ours; a minimum older than one to two of these is forgotten. */
const WINDOW_MS = 60_000
/** While correcting, time passes at half to one and a half of its pace: it never stands still or runs back. */
const MAX_SLEW = 0.5
/** Steps of the wall clock below this are corrections of its rate, not of its value. */
const WALL_STEP_MS = 50

/** The least value seen in the last one to two windows. */
function createRecentMinimum(): (value: number, atMs: number) => number {
  let windowStartMs = -Infinity
  let before = Infinity
  let current = Infinity
  return (value, atMs) => {
    if (atMs - windowStartMs >= WINDOW_MS) {
      before = current
      current = Infinity
      windowStartMs = atMs
    }
    current = Math.min(current, value)
    return Math.min(before, current)
  }
}

/**
 * For a stream that arrives as it is filmed. A frame cannot arrive before it was taken, so the least of
 * (arrival − pts) is the best guess of the distance of the two clocks; delays of the network only ever add to it.
 * The guess is approached gradually, so that stamps grow with the stream.
 */
export function createLiveCaptureTime(): CaptureTime {
  const leastDistance = createRecentMinimum()
  let distanceMs: number | undefined
  let lastDtsMs = 0
  let wallOffsetMs = 0
  return ({ ptsMs, dtsMs, keyframe }, arrival) => {
    const target = leastDistance(arrival.monotonicMs - ptsMs, arrival.monotonicMs)
    const wall = arrival.nowMs - arrival.monotonicMs
    if (distanceMs === undefined) {
      distanceMs = target
      wallOffsetMs = wall
    }
    const reach = Math.max(0, dtsMs - lastDtsMs) * MAX_SLEW
    distanceMs += Math.max(-reach, Math.min(reach, target - distanceMs))
    lastDtsMs = dtsMs
    // Only between groups of pictures: a clip is cut where the wall clock was set, never inside a group.
    if (keyframe && Math.abs(wall - wallOffsetMs) > WALL_STEP_MS) wallOffsetMs = wall
    const monotonicMs = Math.max(0, Math.round(ptsMs + distanceMs))
    return { captureMs: Math.round(ptsMs + distanceMs + wallOffsetMs), monotonicMs }
  }
}

/**
 * For a recording that is played faster than time: its end is taken to be `start.nowMs`, so that every stamp lies in
 * the past. `durationMs`: an upper bound of its length.
 */
export function createReplayCaptureTime(start: Arrival, durationMs: number): CaptureTime {
  let firstPtsMs: number | undefined
  return ({ ptsMs }) => {
    firstPtsMs ??= ptsMs
    const agoMs = Math.round(durationMs - (ptsMs - firstPtsMs))
    return {
      captureMs: Math.round(start.nowMs) - agoMs,
      monotonicMs: Math.max(0, Math.round(start.monotonicMs) - agoMs),
    }
  }
}
