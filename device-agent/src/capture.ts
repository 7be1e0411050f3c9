import type { CameraEvent, CameraState, ClipSink, DoorEvent, MotionFinding } from './flow.ts'
import { createCamera } from './camera/camera.ts'
import type { FfmpegBinary } from './camera/ffmpeg-binary.ts'
import { createLumaDecoder } from './camera/ffmpeg-luma-decoder.ts'
import { type CameraSource, isLive } from './camera/source.ts'
import { type ClipConfig, DEFAULT_CLIP_CONFIG, createClipCutter } from './clip/clip-cutter.ts'
import { createPosterMaker } from './clip/ffmpeg-poster.ts'
import type { Clock } from './kernel/clock.ts'
import { DEFAULT_MOTION_CONFIG, type MotionConfig, createMotionDetector } from './motion/motion-detector.ts'

/** The media half of the agent: camera → motion → clip, up to the sink. */
export interface CaptureOptions {
  readonly source: CameraSource
  /** The camera's name; goes into sealed items only. */
  readonly name: string
  readonly ffmpeg: FfmpegBinary
  readonly clock: Clock
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly sink: ClipSink
  readonly motion?: MotionConfig
  readonly clip?: ClipConfig
  /** See `CameraOptions`. */
  readonly staleMs?: number
  readonly startMs?: number
  readonly retryBaseMs?: number
  readonly onState: (state: CameraState, atMs: number) => void
  readonly onEvent: (event: DoorEvent) => void
  readonly onFinding?: (finding: MotionFinding) => void
  /** A call to the sink failed, or the detector did; recording goes on. */
  readonly onFault: (error: unknown) => void
}

/** A running capture. */
export interface Capture extends AsyncDisposable {
  /**
   * Resolves when the source has ended or `stop` was called, and the sink has everything. Rejects with the code of
   * `Camera.events` when the source cannot be used; what was open was handed over before.
   */
  readonly done: Promise<void>
  /** Somebody rang, at `atMs` of the device clock. */
  ring(atMs: number): DoorEvent
  /**
   * Ends the open clip with what it has; resolves like `done`, and never rejects. Idempotent. `privacy`: not a frame
   * from after this call is kept, and the open clip says what is missing.
   */
  stop(reason?: 'privacy'): Promise<void>
  /** When the newest frame came, monotonic ms; null before the first. */
  readonly lastFrameMs: number | null
  /** Frames the detector was fed, frames it missed because it was behind, and times it was started again. */
  readonly detector: { readonly fed: number; readonly skipped: number; readonly restarts: number }
}

/** Starts watching a source at once. */
export function createCapture(options: CaptureOptions): Capture {
  const { source, ffmpeg, clock, sink, onFault, onEvent } = options
  const cutter = createClipCutter({
    camera: options.name,
    config: options.clip ?? DEFAULT_CLIP_CONFIG,
    makePoster: createPosterMaker(ffmpeg.path),
    sink,
    onEvent,
    onFault,
  })
  let detector = createMotionDetector(options.motion ?? DEFAULT_MOTION_CONFIG)
  const decoder = createLumaDecoder({
    ffmpeg,
    clock,
    onLuma(luma) {
      try {
        const finding = detector.look(luma)
        options.onFinding?.(finding)
        cutter.find(finding)
      } catch (error) {
        // Called by a pipe, with nobody above: what goes wrong here must not end the recording.
        onFault(error)
      }
    },
  })
  const stopping = new AbortController()
  let lastFrameMs: number | null = null
  // A recording can wait for detector and sink; a camera cannot.
  const waits = !isLive(source)

  function onState(state: CameraState, atMs: number): void {
    if (state === 'camera-lost') cutter.lose()
    options.onState(state, atMs)
  }

  function take(event: CameraEvent): void {
    // What was on its way when the stop was called is not kept.
    if (stopping.signal.aborted && event.kind !== 'state') return
    switch (event.kind) {
      case 'state':
        onState(event.state, event.atMs)
        break
      case 'format':
        detector = createMotionDetector(options.motion ?? DEFAULT_MOTION_CONFIG)
        decoder.begin(event.format)
        cutter.begin(event.format)
        break
      case 'frame':
        lastFrameMs = clock.monotonicMs()
        cutter.add(event.frame)
        decoder.feed(event.frame, event.fragment)
    }
  }

  async function roomForMore(): Promise<void> {
    await decoder.ready()
    await cutter.drained()
  }

  async function run(): Promise<void> {
    try {
      for await (const event of createCamera(options).events(stopping.signal)) {
        take(event)
        if (waits) await roomForMore()
      }
      if (!stopping.signal.aborted) await decoder.finish()
    } finally {
      await decoder.stop()
      await cutter.finish()
    }
  }

  const done = run()
  const stopped = done.catch(() => {})
  const stop = (reason?: 'privacy') => {
    if (reason !== undefined) cutter.lose(reason)
    stopping.abort()
    return stopped
  }
  return {
    done,
    stop,
    ring: (atMs) => cutter.ring(atMs),
    get lastFrameMs() {
      return lastFrameMs
    },
    detector: decoder.stats,
    [Symbol.asyncDispose]: () => stop(),
  }
}
