/** The camera of a walkthrough: a file of exactly the coded frames that the agent will be given. */
import { chmod, rm, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { LatchkeyError } from '@latchkey/shared'
import { drawDoorstepScene } from '../../device-agent/src/camera/drawn-scene.ts'
import { type FfmpegInput, ffmpegInput } from '../../device-agent/src/camera/ffmpeg-arguments.ts'
import type { FfmpegBinary } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { loadDeviceFormat } from '../../device-agent/src/camera/ffmpeg-probe.ts'
import { type CameraSource, isLive, parseCameraSource } from '../../device-agent/src/camera/source.ts'
import { runChild } from '../../device-agent/src/kernel/child-process.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import { measureRecording, type RecordingMeasure } from './recording-measure.ts'

/** A live camera is recorded this long first; then the recording plays the camera. */
const LIVE_SECONDS = 30
const TIMEOUT_MS = 3_600_000

/** What a recording is made with. */
export interface RecordingTools {
  readonly ffmpeg: FfmpegBinary
  /** One line for the person watching. */
  readonly say: (line: string) => void
}

/** A source with the way to read it. */
interface Input {
  readonly source: CameraSource
  readonly input: FfmpegInput
}

/**
 * `--camera` → source, with a file's path made absolute.
 * @throws USAGE when the file is not there; CONFIG_INVALID when it is no source
 */
export async function loadCameraSource(camera: string): Promise<CameraSource> {
  const source = parseCameraSource(camera)
  if (source.kind !== 'file') return source
  const path = resolve(source.path)
  const found = await stat(path).catch((error: unknown) => (error as NodeJS.ErrnoException).code ?? 'unknown')
  if (typeof found === 'string') throw new LatchkeyError('USAGE', `--camera: cannot read the file ${path} (${found})`)
  if (!found.isFile()) throw new LatchkeyError('USAGE', `--camera: ${path} is not a file`)
  return { ...source, path }
}

async function loadInput(source: CameraSource, ffmpeg: FfmpegBinary): Promise<Input> {
  if (source.kind === 'rpicam') throw new LatchkeyError('USAGE', '--camera rpicam works without --walkthrough only')
  const deviceFormat = source.kind === 'v4l2' ? await loadDeviceFormat(source, ffmpeg, systemClock) : 'raw'
  // As fast as it can be read.
  const read = source.kind === 'file' ? { ...source, rate: Infinity } : source
  return { source, input: ffmpegInput(read, { ffmpeg, deviceFormat }) }
}

async function runFfmpeg(ffmpeg: FfmpegBinary, { args, script }: FfmpegInput, output: readonly string[]) {
  const quiet = script === undefined ? ['-nostdin'] : []
  return runChild({
    command: ffmpeg.path,
    args: [...quiet, '-hide_banner', ...args, ...output],
    clock: systemClock,
    maxOutputBytes: 65_536,
    timeoutMs: TIMEOUT_MS,
    // A secret goes in by stdin: arguments can be read by every user of the machine.
    ...(script === undefined ? {} : { input: new TextEncoder().encode(script) }),
  })
}

function unreadable({ source }: Input): LatchkeyError {
  return isLive(source)
    ? new LatchkeyError('UNAVAILABLE', 'the camera cannot be reached, or sends no video that ffmpeg can read')
    : new LatchkeyError('SOURCE_UNSUPPORTED', 'the file holds no video that ffmpeg can read')
}

async function isH264(input: Input, ffmpeg: FfmpegBinary): Promise<boolean> {
  if (input.input.encode === true) return false
  // With no output ffmpeg describes its input and stops.
  const { stderrTail } = await runFfmpeg(ffmpeg, input.input, [])
  const video = /Stream #\S+.*: Video: (\w+)/.exec(stderrTail)?.[1]
  if (video === undefined) throw unreadable(input)
  return video === 'h264'
}

const COPY = ['-c', 'copy']
/** A keyframe per second and no reordering, as cameras send; H.264 of this chroma has even sides only. */
const CODE = [
  ...['-vf', 'pad=ceil(iw/2)*2:ceil(ih/2)*2,format=yuv420p'],
  ...['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '0', '-sc_threshold', '0'],
  ...['-force_key_frames', 'expr:gte(t,n_forced)', '-crf', '21', '-maxrate', '10M', '-bufsize', '10M'],
]

/** Makes the file and measures it; `null` when what came of it cannot be recorded from. */
async function make(
  input: Input,
  out: string,
  { ffmpeg, coding }: { ffmpeg: FfmpegBinary; coding: readonly string[] },
): Promise<RecordingMeasure | null> {
  const limit = isLive(input.source) ? ['-t', String(LIVE_SECONDS)] : []
  const output = ['-v', 'error', ...limit, '-map', '0:v:0', ...coding, '-f', 'mp4', '-y', `file:${out}`]
  const { code } = await runFfmpeg(ffmpeg, input.input, output)
  return code === 0 ? measureRecording(out, ffmpeg).catch(() => null) : null
}

async function recordSource(camera: string, out: string, tools: RecordingTools): Promise<RecordingMeasure> {
  const { ffmpeg, say } = tools
  const input = await loadInput(await loadCameraSource(camera), ffmpeg)
  const once = 'coded once, here, as a camera would; the coded frames from then on are never altered'
  const copies = await isH264(input, ffmpeg)
  if (isLive(input.source)) say(`a live camera: recording ${LIVE_SECONDS} s of it first`)
  if (copies) {
    const copied = await make(input, out, { ffmpeg, coding: COPY })
    if (copied?.obstacle === null) return copied
    say(`no clips can be cut from this H.264 (${copied?.obstacle ?? 'broken or without keyframes'}): ${once}`)
  } else say(`not H.264: ${once}`)
  const coded = await make(input, out, { ffmpeg, coding: CODE })
  if (coded === null) throw unreadable(input)
  return coded
}

async function drawScene(out: string, ffmpeg: FfmpegBinary): Promise<RecordingMeasure> {
  await drawDoorstepScene({ ffmpeg, clock: systemClock }, out)
  return measureRecording(out, ffmpeg)
}

/**
 * Makes `out`: the drawn doorstep, a copy of a file's video, or 30 seconds of a live camera. H.264 is copied frame for
 * frame; anything else is coded to H.264 once, here, and said so. Leaves nothing behind when it fails.
 * @param camera `null` draws the scene
 * @throws SOURCE_UNSUPPORTED | UNAVAILABLE | USAGE | CONFIG_INVALID without quoting a camera's address
 */
export async function recordCamera(
  camera: string | null,
  out: string,
  tools: RecordingTools,
): Promise<RecordingMeasure> {
  try {
    const made = await (camera === null ? drawScene(out, tools.ffmpeg) : recordSource(camera, out, tools))
    await chmod(out, 0o600)
    return made
  } catch (error) {
    await rm(out, { force: true })
    throw error
  }
}
