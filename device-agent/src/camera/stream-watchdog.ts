import type { Clock } from '../kernel/clock.ts'

/** How patient a watchdog is. */
export interface WatchdogOptions {
  readonly clock: Clock
  /** Until the first keyframe. */
  readonly startMs: number
  /** Between frames. */
  readonly staleMs: number
}

/** Ends a stream that stalls, or that goes on without anything that a clip could begin with. */
export interface StreamWatchdog {
  /** What was missing when it bit. */
  readonly missing: 'frames' | 'keyframes' | undefined
  see(frame: { readonly keyframe: boolean; readonly data: { readonly length: number } }): void
  /** Waits for `work`, and bites when that takes too long. Time in which our own consumer holds us does not count. */
  guard<T>(work: Promise<T>): Promise<T>
}

/** A camera may stretch the distance of its keyframes when nothing moves ("smart codec"): by this much, or to this long. */
const KEYFRAME_SLACK = 2.5
const KEYFRAME_PATIENCE_MS = 20_000
/** No group may be longer than a clip, nor larger than the memory for one: with some room to spare, and it is over. */
const LONGEST_GROUP_MS = 58_000
const LARGEST_GROUP_BYTES = 60 << 20

/**
 * Process life, and even bytes, say nothing: an encoder that has stalled may go on sending. What counts is the last
 * keyframe, and how far they were apart so far.
 */
export function createStreamWatchdog(
  { clock, startMs, staleMs }: WatchdogOptions,
  onStale: () => void,
): StreamWatchdog {
  let missing: StreamWatchdog['missing']
  /** Waited for since the newest frame. */
  let sinceFrameMs = 0
  let keyframes = 0
  let longestMs = 0
  let sinceKeyframeMs = 0
  let sinceKeyframeBytes = 0

  /** How far apart they are is known from the second one on. */
  function keyframeLimitMs(): number {
    if (keyframes === 0) return startMs
    const usualMs = keyframes === 1 ? Infinity : Math.max(KEYFRAME_PATIENCE_MS, longestMs * KEYFRAME_SLACK)
    return Math.min(LONGEST_GROUP_MS, usualMs)
  }

  function bite(what: 'frames' | 'keyframes'): void {
    missing = what
    onStale()
  }

  return {
    get missing() {
      return missing
    },
    see({ keyframe, data }) {
      sinceFrameMs = 0
      sinceKeyframeBytes = data.length + (keyframe ? 0 : sinceKeyframeBytes)
      if (sinceKeyframeBytes > LARGEST_GROUP_BYTES) bite('keyframes')
      if (!keyframe) return
      if (keyframes++ > 0) longestMs = Math.max(longestMs, sinceKeyframeMs)
      sinceKeyframeMs = 0
    },
    async guard(work) {
      const framesLeftMs = (keyframes === 0 ? startMs : staleMs) - sinceFrameMs
      const keyframesLeftMs = keyframeLimitMs() - sinceKeyframeMs
      const startedMs = clock.monotonicMs()
      const timer = clock.setTimer(Math.max(0, Math.min(framesLeftMs, keyframesLeftMs)), () => {
        bite(keyframesLeftMs < framesLeftMs ? 'keyframes' : 'frames')
      })
      try {
        return await work
      } finally {
        timer.cancel()
        const passedMs = clock.monotonicMs() - startedMs
        sinceFrameMs += passedMs
        sinceKeyframeMs += passedMs
      }
    },
  }
}
