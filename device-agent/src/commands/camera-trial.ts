import { LatchkeyError } from '@latchkey/shared'
import { createCamera } from '../camera/camera.ts'
import type { FfmpegBinary } from '../camera/ffmpeg-binary.ts'
import type { CameraSource } from '../camera/source.ts'
import type { CodedFrame, VideoFormat } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'

/** What a camera turned out to send. */
export interface CameraFacts {
  readonly codec: string
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
  /** Distance of the farthest two keyframes that follow each other; null when only one came. */
  readonly keyframeEveryMs: number | null
  readonly bitsPerSecond: number
  /** How long it was watched, ms of the camera's own time. */
  readonly watchedMs: number
}

/** One trial. */
export interface CameraTrial {
  readonly source: CameraSource
  readonly ffmpeg: FfmpegBinary
  readonly clock: Clock
  /** H.265 is welcome. */
  readonly hevc?: boolean
  /** Ends the trial early, with what there is. */
  readonly signal?: AbortSignal
}

/** The first picture may take a camera's own start, a stream's first keyframe, and a slow network. */
const START_MS = 15_000
/** Two keyframes of an ordinary camera, and no longer than a person likes to wait. */
const WATCH_MS = 6_000
/** For cameras whose keyframes are rare: until the second one. */
const KEYFRAME_MS = 12_000

function factsOf(format: VideoFormat, frames: readonly CodedFrame[]): CameraFacts {
  const { codec, width, height, timescale } = format
  const [first, last] = [frames[0]!, frames.at(-1)!]
  const spanTicks = last.dtsTicks + last.durationTicks - first.dtsTicks
  const watchedMs = (spanTicks * 1000) / timescale
  const keyframes = frames.filter(({ keyframe }) => keyframe).map(({ dtsTicks }) => (dtsTicks * 1000) / timescale)
  const distances = keyframes.slice(1).map((atMs, i) => atMs - keyframes[i]!)
  const bytes = frames.reduce((sum, { data }) => sum + data.length, 0)
  return {
    codec,
    width,
    height,
    framesPerSecond: (frames.length * 1000) / watchedMs,
    keyframeEveryMs: distances.length === 0 ? null : Math.max(...distances),
    bitsPerSecond: (bytes * 8000) / watchedMs,
    watchedMs,
  }
}

/** Enough is seen: some seconds, with two keyframes in them. */
function isEnough(frames: readonly CodedFrame[]): boolean {
  const watchedMs = frames.at(-1)!.captureMs - frames[0]!.captureMs
  return watchedMs >= WATCH_MS && (watchedMs >= KEYFRAME_MS || frames.filter(({ keyframe }) => keyframe).length >= 2)
}

/**
 * Watches a camera for some seconds and says what it sends. Keeps nothing; the pictures never leave memory.
 * @throws SOURCE_UNSUPPORTED | UNAVAILABLE | ENCODING_INVALID with what to do about it; DEPENDENCY_MISSING for rpicam-vid
 */
export async function tryCamera({ source, ffmpeg, clock, hevc = false, signal }: CameraTrial): Promise<CameraFacts> {
  const stop = new AbortController()
  const onAbort = () => stop.abort()
  signal?.addEventListener('abort', onAbort, { once: true })
  const limit = clock.setTimer(START_MS + KEYFRAME_MS, onAbort)
  let format: VideoFormat | undefined
  const frames: CodedFrame[] = []
  let reason: unknown
  const camera = createCamera({
    source,
    ffmpeg,
    clock,
    hevc,
    random: () => 0.5,
    startMs: START_MS,
    onLost: (error) => (reason = error),
  })
  try {
    for await (const event of camera.events(stop.signal)) {
      if (event.kind === 'format') format = event.format
      if (event.kind === 'frame') frames.push(event.frame)
      if (event.kind === 'state' && event.state === 'camera-lost') break
      if (event.kind === 'frame' && isEnough(frames)) break
    }
  } finally {
    limit.cancel()
    signal?.removeEventListener('abort', onAbort)
    stop.abort()
  }
  if (format !== undefined && frames.length > 1) return factsOf(format, frames)
  throw reason instanceof LatchkeyError ? reason : new LatchkeyError('UNAVAILABLE', 'the camera sends no pictures')
}

/** `H.264, 1280×720, 15 pictures a second, a keyframe every 2.0 s, 2.1 Mbit/s`. */
export function cameraWords(facts: CameraFacts): string {
  const { codec, width, height, framesPerSecond, keyframeEveryMs, bitsPerSecond, watchedMs } = facts
  const name = codec === 'h264' ? 'H.264' : 'H.265'
  const keyframes =
    keyframeEveryMs === null
      ? `keyframes more than ${(watchedMs / 1000).toFixed(0)} s apart`
      : `a keyframe every ${(keyframeEveryMs / 1000).toFixed(1)} s`
  const rate = `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`
  return `${name}, ${width}×${height}, ${framesPerSecond.toFixed(0)} pictures a second, ${keyframes}, ${rate}`
}

/** Beyond this, clips begin much earlier than asked, and the first look at motion comes late. */
const LONG_KEYFRAME_MS = 4_200

/** What could be better about a camera's settings; empty when nothing. */
export function cameraAdvice({ keyframeEveryMs, watchedMs, framesPerSecond }: CameraFacts): string[] {
  const advice: string[] = []
  const rare = keyframeEveryMs === null ? watchedMs >= LONG_KEYFRAME_MS : keyframeEveryMs > LONG_KEYFRAME_MS
  if (rare) advice.push('set the camera’s keyframe (I-frame) interval to 2 s, and switch off "smart" or "+" codecs')
  if (framesPerSecond < 8) advice.push('set the camera to 10 pictures a second or more')
  return advice
}
