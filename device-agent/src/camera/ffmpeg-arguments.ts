import type { FfmpegBinary } from './ffmpeg-binary.ts'
import type { CameraSource, FileSource, RpicamSource, RtspSource, V4l2Source } from './source.ts'

/** How ffmpeg is told where to read. */
export interface FfmpegInput {
  readonly args: readonly string[]
  /** What to write to its stdin, once, and then close it. */
  readonly script?: string
  /** True when pixels come in that have to be coded. */
  readonly encode?: boolean
}

/** Long enough for a camera's first keyframe at a two second interval, short enough not to delay the start. */
const PROBE_BYTES = 500_000
const PROBE_US = 500_000
const PROBE = ['-probesize', String(PROBE_BYTES), '-analyzeduration', String(PROBE_US)]
const SOCKET_TIMEOUT_US = 10_000_000

/** Seconds between keyframes where the choice is ours: pre-roll is cut at keyframes, and each costs bytes. */
export const OWN_GOP_SECONDS = 2

function fileInput(source: FileSource, { major, minor }: FfmpegBinary): FfmpegInput {
  const knowsRate = major > 5 || (major === 5 && minor >= 1)
  // Without -readrate the file runs as fast as it is read: back-pressure paces it, and nothing is lost.
  const fast = knowsRate && Number.isFinite(source.rate) ? ['-readrate', String(source.rate)] : []
  const pace = source.rate === 1 ? ['-re'] : fast
  return { args: [...pace, ...(source.loop ? ['-stream_loop', '-1'] : []), '-i', `file:${source.path}`] }
}

/**
 * The URL goes in by stdin, as a playlist of one: arguments can be read by every user of the machine, and camera URLs
 * hold passwords.
 */
function rtspInput(source: RtspSource, { major }: FfmpegBinary): FfmpegInput {
  const timeout = major >= 5 ? 'timeout' : 'stimeout'
  const script = [
    'ffconcat version 1.0',
    `file '${source.url}'`,
    'option rtsp_transport tcp',
    `option ${timeout} ${SOCKET_TIMEOUT_US}`,
    `option probesize ${PROBE_BYTES}`,
    `option analyzeduration ${PROBE_US}`,
    '',
  ].join('\n')
  const protocols = 'file,pipe,fd,crypto,data,rtp,tcp,tls,udp,rtsp,rtsps'
  return { args: ['-f', 'concat', '-safe', '0', '-protocol_whitelist', protocols, ...PROBE, '-i', 'pipe:0'], script }
}

/** What a video device sends: pictures coded as we record them, coded one by one, or not coded. */
export type DeviceFormat = 'h264' | 'mjpeg' | 'raw'

function v4l2Input(source: V4l2Source, format: DeviceFormat): FfmpegInput {
  const picture = ['-framerate', String(source.framesPerSecond), '-video_size', `${source.width}x${source.height}`]
  const coding = format === 'raw' ? [] : ['-input_format', format]
  return { args: ['-f', 'v4l2', ...coding, ...picture, '-i', source.device], encode: format !== 'h264' }
}

/** What a source needs that has to be found out first. */
export interface InputFacts {
  readonly ffmpeg: FfmpegBinary
  /** What a video device can send. */
  readonly deviceFormat: DeviceFormat
}

/** Input arguments for `source`; for `rpicam`, whose pictures come through stdin, the reader of that pipe. */
export function ffmpegInput(source: CameraSource, { ffmpeg, deviceFormat }: InputFacts): FfmpegInput {
  switch (source.kind) {
    case 'file':
      return fileInput(source, ffmpeg)
    case 'rtsp':
      return rtspInput(source, ffmpeg)
    case 'v4l2':
      return v4l2Input(source, deviceFormat)
    case 'rpicam':
      return {
        args: [
          '-fflags',
          '+genpts',
          '-f',
          'h264',
          '-framerate',
          String(source.framesPerSecond),
          ...PROBE,
          '-i',
          'pipe:0',
        ],
      }
  }
}

/**
 * Arguments of `rpicam-vid`: H.264 with parameter sets before every keyframe, on stdout, until it is ended.
 * @param hasEncoder false on boards without an H.264 encoder (Pi 5), where it codes with libx264 itself
 */
