import type { FfmpegBinary } from './ffmpeg-binary.ts'
import type { CameraSource, FileSource, RpicamSource, RtspSource, V4l2Source } from './source.ts'

/** How ffmpeg is told where to read. */
export interface FfmpegInput {
  readonly args: readonly string[]
  /** What to write to its stdin, once, and then close it. */
  readonly script?: string
  /** True when pixels come in and libx264 has to code them. */
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

function v4l2Input(source: V4l2Source, codesH264: boolean): FfmpegInput {
  const picture = ['-framerate', String(source.framesPerSecond), '-video_size', `${source.width}x${source.height}`]
  const coding = codesH264 ? ['-input_format', 'h264'] : []
  return { args: ['-f', 'v4l2', ...coding, ...picture, '-i', source.device], encode: !codesH264 }
}

/** What a source needs that has to be found out first. */
export interface InputFacts {
  readonly ffmpeg: FfmpegBinary
  /** Whether a video device codes H.264 itself. */
  readonly codesH264: boolean
}

/** Input arguments for `source`; for `rpicam`, whose pictures come through stdin, the reader of that pipe. */
export function ffmpegInput(source: CameraSource, { ffmpeg, codesH264 }: InputFacts): FfmpegInput {
  switch (source.kind) {
    case 'file':
      return fileInput(source, ffmpeg)
    case 'rtsp':
      return rtspInput(source, ffmpeg)
    case 'v4l2':
      return v4l2Input(source, codesH264)
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

/** Arguments of `rpicam-vid`: H.264 with parameter sets before every keyframe, on stdout, until it is ended. */
export function rpicamArguments({ width, height, framesPerSecond }: RpicamSource): string[] {
  const picture = ['--width', width, '--height', height, '--framerate', framesPerSecond].map(String)
  const intra = String(framesPerSecond * OWN_GOP_SECONDS)
  return ['-t', '0', '-n', '--codec', 'h264', '--inline', '--flush', '--intra', intra, ...picture, '-o', '-']
}

/** x264 without look-ahead or B-frames, with keyframes exactly every {@link OWN_GOP_SECONDS}. */
export function h264Encoder(framesPerSecond: number): string[] {
  const gop = String(Math.max(1, Math.round(framesPerSecond * OWN_GOP_SECONDS)))
  const timing = ['-g', gop, '-keyint_min', gop, '-sc_threshold', '0', '-bf', '0']
  return ['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', ...timing, '-pix_fmt', 'yuv420p']
}

/** Everything between input and pipe: the coded pictures as they are, one fMP4 fragment each, nothing about the file. */
export function ingestArguments(input: FfmpegInput, framesPerSecond: number): string[] {
  const coding = input.encode === true ? h264Encoder(framesPerSecond) : ['-c', 'copy']
  const plain = ['-map_metadata', '-1', '-map_chapters', '-1', '-fflags', '+bitexact']
  const fragments = ['-movflags', '+frag_every_frame+empty_moov+default_base_moof+skip_trailer']
  const output = ['-map', '0:v:0', ...coding, ...plain, '-f', 'mp4', ...fragments, '-flush_packets', '1', 'pipe:1']
  const quiet = input.script === undefined && !input.args.includes('pipe:0') ? ['-nostdin'] : []
  return [...quiet, '-hide_banner', '-v', 'error', ...input.args, ...output]
}
