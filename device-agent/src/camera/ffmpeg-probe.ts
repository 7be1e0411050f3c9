import { LatchkeyError } from '@latchkey/shared'
import { readFile } from 'node:fs/promises'
import { runChild } from '../kernel/child-process.ts'
import type { Clock } from '../kernel/clock.ts'
import { type DeviceFormat, type Encoder, ingestArguments } from './ffmpeg-arguments.ts'
import type { FfmpegBinary } from './ffmpeg-binary.ts'
import { createFmp4Demuxer } from './fmp4-demuxer.ts'
import { isKeyframe, parseNalUnits } from './nal-units.ts'
import type { FileSource, V4l2Source } from './source.ts'

/** ffmpeg reports the last decode time, frames have a length, and the number is cut to hundredths. */
const DURATION_SLACK_MS = 1000

/** Reading a file from end to end, without decoding it. */
const SCAN_TIMEOUT_MS = 600_000
const PROBE_TIMEOUT_MS = 10_000

/** The last `time=HH:MM:SS.cc` of ffmpeg's statistics, ms. Untrusted: `text`. */
export function parseLastTimeMs(text: string): number | undefined {
  const last = [...text.matchAll(/time=(\d{2,}):(\d{2}):(\d{2})\.(\d{2})/g)].at(-1)
  if (!last) return undefined
  const [, hours, minutes, seconds, hundredths] = last.map(Number)
  return ((hours! * 60 + minutes!) * 60 + seconds!) * 1000 + hundredths! * 10
}

/**
 * An upper bound of the length of a file's video, ms; reads the whole file.
 * @throws SOURCE_UNSUPPORTED when ffmpeg finds no video in it
 */
export async function loadFileDurationMs(source: FileSource, ffmpeg: FfmpegBinary, clock: Clock): Promise<number> {
  const scan = ['-map', '0:v:0', '-c', 'copy', '-f', 'null', '-']
  const result = await runChild({
    command: ffmpeg.path,
    args: ['-nostdin', '-hide_banner', '-v', 'error', '-stats', '-i', `file:${source.path}`, ...scan],
    clock,
    maxOutputBytes: 65_536,
    timeoutMs: SCAN_TIMEOUT_MS,
  })
  const durationMs = parseLastTimeMs(result.stderrTail)
  if (result.code !== 0 || durationMs === undefined)
    throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the file is not there or holds no video that ffmpeg can read')
  return durationMs + DURATION_SLACK_MS
}

/**
 * What a video device is best asked for: H.264 as it is, else MJPEG, which fits through USB at every size, else pixels.
 * A device that cannot be asked counts as one that sends pixels. Tried with the words of `ffmpeg`, not on hardware.
 */
export async function loadDeviceFormat(source: V4l2Source, ffmpeg: FfmpegBinary, clock: Clock): Promise<DeviceFormat> {
  const result = await runChild({
    command: ffmpeg.path,
    args: ['-nostdin', '-hide_banner', '-f', 'v4l2', '-list_formats', 'all', '-i', source.device],
    clock,
    maxOutputBytes: 65_536,
    timeoutMs: PROBE_TIMEOUT_MS,
  })
  return parseDeviceFormats(result.stderrTail)
}

/** Untrusted: `text`, what ffmpeg says of a device's formats. */
export function parseDeviceFormats(text: string): DeviceFormat {
  if (/Compressed:\s+h264\b/i.test(text)) return 'h264'
  return /Compressed:\s+mjpeg\b/i.test(text) ? 'mjpeg' : 'raw'
}

/** Size and rate that an encoder has to cope with. */
export interface EncoderTrial {
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
}

/**
 * The hardware encoder where a short trial of it gives a stream that we can read, libx264 everywhere else. A driver
 * that is listed, and fails or sends nothing, is not there. Tried without hardware only.
 */
export async function loadEncoder(trial: EncoderTrial, ffmpeg: FfmpegBinary, clock: Clock): Promise<Encoder> {
  const encoder: Encoder = 'h264_v4l2m2m'
  const { width, height, framesPerSecond } = trial
  const picture = `testsrc2=size=${width}x${height}:rate=${framesPerSecond}:duration=1`
  const input = { args: ['-f', 'lavfi', '-i', picture], encode: true }
  const result = await runChild({
    command: ffmpeg.path,
    args: ingestArguments({ input, framesPerSecond, encoder }),
    clock,
    maxOutputBytes: 16 << 20,
    timeoutMs: PROBE_TIMEOUT_MS,
  }).catch(() => null)
  return result?.code === 0 && isReadable(result.stdout) ? encoder : 'libx264'
}

function isReadable(stdout: Uint8Array): boolean {
  try {
    const parts = createFmp4Demuxer().push(stdout)
    const [first] = parts.flatMap((part) => (part.kind === 'fragment' ? part.samples : []))
    const init = parts.flatMap((part) => (part.kind === 'init' ? [part.init] : []))[0]
    return (
      init !== undefined && first !== undefined && isKeyframe(parseNalUnits(first.data, init.nalLengthBytes), 'h264')
    )
  } catch {
    return false
  }
}

/** Where Linux says which board this is. */
export const BOARD_MODEL_PATH = '/proc/device-tree/model'

/** Boards with a camera port and no H.264 encoder. */
const WITHOUT_ENCODER = /Raspberry Pi (?:5|500|Compute Module 5)\b/

/** Whether the board codes H.264 itself, as every Raspberry Pi before the 5 does. @param path of the board's name */
export async function loadHasEncoder(path: string): Promise<boolean> {
  const model = await readFile(path, 'utf8').catch(() => '')
  return !WITHOUT_ENCODER.test(model)
}