export function rpicamArguments({ width, height, framesPerSecond }: RpicamSource, hasEncoder = true): string[] {
  const picture = ['--width', width, '--height', height, '--framerate', framesPerSecond].map(String)
  const intra = String(framesPerSecond * OWN_GOP_SECONDS)
  const coding = hasEncoder ? ['--codec', 'h264', '--inline'] : ['--codec', 'libav', '--libav-format', 'h264']
  return ['-t', '0', '-n', ...coding, '--flush', '--intra', intra, ...picture, '-o', '-']
}

/** Encoders of H.264 that we know how to use. */
export type Encoder = 'libx264' | 'h264_v4l2m2m'

/** Of a hardware encoder, which has no measure of quality: good for a face at 720p. */
const HARDWARE_BITS_PER_SECOND = 2_500_000

/** Arguments of an encoder without look-ahead or B-frames, a keyframe every {@link OWN_GOP_SECONDS}. 0: rate unknown. */
export function encoderArguments(encoder: Encoder, framesPerSecond: number): string[] {
  const gop = String(Math.max(1, Math.round(framesPerSecond * OWN_GOP_SECONDS)))
  const known = framesPerSecond > 0 ? ['-g', gop, '-keyint_min', gop] : []
  // By time as well: the rate of a network camera is not known, and no camera keeps its own exactly.
  const timing = [...known, '-force_key_frames', `expr:gte(t,n_forced*${OWN_GOP_SECONDS})`, '-bf', '0']
  const coding =
    encoder === 'libx264'
      ? ['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-sc_threshold', '0']
      : ['-c:v', 'h264_v4l2m2m', '-b:v', String(HARDWARE_BITS_PER_SECOND)]
  return [...coding, ...timing, '-pix_fmt', 'yuv420p']
}

/** What one run of the ingest does with its input. */
export interface IngestPlan {
  readonly input: FfmpegInput
  /** 0 when the source decides. */
  readonly framesPerSecond: number
  /** Default libx264. */
  readonly encoder?: Encoder
  /** Painted over the pictures, which then have to be coded anew. */
  readonly filter?: string | undefined
  /** The sound as a second output: as it is, coded to AAC, or not at all (the default). */
  readonly audio?: 'copy' | 'encode' | 'none'
}

const AUDIO_CODING = {
  copy: ['-c', 'copy'],
  encode: ['-c:a', 'aac', '-b:a', '64k'],
} as const
/** Two outputs of one input keep their common clock; nothing on it may be negative. */
const COMMON_CLOCK = ['-avoid_negative_ts', 'disabled', '-output_ts_offset', '10']
const FRAGMENTS = '+frag_every_frame+empty_moov+default_base_moof+skip_trailer'

function output(map: string, coding: readonly string[], { pipe, clock }: { pipe: string; clock: boolean }): string[] {
  const plain = ['-map_metadata', '-1', '-map_chapters', '-1', '-fflags', '+bitexact']
  const times = clock ? COMMON_CLOCK : []
  const fragments = ['-f', 'mp4', '-movflags', clock ? `${FRAGMENTS}+frag_discont` : FRAGMENTS]
  return ['-map', map, ...coding, ...plain, ...times, ...fragments, '-flush_packets', '1', pipe]
}

/**
 * Everything between input and pipes: the coded pictures as they are unless they have to be coded, one fMP4 fragment
 * each, nothing about the file; the sound, when asked for, on file descriptor 3.
 */
export function ingestArguments(plan: IngestPlan): string[] {
  const { input, framesPerSecond, encoder = 'libx264', filter, audio = 'none' } = plan
  const codes = input.encode === true || filter !== undefined
  const painting = filter === undefined ? [] : ['-vf', filter]
  const coding = codes ? [...painting, ...encoderArguments(encoder, framesPerSecond)] : ['-c', 'copy']
  const clock = audio !== 'none'
  const picture = output('0:v:0', coding, { pipe: 'pipe:1', clock })
  const sound = audio === 'none' ? [] : output('0:a:0?', AUDIO_CODING[audio], { pipe: 'pipe:3', clock })
  const quiet = input.script === undefined && !input.args.includes('pipe:0') ? ['-nostdin'] : []
  return [...quiet, '-hide_banner', '-v', 'error', ...input.args, ...picture, ...sound]
}
