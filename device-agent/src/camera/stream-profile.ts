import type { CodedFrame, VideoFormat } from '../flow.ts'
import { type CodedPicture, type PictureReader, createPictureReader } from './coded-picture.ts'

/** How a stream is coded, as measured from what came. */
export interface StreamProfile {
  /** E.g. `h264`. */
  readonly codec: string
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
  readonly bitsPerSecond: number
  /** Between keyframes, of the latest ones: shortest, usual and longest. */
  readonly keyframeMs: { readonly least: number; readonly usual: number; readonly most: number }
  /** Pictures are sent in another order than shown: B-frames. */
  readonly reorders: boolean
}

/** Measures one stream. */
export interface StreamMeter {
  /** The next frame in decode order, with what its bytes say. */
  add(frame: CodedFrame, picture: CodedPicture): void
  /** Undefined until two groups of pictures are whole, or one has lasted for {@link LONG_GROUP_MS}. */
  readonly profile: StreamProfile | undefined
}

/** A group that lasts longer than this says enough by itself. */
export const LONG_GROUP_MS = 12_000
const GROUPS_BEFORE_SAYING = 2
/** Long enough to see a "smart codec" stretch its groups, short enough to forget the settings of yesterday. */
const GROUPS_KEPT = 30

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}

/** Builds a meter for a stream that begins now. */
export function createStreamMeter(format: VideoFormat): StreamMeter {
  const groups: { ms: number; frames: number; bytes: number }[] = []
  let open: { startMs: number; newestMs: number; frames: number; bytes: number } | undefined
  let reorders = false
  let earlierPtsTicks = -Infinity

  function close(endMs: number): void {
    if (open !== undefined) groups.push({ ms: endMs - open.startMs, frames: open.frames, bytes: open.bytes })
    if (groups.length > GROUPS_KEPT) groups.shift()
  }

  function measured(): { ms: number; frames: number; bytes: number }[] {
    const age = open === undefined ? 0 : open.newestMs - open.startMs
    return age >= LONG_GROUP_MS ? [...groups, { ms: age, frames: open!.frames, bytes: open!.bytes }] : groups
  }

  return {
    add(frame, { type }) {
      const { captureMs, keyframe, ptsTicks, data } = frame
      reorders ||= type === 'B' || ptsTicks < earlierPtsTicks
      earlierPtsTicks = ptsTicks
      if (keyframe) {
        close(captureMs)
        open = { startMs: captureMs, newestMs: captureMs, frames: 0, bytes: 0 }
      }
      if (open === undefined) return
      open.frames++
      open.bytes += data.length
      open.newestMs = Math.max(open.newestMs, captureMs)
    },
    get profile() {
      const seen = measured()
      if (seen.length < GROUPS_BEFORE_SAYING && !seen.some(({ ms }) => ms >= LONG_GROUP_MS)) return undefined
      const lengths = seen.map(({ ms }) => ms)
      const seconds =
        Math.max(
          1,
          seen.reduce((sum, { ms }) => sum + ms, 0),
        ) / 1000
      const { codec, width, height } = format
      return {
        codec,
        width,
        height,
        framesPerSecond: seen.reduce((sum, { frames }) => sum + frames, 0) / seconds,
        bitsPerSecond: (seen.reduce((sum, { bytes }) => sum + bytes, 0) * 8) / seconds,
        keyframeMs: { least: Math.min(...lengths), usual: median(lengths), most: Math.max(...lengths) },
        reorders,
      }
    },
  }
}

const inSeconds = (ms: number) => `${Number((ms / 1000).toFixed(1))} s`

/** Whether the camera stretches its groups of pictures while nothing happens ("smart codec", H.264+, Zipstream). */
export function hasVaryingKeyframes({ keyframeMs: { least, most } }: StreamProfile): boolean {
  const [muchLonger, clearlyLongerMs] = [1.5, 1000]
  return most > least * muchLonger && most - least > clearlyLongerMs
}

const CODEC_NAMES: Readonly<Record<string, string>> = { h264: 'H.264', h265: 'H.265', hevc: 'H.265' }

/** One line in plain words. */
export function describeProfile(profile: StreamProfile): string {
  const { codec, width, height, framesPerSecond, bitsPerSecond, keyframeMs, reorders } = profile
  const keyframes = hasVaryingKeyframes(profile)
    ? `keyframes ${inSeconds(keyframeMs.least)} to ${inSeconds(keyframeMs.most)} apart`
    : `a keyframe every ${inSeconds(keyframeMs.usual)}`
  const name = CODEC_NAMES[codec] ?? codec
  const rates = `${Number(framesPerSecond.toFixed(1))} pictures/s, ${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`
  return `${width}×${height} ${name}, ${rates}, ${keyframes}, ${reorders ? 'with' : 'no'} B-frames`
}

/** Groups this long make clips begin much earlier than asked. */
const LONG_KEYFRAME_MS = 5000

/** What about the stream can be better, each with what to do; empty for a stream as it should be. */
export function remarksOn(profile: StreamProfile): string[] {
  const { keyframeMs, reorders } = profile
  const remarks: string[] = []
  if (hasVaryingKeyframes(profile))
    remarks.push(
      `the distance of keyframes varies up to ${inSeconds(keyframeMs.most)}: turn off "Smart Codec", "H.264+" or a dynamic GOP in the camera's settings`,
    )
  else if (keyframeMs.usual > LONG_KEYFRAME_MS)
    remarks.push(
      `keyframes are ${inSeconds(keyframeMs.usual)} apart, so clips begin up to that much before the pre-roll asked for: set the keyframe (I-frame) interval to 1 or 2 s in the camera's settings`,
    )
  if (reorders)
    remarks.push("the stream has B-frames, which cost detection time: turn them off in the camera's settings")
  return remarks
}

/** Measures whichever stream is on, and tells what there is to say. */
export interface StreamWatch {
  begin(format: VideoFormat): void
  add(frame: CodedFrame): void
  readonly profile: StreamProfile | undefined
}

/** Of a steady stream, one picture in so many is looked into for its type. */
const LOOK_EVERY = 8

/** Builds a watch; `tell` is called once per stream, and again when the remarks on it change. */
export function createStreamWatch(tell: (profile: StreamProfile) => void): StreamWatch {
  let meter: StreamMeter | undefined
  let reader: PictureReader | undefined
  let told: string | undefined
  let count = 0

  function review(): void {
    const profile = meter?.profile
    const remarks = profile && remarksOn(profile).join()
    if (profile === undefined || remarks === told) return
    told = remarks
    tell(profile)
  }

  return {
    begin(format) {
      meter = createStreamMeter(format)
      reader = createPictureReader(format)
      told = undefined
    },
    add(frame) {
      const picture = count++ % LOOK_EVERY === 0 ? reader?.read(frame) : undefined
      meter?.add(frame, picture ?? { type: undefined, qp: undefined })
      if (frame.keyframe) review()
    },
    get profile() {
      return meter?.profile
    },
  }
}
