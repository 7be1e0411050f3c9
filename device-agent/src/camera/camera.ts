import { LatchkeyError } from '@latchkey/shared'
import type { CameraEvent, CameraState } from '../flow.ts'
import { createBackoff } from '../kernel/backoff.ts'
import type { Clock } from '../kernel/clock.ts'
import { type CaptureTime, createLiveCaptureTime, createReplayCaptureTime } from './capture-time.ts'
import { type FfmpegInput, ffmpegInput } from './ffmpeg-arguments.ts'
import type { FfmpegBinary } from './ffmpeg-binary.ts'
import { type StreamEvent, ingest } from './ffmpeg-ingest.ts'
import { loadCodesH264, loadFileDurationMs } from './ffmpeg-probe.ts'
import { type CameraSource, assertCameraSource, isReplay } from './source.ts'

/** One camera. */
export interface CameraOptions {
  readonly source: CameraSource
  readonly ffmpeg: FfmpegBinary
  readonly clock: Clock
  /** Uniform in [0, 1): jitter of the retries. */
  readonly random: () => number
  /** Without a picture for this long the stream is taken for dead. Default 5,000. */
  readonly staleMs?: number
  /** The same until the first picture. Default 20,000. */
  readonly startMs?: number
  /** Mean of the first wait before trying again. Default 1,000. */
  readonly retryBaseMs?: number
  /** Default `/usr/bin/rpicam-vid`. */
  readonly rpicamPath?: string
  /** Why an attempt ended that will be followed by another. */
  readonly onLost?: (error: unknown) => void
}

/** A camera that is watched until told to stop. */
export interface Camera {
  /**
   * Everything the camera tells, in order; to be iterated once. States first: `starting`, `on` with the first frame,
   * `camera-lost` between attempts, `stopped` at the end of a file. A live source never ends by itself.
   * @throws SOURCE_UNSUPPORTED when the source is there and cannot be used; ENCODING_INVALID when a file is broken
   */
  events(signal: AbortSignal): AsyncGenerator<CameraEvent, void, undefined>
}

const MAX_RETRY_MS = 60_000
/** A stream that lasted this long was no accident: the next failure starts at the shortest wait. */
const HEALTHY_MS = 60_000

interface Session {
  readonly input: FfmpegInput
  readonly captureTime: CaptureTime
}

async function prepare({ source, ffmpeg, clock }: CameraOptions): Promise<Session> {
  const codesH264 = source.kind === 'v4l2' && (await loadCodesH264(source, ffmpeg, clock))
  const input = ffmpegInput(source, { ffmpeg, codesH264 })
  if (source.kind !== 'file' || !isReplay(source)) return { input, captureTime: createLiveCaptureTime() }
  const durationMs = await loadFileDurationMs(source, ffmpeg, clock)
  const start = { nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }
  return { input, captureTime: createReplayCaptureTime(start, durationMs) }
}

async function* runOnce(options: CameraOptions, signal: AbortSignal): AsyncGenerator<StreamEvent, void, undefined> {
  const { source, ffmpeg, clock, staleMs = 5000, startMs = 20_000, rpicamPath = '/usr/bin/rpicam-vid' } = options
  const session = await prepare(options)
  yield* ingest({ source, ffmpeg, clock, staleMs, startMs, rpicamPath, signal, ...session })
}

/** A file fails for good; a live source is tried again unless it is there and of the wrong kind. */
function isFinal(source: CameraSource, error: unknown): boolean {
  if (source.kind === 'file' || !(error instanceof LatchkeyError)) return true
  return error.code === 'SOURCE_UNSUPPORTED' || error.code === 'DEPENDENCY_MISSING' || error.code === 'CONFIG_INVALID'
}

/**
 * Builds a camera over a file, an RTSP camera, a video device or a Raspberry Pi camera.
 * @throws CONFIG_INVALID when the source contradicts itself
 */
export function createCamera(options: CameraOptions): Camera {
  const { source, clock } = options
  assertCameraSource(source)
  const backoff = createBackoff({ baseMs: options.retryBaseMs ?? 1000, maxMs: MAX_RETRY_MS, random: options.random })
  const say = (state: CameraState): CameraEvent => ({ kind: 'state', state, atMs: clock.nowMs() })

  async function* attempt(signal: AbortSignal): AsyncGenerator<CameraEvent, void, undefined> {
    let startedMs: number | undefined
    try {
      for await (const event of runOnce(options, signal)) {
        if (event.kind === 'frame' && startedMs === undefined) {
          startedMs = clock.monotonicMs()
          yield say('on')
        }
        yield event
      }
    } finally {
      if (startedMs !== undefined && clock.monotonicMs() - startedMs >= HEALTHY_MS) backoff.reset()
    }
  }

  return {
    async *events(signal) {
      yield say('starting')
      while (!signal.aborted) {
        try {
          yield* attempt(signal)
          break
        } catch (error) {
          if (isFinal(source, error)) throw error
          options.onLost?.(error)
        }
        yield say('camera-lost')
        await clock.sleep(backoff.nextDelayMs(), signal)
      }
      yield say('stopped')
    },
  }
}
