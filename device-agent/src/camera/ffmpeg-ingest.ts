import { LatchkeyError } from '@latchkey/shared'
import type { AudioFormat, CameraEvent, CodedFrame } from '../flow.ts'
import { type Child, spawnChild } from '../kernel/child-process.ts'
import type { Clock } from '../kernel/clock.ts'
import type { CaptureTime } from './capture-time.ts'
import { type IngestPlan, ingestArguments, rpicamArguments } from './ffmpeg-arguments.ts'
import type { FfmpegBinary } from './ffmpeg-binary.ts'
import { createTrackDemuxer } from './fmp4-demuxer.ts'
import type { Sample } from './fmp4-fragment-parser.ts'
import { parseAudioInit, parseInit } from './fmp4-init.ts'
import { createFrameStamper } from './frame-stamper.ts'
import { readPipe } from './pipe-reader.ts'
import type { CameraSource } from './source.ts'
import { createStreamWatchdog } from './stream-watchdog.ts'

/** One run of the ingest process. */
export interface IngestOptions extends Omit<IngestPlan, 'framesPerSecond'> {
  readonly source: CameraSource
  readonly ffmpeg: FfmpegBinary
  /** H.265 is welcome. */
  readonly hevc: boolean
  /** Absolute path of `rpicam-vid`; used by that source only. */
  readonly rpicamPath: string
  /** Whether the board that `rpicam-vid` runs on codes H.264 itself. */
  readonly hasEncoder: boolean
  readonly clock: Clock
  readonly captureTime: CaptureTime
  /** Without a keyframe for this long the process is killed; see `stream-watchdog.ts`. */
  readonly staleMs: number
  /** The same, until the first one: connecting and probing take their time. */
  readonly startMs: number
  readonly signal: AbortSignal
  /** How long frames may wait in the pipe for each other, ms; see `pipe-reader.ts`. */
  readonly restMs: () => number
}

/** What a stream says in {@link CameraEvent}s. */
export type StreamEvent = Exclude<CameraEvent, { kind: 'state' }>

/**
 * How a run ended that did not fail: by itself or as told, or because its sound, or all of it, cannot be taken this way.
 */
export type IngestEnd = 'ended' | 'sound-unfit' | 'no-sound' | 'not-understood'

/** For a camera to be told good-bye. */
const GRACE_MS = 1000

/** Texts by which ffmpeg says that a stream cannot go into an MP4 as it is, rather than that it is away. */
const NOT_MUXABLE = /Could not find tag for codec|codec not currently supported in container|matches no streams/
/** Without a keyframe for so long, whether they stopped coming or were never meant to come sooner. */
export const NO_KEYFRAMES = 'the camera sends too few keyframes: set their interval to 1 or 2 s'
const NO_SOUND = /does not contain any stream/

type Children = AsyncDisposableStack & { ingest: Child }

function startChildren(options: IngestOptions): Children {
  const { source, input, ffmpeg, rpicamPath, clock, audio = 'none' } = options
  const framesPerSecond = 'framesPerSecond' in source ? source.framesPerSecond : 0
  const reads = input.script !== undefined || source.kind === 'rpicam'
  const stack = new AsyncDisposableStack()
  const args = ingestArguments({ ...options, framesPerSecond })
  const stdin = reads ? 'pipe' : 'ignore'
  const secondOutput = audio !== 'none'
  const pipes = { stdin, secondOutput, readAhead: false } as const
  const ingest = stack.use(spawnChild({ command: ffmpeg.path, args, clock, graceMs: GRACE_MS, ...pipes }))
  if (input.script !== undefined) ingest.stdin?.end(input.script)
  if (source.kind === 'rpicam') {
    const of = rpicamArguments(source, options.hasEncoder)
    const camera = stack.use(spawnChild({ command: rpicamPath, args: of, clock, graceMs: GRACE_MS }))
    camera.stdout.pipe(ingest.stdin!)
  }
  return Object.assign(stack, { ingest })
}

/** Gathers the sound between two looks; what is wrong with it is told at the next one. Untrusted: `output`. */
function createSoundTap(output: Child['secondOutput']) {
  const demuxer = createTrackDemuxer(parseAudioInit)
  const waiting: { format: AudioFormat; sample: Sample }[] = []
  let format: AudioFormat | undefined
  let failure: LatchkeyError | undefined
  output?.on('data', (chunk: Buffer) => {
    if (failure !== undefined) return
    try {
      for (const part of demuxer.push(chunk)) {
        if (part.kind === 'init') format = part.init.format
        else for (const sample of part.samples) waiting.push({ format: format!, sample })
      }
    } catch (error) {
      failure = error instanceof LatchkeyError ? error : new LatchkeyError('INTERNAL', 'sound', { cause: error })
    }
  })
  return {
    isUnfit: () => failure?.code === 'SOURCE_UNSUPPORTED',
    /** @throws ENCODING_INVALID */
    take() {
      if (failure !== undefined) throw failure
      return waiting.splice(0)
    },
  }
}

