import { LatchkeyError } from '@latchkey/shared'
import type { AudioFormat, AudioFrame, CodedFrame, Gop, VideoFormat } from '../flow.ts'

/** A group of pictures with its place in the stream. */
export interface RecordedGop extends Gop {
  /** Counts up by one from group to group, never reset. */
  readonly number: number
  /** Capture time of its keyframe. */
  readonly startMs: number
  readonly monotonicStartMs: number
  /** Where the next group starts, or, while it is open, the end of its latest frame. */
  readonly endMs: number
  /** False while frames still come. */
  readonly complete: boolean
  readonly sizeBytes: number
  /** The sound between this group's start and the next one's; undefined without any. Whole when the group is. */
  readonly sound: GopSound | undefined
  /** Stretches of it, or up to the next group, whose frames did not arrive. */
  readonly losses: readonly Loss[]
}

/** A stretch without frames, capture time. */
export interface Loss {
  readonly startMs: number
  readonly endMs: number
}

/** Sound that goes with a group of pictures. */
export interface GopSound {
  readonly format: AudioFormat
  readonly frames: readonly AudioFrame[]
}

/** How much the ring keeps. */
export interface GopRingOptions {
  /** Groups are kept until those after them reach back this far. */
  readonly coverMs: number
  /** The oldest groups go when all together are larger, whatever they cover; no single group may be. */
  readonly maxBytes: number
}

/** The newest groups of pictures of one unbroken stream, coded, in memory. */
export interface GopRing {
  /**
   * Adds a frame in decode order. Frames before the first keyframe are left out.
   * @throws SOURCE_UNSUPPORTED when keyframes are too far apart to cut clips at
   */
  add(format: VideoFormat, frame: CodedFrame): void
  /** Adds a piece of sound of the same stream; what comes before the first picture is left out. */
  addSound(format: AudioFormat, frame: AudioFrame): void
  /** Ends the open group with the frames it has. */
  completeLast(): void
  /** Forgets everything, as at a break of the stream; numbers go on. */
  clear(): void
  /** Kept groups, oldest first; the last may be open. */
  readonly gops: readonly RecordedGop[]
  /** The group of this number, if kept. */
  get(number: number): RecordedGop | undefined
  /** The last group that starts at or before `atMs`; the oldest one when all start later. */
  groupAt(atMs: number): RecordedGop | undefined
}

/** A clip holds whole groups and is at most this long. Encoders left to themselves take 250 frames, 25 s at 10 per second. */
const MAX_GOP_MS = 60_000

interface OpenGop extends RecordedGop {
  frames: CodedFrame[]
  endMs: number
  complete: boolean
  sizeBytes: number
  sound: GopSound | undefined
  losses: Loss[]
}

function frameEndMs(frame: CodedFrame, format: VideoFormat): number {
  return Math.round(frame.captureMs + (frame.durationTicks * 1000) / format.timescale)
}

/** Builds an empty ring. */
export function createGopRing({ coverMs, maxBytes }: GopRingOptions): GopRing {
  let gops: OpenGop[] = []
  let nextNumber = 0
  let totalBytes = 0
  /** Sound that no group has yet: it may run ahead of the pictures. */
  let sound: { format: AudioFormat; frame: AudioFrame }[] = []

  const openGop = () => {
    const last = gops.at(-1)
    return last?.complete === false ? last : undefined
  }

  function open(format: VideoFormat, frame: CodedFrame): void {
    const { captureMs: startMs, monotonicMs: monotonicStartMs } = frame
    const number = nextNumber++
    const empty = { frames: [], complete: false, sizeBytes: 0, sound: undefined, losses: [] }
    gops.push({ format, number, startMs, monotonicStartMs, endMs: startMs, ...empty })
  }

  /** From where the frame before should have ended; it is made to last until `next` when the loss is noted. */
  function noteLoss(gop: OpenGop, next: CodedFrame): void {
    const before = gop.frames.at(-1)
    if (next.afterLoss !== true || before === undefined) return
    const [startMs, endMs] = [frameEndMs(before, gop.format), next.captureMs]
    // What was lost may have been no picture.
    if (endMs - startMs >= (startMs - before.captureMs) / 2) gop.losses.push({ startMs, endMs })
  }

  function append(gop: OpenGop, frame: CodedFrame): void {
    noteLoss(gop, frame)
    const before = gop.frames.at(-1)
    if (before !== undefined) gop.frames[gop.frames.length - 1] = withDuration(before, frame)
    gop.frames.push(frame)
    gop.sizeBytes += frame.data.length
    totalBytes += frame.data.length
    gop.endMs = Math.max(gop.endMs, frameEndMs(frame, gop.format))
    if (gop.endMs - gop.startMs > MAX_GOP_MS || gop.sizeBytes > maxBytes)
      throw new LatchkeyError(
        'SOURCE_UNSUPPORTED',
        'the camera sends too few keyframes: set their interval to 1 or 2 s',
      )
    // Not only at keyframes: an open group of a minute is large by itself.
    if (totalBytes > maxBytes) evict()
  }

  /** The group is over: it gets the sound up to its end, late pieces of before included. */
  function complete(gop: OpenGop): void {
    gop.complete = true
    const own = sound.filter(({ frame }) => frame.captureMs < gop.endMs)
    sound = sound.filter(({ frame }) => frame.captureMs >= gop.endMs)
    if (own[0] !== undefined) gop.sound = { format: own[0].format, frames: own.map(({ frame }) => frame) }
  }

  function evict(): void {
    const newestMs = gops.at(-1)?.endMs ?? 0
    while (gops.length > 1 && (totalBytes > maxBytes || gops[1]!.startMs <= newestMs - coverMs))
      totalBytes -= gops.shift()!.sizeBytes
  }

  return {
    add(format, frame) {
      const gop = openGop()
      if (!frame.keyframe) {
        if (gop !== undefined) append(gop, frame)
        return
      }
      if (gop !== undefined) {
        noteLoss(gop, frame)
        gop.frames.push(withDuration(gop.frames.pop()!, frame))
        gop.endMs = frame.captureMs
        complete(gop)
      }
      open(format, frame)
      append(openGop()!, frame)
      evict()
    },
    completeLast() {
      const gop = openGop()
      if (gop !== undefined) complete(gop)
    },
    addSound(format, frame) {
      const gop = openGop()
      if (gop === undefined) return
      sound.push({ format, frame })
      gop.sizeBytes += frame.data.length
      totalBytes += frame.data.length
    },
    clear() {
      gops = []
      sound = []
      totalBytes = 0
    },
    get gops() {
      return gops
    },
    get: (number) => gops.find((gop) => gop.number === number),
    groupAt: (atMs) => gops.findLast((gop) => gop.startMs <= atMs) ?? gops[0],
  }
}

/** The distance to the next frame is the duration that counts; what the container claimed was a guess. */
function withDuration(frame: CodedFrame, next: CodedFrame): CodedFrame {
  const durationTicks = next.dtsTicks - frame.dtsTicks
  return durationTicks > 0 ? { ...frame, durationTicks } : frame
}
