import { LatchkeyError } from '@latchkey/shared'
import type { CameraEvent, CameraState, Masks } from '../flow.ts'
import { createBackoff } from '../kernel/backoff.ts'
import type { Clock } from '../kernel/clock.ts'
import { type CaptureTime, createLiveCaptureTime, createReplayCaptureTime } from './capture-time.ts'
import { type Encoder, type FfmpegInput, ffmpegInput, type IngestPlan } from './ffmpeg-arguments.ts'
import type { FfmpegBinary } from './ffmpeg-binary.ts'
import { ingest, type IngestEnd, type StreamEvent } from './ffmpeg-ingest.ts'
import { BOARD_MODEL_PATH, loadDeviceFormat, loadEncoder, loadFileDurationMs, loadHasEncoder } from './ffmpeg-probe.ts'
import { maskFilter } from './mask-filter.ts'
import { ingestRtsp, type RtspIngestOptions } from './rtsp-ingest.ts'
import { type CameraSource, assertCameraSource, isLive, isReplay } from './source.ts'

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
  /** How long frames may wait for each other, ms, asked again and again; saves work. Default 0. */
  readonly restMs?: () => number
  /** Default `/usr/bin/rpicam-vid`. */
  readonly rpicamPath?: string
  /** Why an attempt ended that will be followed by another; called before `camera-lost`. */
  readonly onLost?: (error: unknown) => void
  /** Where the board's name stands. Default `/proc/device-tree/model`. */
  readonly boardModelPath?: string
  /** H.265 is recorded as it is. Default: it is refused. */
  readonly hevc?: boolean
  /** The sound is recorded too, where there is any. */
  readonly audio?: boolean
  /** Painted black before anything else sees the picture; the pictures are coded anew then. */
  readonly masks?: Masks
}

/** A camera that is watched until told to stop. */
export interface Camera {
  /**
   * Everything the camera tells, in order; to be iterated once. States first: `starting`, `on` with the first frame,
   * `camera-lost` between attempts, `stopped` at the end of a file. A live source never ends by itself, whatever it sends:
   * somebody may set it right.
   * @throws SOURCE_UNSUPPORTED | ENCODING_INVALID for a file that cannot be used; DEPENDENCY_MISSING without `rpicam-vid`
   */
  events(signal: AbortSignal): AsyncGenerator<CameraEvent, void, undefined>
}

/** A camera that returns has to be found again within ten seconds, and one on the same network may be asked that often. */
const MAX_RETRY_MS = 6_000
/** A stream that lasted this long was no accident: the next failure starts at the shortest wait. */
const HEALTHY_MS = 60_000

interface Session {
  readonly input: FfmpegInput
  readonly captureTime: CaptureTime
  readonly hasEncoder: boolean
  readonly encoder: Encoder
  readonly filter: string | undefined
}

/** The rate at which an encoder is tried when the source decides on it. */
const TRIAL = { width: 1280, height: 720, framesPerSecond: 15 }

async function prepare(options: CameraOptions): Promise<Session> {
  const { source, ffmpeg, clock, masks = {} } = options
  const deviceFormat = source.kind === 'v4l2' ? await loadDeviceFormat(source, ffmpeg, clock) : 'raw'
  const input = ffmpegInput(source, { ffmpeg, deviceFormat })
  const hasEncoder = await loadHasEncoder(options.boardModelPath ?? BOARD_MODEL_PATH)
  const filter = Object.keys(masks).length > 0 ? maskFilter(masks) : undefined
  const codes = input.encode === true || filter !== undefined
  const trial = 'width' in source ? source : TRIAL
  const encoder = codes && isLive(source) ? await loadEncoder(trial, ffmpeg, clock) : 'libx264'
  const rest = { input, hasEncoder, filter, encoder }
  if (source.kind !== 'file' || !isReplay(source)) return { ...rest, captureTime: createLiveCaptureTime() }
  const durationMs = await loadFileDurationMs(source, ffmpeg, clock)
  const start = { nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }
  return { ...rest, captureTime: createReplayCaptureTime(start, durationMs) }
}

