import type { CodedFrame, MotionFinding, VideoFormat } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import { type AwakeDuty, createAwakeDuty } from './awake-duty.ts'
import { type CodedPicture, type PictureReader, createPictureReader } from './coded-picture.ts'
import { type DetectionMode, type ModeDecision, MAX_FALSE_AWAKE_SHARE, decideMode } from './detection-mode.ts'
import { type EcoGate, type Eye, type WakeReason, createEcoGate } from './eco-gate.ts'
import type { FfmpegBinary } from './ffmpeg-binary.ts'
import { type LumaDecoder, createLumaDecoder } from './ffmpeg-luma-decoder.ts'
import { type PacketTrigger, createPacketTrigger } from './packet-trigger.ts'
import { type StreamMeter, createStreamMeter } from './stream-profile.ts'

/** How frames become findings. */
export interface DetectionFeedOptions {
  readonly ffmpeg: FfmpegBinary
  readonly clock: Clock
  readonly mode: DetectionMode
  /** The recording is played faster than time. */
  readonly replay: boolean
  /** The source waits for whoever takes its frames; see `ready`. */
  readonly waits: boolean
  /** A detector that has seen nothing yet. */
  readonly createEye: () => Eye
  readonly onFinding: (finding: MotionFinding) => void
  /** The detector failed; detection goes on. */
  readonly onFault: (error: unknown) => void
  /** The mode in force changed, or why. */
  readonly onMode?: (decision: ModeDecision) => void
}

/** What detection does at this moment. */
export interface DetectionStatus extends ModeDecision {
  readonly asked: DetectionMode
  /** Whether every picture is decoded now. */
  readonly awake: boolean
  /** Shares, 0…1, of the latest ten minutes in eco. */
  readonly awakeShare: number
  readonly falseAwakeShare: number
  readonly wakes: Readonly<Record<WakeReason, number>>
}

/** Coded frames → findings, decoding as little as the mode allows. */
export interface DetectionFeed {
  begin(format: VideoFormat): void
  /** The next frame in decode order; never waits. */
  feed(frame: CodedFrame, fragment: readonly Uint8Array[]): void
  /** Resolves when more may come without any being left out; for sources that can wait. */
  ready(): Promise<void>
  finish(): Promise<void>
  stop(): Promise<void>
  /** Somebody rang: nothing may be missed now. */
  wake(): void
  readonly status: DetectionStatus
  readonly stats: LumaDecoder['stats']
}

/** A rewind puts two groups of pictures under way at once. */
const ECO_MAX_UNDER_WAY = 300
/** In eco a keyframe is out before the next goes in; with more under way than this, their times no longer match. */
const MAX_KEYFRAMES_UNDER_WAY = 3
/** After falling back to full for a restless picture: as long as a shower lasts. */
const RETRY_ECO_MS = 1_800_000
/** Sizes are learnt from when nothing has stirred for this long. */
const SETTLED_MS = 1000

interface Stream {
  readonly reader: PictureReader
  readonly meter: StreamMeter
  readonly trigger: PacketTrigger
  readonly duty: AwakeDuty
  position: number
  newestMs: number
}

