import { LatchkeyError } from '@latchkey/shared'
import { runChild } from '../kernel/child-process.ts'
import type { Clock } from '../kernel/clock.ts'
import type { FfmpegBinary } from './ffmpeg-binary.ts'
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

/** Whether a video device offers coded H.264. Untested on hardware; a device that cannot be asked counts as one that does not. */
export async function loadCodesH264(source: V4l2Source, ffmpeg: FfmpegBinary, clock: Clock): Promise<boolean> {
  const result = await runChild({
    command: ffmpeg.path,
    args: ['-nostdin', '-hide_banner', '-f', 'v4l2', '-list_formats', 'all', '-i', source.device],
    clock,
    maxOutputBytes: 65_536,
    timeoutMs: PROBE_TIMEOUT_MS,
  })
  return /Compressed:\s+h264\b/i.test(result.stderrTail)
}