/** Sound has no clock of its own: it is as far from the device's as the newest picture is. */
function soundEvent(
  { format, sample }: { format: AudioFormat; sample: Sample },
  picture: { frame: CodedFrame; timescale: number },
): StreamEvent {
  const { data, dtsTicks, durationTicks } = sample
  const sinceMs = (dtsTicks * 1000) / format.timescale - (picture.frame.ptsTicks * 1000) / picture.timescale
  const captureMs = Math.round(picture.frame.captureMs + sinceMs)
  return { kind: 'audio', format, frame: { data, dtsTicks, durationTicks, captureMs } }
}

/**
 * Runs ffmpeg once over `source` and yields its format and then its frames, in decode order, until the stream ends,
 * stalls or `signal` aborts. Taking them slowly holds the process back. Leaves no process behind, however it ends.
 * Untrusted: everything that comes out of the process.
 * @throws SOURCE_UNSUPPORTED when the stream is of a codec we do not record, has too few keyframes, or nothing came of a
 * file; ENCODING_INVALID when the stream breaks; UNAVAILABLE when it stalls, changes its picture, or a live one ends
 */
export async function* ingest(options: IngestOptions): AsyncGenerator<StreamEvent, IngestEnd, undefined> {
  // Read anew where it matters: the compiler takes it for a constant.
  const isAborted = () => options.signal.aborted
  if (isAborted()) return 'ended'
  await using children = startChildren(options)
  const child = children.ingest
  const onAbort = () => void child.stop()
  options.signal.addEventListener('abort', onAbort, { once: true })
  children.defer(() => options.signal.removeEventListener('abort', onAbort))
  const watchdog = createStreamWatchdog(options, () => void child.kill())
  const demuxer = createTrackDemuxer((ftyp, moov) => parseInit(ftyp, moov, options.hevc))
  const sound = createSoundTap(child.secondOutput)
  let stamp: ((sample: Sample) => CodedFrame) | undefined
  let picture: { frame: CodedFrame; timescale: number } | undefined
  let timescale = 1
  const chunks = readPipe(child.stdout, options)
  // A killed process ends its pipe with an error; why it ended is judged below.
  const nextChunk = () => watchdog.guard(chunks.next())
  for (let next = await nextChunk(); next.done !== true; next = await nextChunk()) {
    if (sound.isUnfit()) return 'sound-unfit'
    for (const piece of sound.take()) if (picture !== undefined) yield soundEvent(piece, picture)
    for (const part of next.value.flatMap((chunk) => demuxer.push(chunk))) {
      if (part.kind === 'init') {
        stamp = createFrameStamper(part.init, options)
        timescale = part.init.format.timescale
        yield { kind: 'format', format: part.init.format }
        continue
      }
      for (const sample of part.samples) {
        const frame = stamp!(sample)
        watchdog.see(frame)
        picture = { frame, timescale }
        yield { kind: 'frame', frame, fragment: part.boxes }
      }
    }
  }
  if (isAborted()) return 'ended'
  const exit = await child.exited
  for (const piece of sound.isUnfit() ? [] : sound.take()) if (picture !== undefined) yield soundEvent(piece, picture)
  const end = {
    missing: watchdog.missing,
    failed: exit.code !== 0,
    started: picture !== undefined,
    stderr: child.stderrTail(),
  }
  const soundEnd = endOfSound(end, options)
  if (soundEnd !== undefined) return soundEnd
  assertEnd(end, options)
  demuxer.end()
  return 'ended'
}

/** What ffmpeg says of an answer of the camera, and what we say of it. Its own words hold the address: they stay here. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/401 Unauthorized|403 Forbidden/, 'the camera refuses the user or the password'],
  [/404 Not Found/, 'the camera has no such stream: check the path of its address'],
]

function awayWords({ started, stderr }: StreamEnd): string {
  if (started) return 'the camera stream ended'
  return REFUSALS.find(([said]) => said.test(stderr))?.[1] ?? 'the camera cannot be reached'
}

interface StreamEnd {
  readonly missing: 'frames' | 'keyframes' | undefined
  readonly failed: boolean
  readonly started: boolean
  readonly stderr: string
}

/** Whether ffmpeg did not even begin, and that because of the sound. */
function endOfSound({ failed, started, stderr }: StreamEnd, { audio = 'none' }: IngestOptions): IngestEnd | undefined {
  if (!failed || started || audio === 'none') return undefined
  if (NO_SOUND.test(stderr)) return 'no-sound'
  return audio === 'copy' && NOT_MUXABLE.test(stderr) ? 'sound-unfit' : undefined
}

/** The end of a file is an end; that of a camera never is, whatever the exit code says. */
function assertEnd(end: StreamEnd, { source, hevc }: IngestOptions): void {
  const { missing, failed, started, stderr } = end
  if (NOT_MUXABLE.test(stderr))
    throw new LatchkeyError(
      'SOURCE_UNSUPPORTED',
      hevc
        ? 'the source has no H.264 or H.265 video: set the camera to H.264 (AVC)'
        : 'the source has no H.264 video: set the camera to H.264 (AVC)',
    )
  if (missing === 'keyframes') throw new LatchkeyError('SOURCE_UNSUPPORTED', NO_KEYFRAMES)
  if (missing !== undefined) throw new LatchkeyError('UNAVAILABLE', 'the camera sends no pictures')
  if (source.kind === 'file' && !started)
    throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the file is not there or holds no video that ffmpeg can read')
  if (source.kind === 'file' && !failed) return
  throw new LatchkeyError('UNAVAILABLE', awayWords(end))
}