/** Builds a feed; its decoder starts with the first keyframe. */
export function createDetectionFeed(options: DetectionFeedOptions): DetectionFeed {
  const { ffmpeg, clock, mode: asked, replay, waits, createEye, onFinding, onFault } = options
  const wakes: Record<WakeReason, number> = { packets: 0, keyframe: 0, ring: 0 }
  let look: Eye = createEye()
  let glance: Eye = createEye()
  let format: VideoFormat | undefined
  let stream: Stream | undefined
  let decision: ModeDecision = decideMode({ asked, profile: undefined, replay, falseAwakeShare: 0 })
  let inOrder = false
  let restlessUntilMs = -Infinity
  let wokenBy: WakeReason | undefined
  let moved = false

  const decoder = createLumaDecoder({
    ffmpeg,
    clock,
    everyKeyframe: asked !== 'full',
    ...(asked === 'full' ? {} : { maxUnderWay: ECO_MAX_UNDER_WAY }),
    onLuma(luma, tag) {
      try {
        gate.picture(luma, tag)
      } catch (error) {
        // Called by a pipe, with nobody above: what goes wrong here must not end the recording.
        onFault(error)
      }
    },
  })
  const gate: EcoGate = createEcoGate({
    decode: ({ frame, fragment }, pass) => decoder.feed(frame, fragment, pass),
    look(picture) {
      const finding = look(picture)
      if (finding.moving) {
        moved = true
        stream?.duty.justify()
      }
      onFinding(finding)
      return finding
    },
    glance: (picture) => glance(picture),
    onWake(reason, atMs) {
      wakes[reason]++
      wokenBy = reason
      moved = false
      stream?.duty.wake(atMs)
      if (reason === 'ring') stream?.duty.justify()
    },
    onSleep(atMs) {
      if (wokenBy === 'packets' && !moved) stream?.trigger.blame()
      stream?.duty.sleep(atMs)
    },
  })

  function falseAwakeShare({ duty, newestMs }: Stream): number {
    const { forNothing } = duty.shares(newestMs)
    if (forNothing > MAX_FALSE_AWAKE_SHARE && decision.mode === 'eco') restlessUntilMs = newestMs + RETRY_ECO_MS
    return newestMs < restlessUntilMs ? 1 : 0
  }

  /** At a keyframe: the mode may change, and the decoder with it. */
  function decide(at: Stream): void {
    const next = decideMode({ asked, profile: at.meter.profile, replay, falseAwakeShare: falseAwakeShare(at) })
    const changed = next.mode !== decision.mode || next.because !== decision.because
    const wasEco = decision.mode === 'eco'
    decision = next
    if (!changed) return
    options.onMode?.(next)
    if ((next.mode === 'eco') === wasEco) return
    const fits = next.mode === 'full' ? !(at.meter.profile?.reorders ?? false) || !inOrder : inOrder
    if (!fits) {
      inOrder = next.mode === 'eco'
      decoder.begin(format!, inOrder)
    }
    gate.setEco(next.mode === 'eco')
  }

  function measure(at: Stream, frame: CodedFrame): CodedPicture {
    const picture = at.reader.read(frame)
    at.meter.add(frame, picture)
    at.position = frame.keyframe ? 0 : at.position + 1
    at.newestMs = Math.max(at.newestMs, frame.captureMs)
    return picture
  }

  function isAlarming(at: Stream, frame: CodedFrame, { qp, type }: CodedPicture): boolean {
    if (frame.keyframe || qp === undefined || type === 'I') return false
    const quiet = frame.captureMs - gate.stirredMs > SETTLED_MS
    return at.trigger.add({ sizeBytes: frame.data.length, qp, position: at.position }, quiet)
  }

  return {
    stats: decoder.stats,
    begin(next) {
      format = next
      look = createEye()
      glance = createEye()
      const reader = createPictureReader(next)
      const meter = createStreamMeter(next)
      stream = undefined
      inOrder = asked !== 'full' && reader.sequence?.reorderFrames === 0
      decision = decideMode({ asked, profile: undefined, replay, falseAwakeShare: 0 })
      const fresh = { reader, meter, trigger: createPacketTrigger(), position: 0, newestMs: -Infinity }
      stream = { ...fresh, duty: createAwakeDuty() }
      gate.begin()
      gate.setEco(false)
      decoder.begin(next, inOrder)
    },
    feed(frame, fragment) {
      const at = stream
      if (at === undefined) return
      const picture = measure(at, frame)
      if (frame.keyframe) decide(at)
      const eco = decision.mode === 'eco'
      // A source that waits gives the decoder its time: what it fell asleep with may still be under way.
      const isBehind = !waits && decoder.underWay > MAX_KEYFRAMES_UNDER_WAY
      if (eco && !gate.awake && frame.keyframe && isBehind) decoder.restart()
      gate.take({ frame, fragment })
      if (asked !== 'full' && isAlarming(at, frame, picture) && eco) gate.wake('packets')
    },
    ready: () => (waits && decision.mode === 'eco' && !gate.awake ? decoder.idle() : decoder.ready()),
    finish: () => decoder.finish(),
    stop: () => decoder.stop(),
    wake: () => gate.wake('ring'),
    get status() {
      const shares = stream?.duty.shares(stream.newestMs) ?? { awake: 0, forNothing: 0 }
      const awake = decision.mode === 'full' || gate.awake
      return { asked, ...decision, awake, awakeShare: shares.awake, falseAwakeShare: shares.forNothing, wakes }
    },
  }
}
