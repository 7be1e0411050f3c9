import type { CameraEvent, CameraState, ClipSink, DoorEvent, Masks, MotionFinding, VideoFormat } from './flow.ts'
import { createCamera } from './camera/camera.ts'
import { type CameraTrouble, createTroubleKeeper } from './camera/camera-trouble.ts'
import type { FfmpegBinary } from './camera/ffmpeg-binary.ts'
import { type DetectionStatus, createDetectionFeed } from './camera/detection-feed.ts'
import type { DetectionMode, ModeDecision } from './camera/detection-mode.ts'
import { type CameraSource, isLive, isReplay } from './camera/source.ts'
import { type StreamProfile, createStreamWatch } from './camera/stream-profile.ts'
import { startSubstream } from './camera/substream.ts'
import { type ClipConfig, DEFAULT_CLIP_CONFIG, createClipCutter } from './clip/clip-cutter.ts'
import { createPosterMaker } from './clip/ffmpeg-poster.ts'
import { createNewestPictureKeeper, type NewestPicture } from './clip/newest-picture.ts'
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
  /** What is decoded for detection. Default `auto`. */
  readonly mode?: DetectionMode
  readonly clip?: ClipConfig
  /** See `CameraOptions`. */
  readonly hevc?: boolean
  readonly audio?: boolean
  readonly masks?: Masks
  readonly staleMs?: number
  readonly startMs?: number
  readonly retryBaseMs?: number
  readonly onState: (state: CameraState, atMs: number) => void
  readonly onEvent: (event: DoorEvent) => void
  /** Why the camera shows nothing: told when it begins and when it becomes another reason. */
  readonly onTrouble?: (trouble: CameraTrouble) => void
  readonly onFinding?: (finding: MotionFinding) => void
  /** A cheaper stream of the same camera for detection; while it is away, `source` serves for that too. */
  readonly substream?: CameraSource
  /** How the recorded stream is coded: when enough of it came, and when what is to be said about it changes. */
  readonly onStream?: (profile: StreamProfile) => void
  /** What is decoded for detection changed. */
  readonly onMode?: (decision: ModeDecision) => void
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
  /** What the camera shows now; null while it shows nothing. */
  readonly picture: NewestPicture | null
  /**
   * Ends the open clip with what it has; resolves like `done`, and never rejects. Idempotent. `privacy`: not a frame
   * from after this call is kept, and the open clip says what is missing.
   */
  stop(reason?: 'privacy'): Promise<void>
  /** When the newest frame came, monotonic ms; null before the first. */
  readonly lastFrameMs: number | null
  /** Why the camera shows nothing; null while it does, and while nobody knows yet. */
  readonly trouble: CameraTrouble | null
  /** How the recorded stream is coded; undefined until enough of it came. */
  readonly profile: StreamProfile | undefined
  readonly detection: DetectionStatus
  /** Frames the detector was fed, frames it missed because it was behind, and times it was started again. */
  readonly detector: { readonly fed: number; readonly skipped: number; readonly restarts: number }
}

/** A fifth of a second later is soon enough for a scene in which nothing stirs. */
const REST_MS = 200

/** Starts watching a source at once. */
export function createCapture(options: CaptureOptions): Capture {
  const { source, ffmpeg, clock, sink, onFault, onEvent } = options
  const cutter = createClipCutter({
    camera: options.name,
    masks: options.masks ?? {},
    config: options.clip ?? DEFAULT_CLIP_CONFIG,
    makePoster: createPosterMaker(ffmpeg.path),
    sink,
    onEvent,
    onFault,
  })
  const newest = createNewestPictureKeeper()
  const trouble = createTroubleKeeper((now) => options.onTrouble?.(now))
  const stopping = new AbortController()
  let lastFrameMs: number | null = null
  // A recording can wait for detector and sink; a camera cannot.
  const waits = !isLive(source)
  const detection = createDetectionFeed({
    ffmpeg,
    clock,
    mode: options.mode ?? 'auto',
    replay: isReplay(source),
    waits,
    createEye() {
      const detector = createMotionDetector(options.motion ?? DEFAULT_MOTION_CONFIG)
      return (picture) => detector.look(picture)
    },
    onFinding(finding) {
      options.onFinding?.(finding)
      cutter.find(finding)
    },
    onFault,
    ...(options.onMode === undefined ? {} : { onMode: options.onMode }),
  })

  // While only keyframes are looked at, nobody waits for the frames between them.
  const restMs = () => (waits || detection.status.awake ? 0 : REST_MS)
  const stream = createStreamWatch((profile) => options.onStream?.(profile))
  let format: VideoFormat | undefined
  let substreamIsOn = false
  const substream =
    options.substream &&
    startSubstream({
      ...options,
      restMs,
      source: options.substream,
      onFormat(of) {
        substreamIsOn = true
        detection.begin(of)
      },
      onFrame: (frame, fragment) => detection.feed(frame, fragment),
      ready: () => detection.ready(),
      onLost() {
        substreamIsOn = false
        if (format !== undefined) detection.begin(format)
      },
      onFault,
    })

  function onState(state: CameraState, atMs: number): void {
    if (state === 'camera-lost') cutter.lose()
    if (state === 'on') trouble.end()
    else newest.forget()
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
        format = event.format
        stream.begin(event.format)
        if (!substreamIsOn) detection.begin(event.format)
        cutter.begin(event.format)
        newest.begin(event.format)
        break
      case 'frame':
        lastFrameMs = clock.monotonicMs()
        cutter.add(event.frame)
        newest.add(event.frame)
        stream.add(event.frame)
        if (!substreamIsOn) detection.feed(event.frame, event.fragment)
        break
      case 'audio':
        cutter.addSound(event.format, event.frame)
    }
  }

  async function roomForMore(): Promise<void> {
    await detection.ready()
    await cutter.drained()
  }

  async function watch(): Promise<void> {
    try {
      for await (const event of createCamera({ ...options, restMs, onLost: trouble.begin }).events(stopping.signal)) {
        take(event)
        if (waits) await roomForMore()
      }
      if (!stopping.signal.aborted) await detection.finish()
    } finally {
      await substream?.stop()
      await detection.stop()
      await cutter.finish()
    }
  }

  async function run(): Promise<void> {
    try {
      await watch()
    } catch (error) {
      trouble.begin(error)
      options.onState('stopped', clock.nowMs())
      throw error
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
    get lastFrameMs() {
      return lastFrameMs
    },
    get picture() {
      return newest.current
    },
    ring(atMs) {
      detection.wake()
      return cutter.ring(atMs)
    },
    get trouble() {
      return trouble.current
    },
    get profile() {
      return stream.profile
    },
    get detection() {
      return detection.status
    },
    detector: detection.stats,
    [Symbol.asyncDispose]: () => stop(),
  }
}