type Sound = NonNullable<IngestPlan['audio']>

/** What is tried next when the sound cannot be taken. */
const INSTEAD: Record<Exclude<IngestEnd, 'ended' | 'not-understood'>, Sound> = {
  'sound-unfit': 'encode',
  'no-sound': 'none',
}

/** What earlier runs showed of a camera. */
interface Experience {
  sound: Sound
  /** Our own reader of network cameras stopped understanding this one: ffmpeg's turn. */
  byFfmpeg: boolean
}

/** Our own reader takes pictures of H.264 as they are, in the clear, and nothing else. */
function isForOwnReader({ source, masks = {} }: CameraOptions, { sound, byFfmpeg }: Experience): boolean {
  const plain = sound === 'none' && Object.keys(masks).length === 0
  return source.kind === 'rtsp' && /^rtsp:/i.test(source.url) && plain && !byFfmpeg
}

/** A run of our own reader; what it does not understand, before its first frame or later, is ffmpeg's turn next. */
async function* ownRun(
  options: RtspIngestOptions,
  experience: Experience,
): AsyncGenerator<StreamEvent, IngestEnd, undefined> {
  try {
    const end = yield* ingestRtsp(options)
    experience.byFfmpeg = end === 'not-understood'
    return end
  } catch (error) {
    experience.byFfmpeg = error instanceof LatchkeyError && error.code === 'ENCODING_INVALID'
    throw error
  }
}

/** One run after the other until everything is taken in a way that works; what works is kept for the next attempt. */
async function* runOnce(
  options: CameraOptions,
  experience: Experience,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent, void, undefined> {
  const { source, ffmpeg, clock, staleMs = 5000, startMs = 20_000, rpicamPath = '/usr/bin/rpicam-vid' } = options
  const { hevc = false, restMs = () => 0 } = options
  for (let end: IngestEnd = 'no-sound'; end !== 'ended';) {
    const session = await prepare(options)
    const limits = { clock, staleMs, startMs, signal, restMs }
    if (source.kind === 'rtsp' && isForOwnReader(options, experience)) {
      end = yield* ownRun({ url: source.url, captureTime: session.captureTime, ...limits }, experience)
      continue
    }
    experience.byFfmpeg = false
    end = yield* ingest({ source, ffmpeg, hevc, rpicamPath, ...limits, ...session, audio: experience.sound })
    if (end === 'sound-unfit' || end === 'no-sound')
      experience.sound = experience.sound === 'encode' ? 'none' : INSTEAD[end]
  }
}

/** A file fails for good; a camera is tried again unless the fault is on our side, where trying again mends nothing. */
function isFinal(source: CameraSource, error: unknown): boolean {
  if (source.kind === 'file' || !(error instanceof LatchkeyError)) return true
  return error.code === 'DEPENDENCY_MISSING' || error.code === 'CONFIG_INVALID'
}

/**
 * Builds a camera over a file, an RTSP camera, a video device or a Raspberry Pi camera.
 * @throws CONFIG_INVALID when the source contradicts itself
 */
export function createCamera(options: CameraOptions): Camera {
  const { source, clock } = options
  assertCameraSource(source)
  const backoff = createBackoff({ baseMs: options.retryBaseMs ?? 1000, maxMs: MAX_RETRY_MS, random: options.random })
  const experience: Experience = { sound: options.audio === true ? 'copy' : 'none', byFfmpeg: false }
  const say = (state: CameraState): CameraEvent => ({ kind: 'state', state, atMs: clock.nowMs() })

  async function* attempt(signal: AbortSignal): AsyncGenerator<CameraEvent, void, undefined> {
    let startedMs: number | undefined
    try {
      for await (const event of runOnce(options, experience, signal)) {
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
