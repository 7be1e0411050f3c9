import { encodeBase64url, LatchkeyError, randomBytes } from '@latchkey/shared'
import type {
  AudioFormat,
  AudioFrame,
  ClipSink,
  CodedFrame,
  DoorEvent,
  Masks,
  MotionFinding,
  PosterMaker,
  Trigger,
  VideoFormat,
} from '../flow.ts'
import { type ClipWriter, createClipWriter } from './clip-writer.ts'
import { type RecordedGop, createGopRing } from './gop-ring.ts'
import { createSinkQueue } from './sink-queue.ts'

/** How long clips are. */
export interface ClipConfig {
  /** Recorded from before the trigger, at least. Default 5,000. */
  readonly preRollMs: number
  /** Recorded from after the last motion, at least; new motion within it belongs to the same event. Default 5,000. */
  readonly postRollMs: number
  /** No clip is longer; the event goes on in the next one. Default 60,000, which is also the most. */
  readonly maxClipMs: number
  /** Most memory for the pre-roll, and for items the sink has not taken. Default 64 MiB each. */
  readonly maxBytes: number
}

export const DEFAULT_CLIP_CONFIG: ClipConfig = {
  preRollMs: 5000,
  postRollMs: 5000,
  maxClipMs: 60_000,
  maxBytes: 64 << 20,
}

/** A cutter's surroundings. */
export interface ClipCutterOptions {
  /** The camera's name, for the `meta` item. */
  readonly camera: string
  readonly config: ClipConfig
  /** Painted over the pictures already. Default none. */
  readonly masks?: Masks
  readonly makePoster: PosterMaker
  readonly sink: ClipSink
  /** An event begins, before its first clip does; or somebody rings during one. */
  readonly onEvent: (event: DoorEvent) => void
  /** A call to the sink failed. */
  readonly onFault: (error: unknown) => void
}

/** Cuts events out of the stream. */
export interface ClipCutter {
  /** A stream begins; what came before ended. */
  begin(format: VideoFormat): void
  /** The next frame in decode order. @throws SOURCE_UNSUPPORTED when keyframes are too far apart */
  add(frame: CodedFrame): void
  /** The next piece of the same stream's sound. */
  addSound(format: AudioFormat, frame: AudioFrame): void
  /** What the detector says, in order of capture; may lag behind the frames by a few seconds. */
  find(finding: MotionFinding): void
  /**
   * Somebody rang: recorded at once, with what pre-roll there is, or from when the camera is back. Belongs to the event
   * that is on, if one is.
   */
  ring(atMs: number): DoorEvent
  /** The camera is gone or switched off: ends what is open, with a gap for what is missing. */
  lose(reason?: 'camera-lost' | 'privacy'): void
  /** Ends what is open with what is there, and resolves when the sink has it. */
  finish(): Promise<void>
  /** Resolves when the sink has everything queued so far. */
  drained(): Promise<void>
}

/** Findings may come this late and still find the pre-roll in the ring. */
const FINDING_LAG_MS = 6000
/** Stamps of one stream that jump by more were set by someone: the clip must not span that. */
const MAX_JUMP_MS = 1000
/** @see protocol §4 */
const MAX_CLIP_MS = 60_000

interface OpenClip {
  readonly event: DoorEvent
  /** Group to add next. */
  nextNumber: number
  /** Time of the latest motion or ring. */
  lastMs: number
  /** It began without a stream: what is missing from then on is to be told. */
  missedFromMs: number | undefined
  writer: ClipWriter | undefined
}

/** @throws CONFIG_INVALID naming the value that makes no clip */
function assertConfig({ preRollMs, postRollMs, maxClipMs }: ClipConfig): void {
  if (!(maxClipMs <= MAX_CLIP_MS)) throw new LatchkeyError('CONFIG_INVALID', `maxClipMs must be at most ${MAX_CLIP_MS}`)
  if (!(preRollMs >= 0 && postRollMs >= 0 && preRollMs < maxClipMs))
    throw new LatchkeyError('CONFIG_INVALID', 'preRollMs and postRollMs must be 0 or more, preRollMs below maxClipMs')
}

/**
 * Builds a cutter. A clip starts at the last keyframe at or before trigger − pre-roll and ends with the group that
 * holds last motion + post-roll; whole groups only, each frame's bytes as they came. Motion seen before the ring holds
 * the pre-roll triggers as soon as it does.
 * @throws CONFIG_INVALID
 */
