import type { CodedFrame } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { CaptureTime } from './capture-time.ts'
import type { Sample } from './fmp4-fragment-parser.ts'
import type { ParsedInit } from './fmp4-init.ts'
import { isKeyframe, parseNalUnits } from './nal-units.ts'
import { createParameterWatch } from './parameter-watch.ts'

/** What a stream's frames are stamped by. */
export interface FrameStamperOptions {
  readonly clock: Clock
  readonly captureTime: CaptureTime
}

/**
 * Builds a function that makes frames of a stream's samples, as they come: it looks whether decoding can start there,
 * and when they were taken. Untrusted: the samples.
 * The function throws ENCODING_INVALID, and UNAVAILABLE when the stream becomes another one.
 */
export function createFrameStamper(
  init: Pick<ParsedInit, 'format' | 'nalLengthBytes'>,
  { clock, captureTime }: FrameStamperOptions,
): (sample: Sample) => CodedFrame {
  const { codec, timescale } = init.format
  const toMs = 1000 / timescale
  const parameters = createParameterWatch(codec)
  return (sample) => {
    const { data, dtsTicks, ptsTicks, durationTicks } = sample
    const units = parseNalUnits(data, init.nalLengthBytes, codec)
    // The container marks recovery points as sync too, and cameras err; a clip that starts there would not decode.
    const keyframe = isKeyframe(units, codec)
    parameters.see(units)
    const time = { ptsMs: ptsTicks * toMs, dtsMs: dtsTicks * toMs, keyframe }
    const stamp = captureTime(time, { nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() })
    const loss = sample.afterLoss === true ? { afterLoss: true } : {}
    return { data, dtsTicks, ptsTicks, durationTicks, keyframe, ...loss, ...stamp }
  }
}
