import { LatchkeyError } from '@latchkey/shared'
import type { CodedFrame, Gop, VideoFormat } from '../flow.ts'

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
}

/** How much the ring keeps. */
export interface GopRingOptions {
  /** Groups are kept until those after them reach back this far. */
  readonly coverMs: number
  /** The oldest groups go when all together are larger, whatever they cover. */
  readonly maxBytes: number
}

/** The newest groups of pictures of one unbroken stream, coded, in memory. */
export interface GopRing {
  /**
   * Adds a frame in decode order. Frames before the first keyframe are left out.
   * @throws SOURCE_UNSUPPORTED when keyframes are too far apart to cut clips at
   */
  add(format: VideoFormat, frame: CodedFrame): void
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

/** A clip starts up to one group before its pre-roll and ends up to one after: beyond this it says nothing about the event. */
const MAX_GOP_MS = 20_000

interface OpenGop extends RecordedGop {
  frames: CodedFrame[]
  endMs: number
  complete: boolean
  sizeBytes: number
}

function frameEndMs(frame: CodedFrame, format: VideoFormat): number {
  return Math.round(frame.captureMs + (frame.durationTicks * 1000) / format.timescale)
}

/** Builds an empty ring. */
export function createGopRing({ coverMs, maxBytes }: GopRingOptions): GopRing {
  let gops: OpenGop[] = []
  let nextNumber = 0

  const openGop = () => {
    const last = gops.at(-1)
    return last?.complete === false ? last : undefined
  }

  function open(format: VideoFormat, frame: CodedFrame): void {
    const { captureMs: startMs, monotonicMs: monotonicStartMs } = frame
    const number = nextNumber++
    gops.push({ format, frames: [], number, startMs, monotonicStartMs, endMs: startMs, complete: false, sizeBytes: 0 })
  }

  function append(gop: OpenGop, frame: CodedFrame): void {
    const before = gop.frames.at(-1)
    if (before !== undefined) gop.frames[gop.frames.length - 1] = withDuration(before, frame)
    gop.frames.push(frame)
    gop.sizeBytes += frame.data.length
    gop.endMs = Math.max(gop.endMs, frameEndMs(frame, gop.format))
    if (gop.endMs - gop.startMs > MAX_GOP_MS)
      throw new LatchkeyError(
        'SOURCE_UNSUPPORTED',
        'the camera sends too few keyframes: set their interval to 1 or 2 s',
      )
  }

  function evict(): void {
    const newestMs = gops.at(-1)?.endMs ?? 0
    let total = gops.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    while (gops.length > 1 && (total > maxBytes || gops[1]!.startMs <= newestMs - coverMs))
      total -= gops.shift()!.sizeBytes
  }

  return {
    add(format, frame) {
      const gop = openGop()
      if (!frame.keyframe) {
        if (gop !== undefined) append(gop, frame)
        return
      }
      if (gop !== undefined) {
        gop.frames.push(withDuration(gop.frames.pop()!, frame))
        gop.endMs = frame.captureMs
        gop.complete = true
      }
      open(format, frame)
      append(openGop()!, frame)
      evict()
    },
    completeLast() {
      const gop = openGop()
      if (gop !== undefined) gop.complete = true
    },
    clear() {
      gops = []
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