export function createClipCutter(options: ClipCutterOptions): ClipCutter {
  const { camera, config, masks = {}, makePoster, onEvent } = options
  assertConfig(config)
  const ring = createGopRing({ coverMs: config.preRollMs + FINDING_LAG_MS, maxBytes: config.maxBytes })
  const outlet = createSinkQueue(options)
  let format: VideoFormat | undefined
  let open: OpenClip | undefined
  /** Motion that waits for the ring to fill. */
  let waitingMs: number | undefined
  let foundMs = -Infinity
  /** First frame of the unbroken stream; findings from before it speak of another. */
  let startedMs = Infinity

  const newestMs = () => ring.gops.at(-1)?.endMs ?? -Infinity
  const deadlineMs = ({ lastMs }: OpenClip) => lastMs + config.postRollMs

  function start(trigger: Trigger, atMs: number): DoorEvent {
    const event = { event: encodeBase64url(randomBytes(16)), trigger, atMs }
    const first = ring.groupAt(atMs - config.preRollMs)
    const missedFromMs = first === undefined ? atMs : undefined
    open = { event, nextNumber: first?.number ?? 0, lastMs: atMs, missedFromMs, writer: undefined }
    waitingMs = undefined
    onEvent(event)
    return event
  }

  function close(): void {
    open?.writer?.close()
    open = undefined
  }

  /** Ends the clip; the event goes on with the group that did not fit. */
  function rollOver(clip: OpenClip): void {
    clip.writer?.close()
    clip.writer = undefined
  }

  function append(clip: OpenClip, gop: RecordedGop): void {
    clip.nextNumber = gop.number + 1
    if (outlet.waitingBytes + gop.sizeBytes > config.maxBytes)
      return clip.writer?.miss({ startMs: gop.startMs, endMs: gop.endMs, reason: 'frames-dropped' })
    clip.writer ??= createClipWriter({ camera, masks, makePoster, outlet }, clip.event, gop)
    if (clip.missedFromMs !== undefined && clip.missedFromMs < gop.startMs)
      clip.writer.miss({ startMs: clip.missedFromMs, endMs: gop.startMs, reason: 'camera-lost' })
    clip.missedFromMs = undefined
    clip.writer.append(gop)
  }

  /** Whether the detector has seen everything up to the end, or is too late to wait for. */
  function isDecided(clip: OpenClip): boolean {
    const endMs = deadlineMs(clip)
    return foundMs >= endMs || newestMs() > endMs + FINDING_LAG_MS
  }

  /** Moves complete groups into the open clip; false when there is nothing to do. */
  function step(): boolean {
    const clip = open
    const gop = clip && (ring.get(clip.nextNumber) ?? laterThan(clip.nextNumber))
    if (clip === undefined || gop === undefined) return false
    const ends = gop.startMs >= deadlineMs(clip)
    if (ends && !isDecided(clip)) return false
    if (ends) close()
    else if (!gop.complete) return false
    else if (clip.writer !== undefined && gop.endMs - clip.writer.startMs > config.maxClipMs) rollOver(clip)
    else append(clip, gop)
    return true
  }

  /** Groups may have left the ring before their turn; the clip goes on with what is left. */
  function laterThan(number: number): RecordedGop | undefined {
    return ring.gops.find((gop) => gop.number > number)
  }

  function advance(): void {
    startWaiting()
    while (step());
  }

  /** Starts a clip for motion seen earlier, once the ring holds its pre-roll. */
  function startWaiting(): void {
    const first = ring.gops[0]
    if (waitingMs === undefined || first === undefined || open !== undefined) return
    const atMs = Math.max(waitingMs, first.startMs + config.preRollMs)
    if (atMs <= newestMs()) start('motion', atMs)
  }

  /** Ends the stream: its last group is as complete as it will be. */
  function endStream(): void {
    ring.completeLast()
    foundMs = Infinity
    advance()
  }

  function isJump(frame: CodedFrame): boolean {
    const before = ring.gops.at(-1)
    return frame.keyframe && before !== undefined && Math.abs(frame.captureMs - before.endMs) > MAX_JUMP_MS
  }

  function breakStream(): void {
    endStream()
    close()
    ring.clear()
    waitingMs = undefined
    foundMs = -Infinity
    startedMs = Infinity
  }

  const hasStream = () => ring.gops.length > 0

  return {
    begin(next) {
      // Without a stream there is nothing to break, and somebody may have rung: that clip begins with this stream.
      if (hasStream()) breakStream()
      format = next
    },
    add(frame) {
      if (format === undefined) return
      if (isJump(frame)) breakStream()
      // Somebody rang while there was no camera, and it is back too late for them.
      if (!hasStream() && open !== undefined && frame.captureMs > deadlineMs(open)) close()
      startedMs = Math.min(startedMs, frame.captureMs)
      ring.add(format, frame)
      advance()
    },
    addSound(audio, frame) {
      if (format !== undefined) ring.addSound(audio, frame)
    },
    find(finding) {
      if (finding.captureMs < startedMs) return
      foundMs = Math.max(foundMs, finding.captureMs)
      advance()
      open?.writer?.note(finding)
      if (!finding.moving) return
      if (open !== undefined) open.lastMs = Math.max(open.lastMs, finding.captureMs)
      else waitingMs ??= finding.captureMs
      advance()
    },
    ring(atMs) {
      // The camera did not come back in time for the ring before: this one is another event.
      if (open !== undefined && !hasStream() && atMs > deadlineMs(open)) close()
      const joined = open
      if (joined === undefined) {
        const event = start('ring', atMs)
        advance()
        return event
      }
      const event: DoorEvent = { event: joined.event.event, trigger: 'ring', atMs }
      joined.lastMs = Math.max(joined.lastMs, atMs)
      onEvent(event)
      advance()
      return event
    },
    lose(reason = 'camera-lost') {
      format = undefined
      if (!hasStream()) return
      endStream()
      const missing = open && { startMs: Math.max(open.event.atMs, newestMs()), endMs: deadlineMs(open) }
      if (missing && missing.startMs < missing.endMs) open?.writer?.miss({ ...missing, reason })
      breakStream()
    },
    async finish() {
      breakStream()
      await outlet.drained()
    },
    drained: () => outlet.drained(),
  }
}
