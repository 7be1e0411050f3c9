import { LatchkeyError } from '@latchkey/shared'
import type { CameraEvent, CodedFrame } from '../flow.ts'
import { type Child, spawnChild } from '../kernel/child-process.ts'
import type { Clock } from '../kernel/clock.ts'
import type { CaptureTime } from './capture-time.ts'
import { type FfmpegInput, ingestArguments, rpicamArguments } from './ffmpeg-arguments.ts'
import type { FfmpegBinary } from './ffmpeg-binary.ts'
import { createFmp4Demuxer } from './fmp4-demuxer.ts'
import type { Sample } from './fmp4-fragment-parser.ts'
import type { ParsedInit } from './fmp4-init.ts'
import { isIdr, parseNalTypes } from './nal-units.ts'
import type { CameraSource } from './source.ts'

/** One run of the ingest process. */
export interface IngestOptions {
  readonly source: CameraSource
  readonly input: FfmpegInput
  readonly ffmpeg: FfmpegBinary
  /** Absolute path of `rpicam-vid`; used by that source only. */
  readonly rpicamPath: string
  readonly clock: Clock
  readonly captureTime: CaptureTime
  /** Without a frame for this long the process is killed. */
  readonly staleMs: number
  /** The same, until the first frame: connecting and probing take their time. */
  readonly startMs: number
  readonly signal: AbortSignal
}

/** What a stream says in {@link CameraEvent}s. */
export type StreamEvent = Exclude<CameraEvent, { kind: 'state' }>

/** For a camera to be told good-bye. */
const GRACE_MS = 1000

/** Texts by which ffmpeg says that the stream cannot go into an MP4 as it is, rather than that it is away. */
const NOT_MUXABLE = /Could not find tag for codec|codec not currently supported in container|matches no streams/

/** Ends the process when the stream stalls; time during which our own consumer holds us does not count. */
function createWatchdog({ clock, startMs, staleMs }: IngestOptions, onStale: () => void) {
  let limitMs = startMs
  let stale = false
  const bite = () => {
    stale = true
    onStale()
  }
  return {
    isStale: () => stale,
    onFrame: () => void (limitMs = staleMs),
    async guard<T>(work: Promise<T>): Promise<T> {
      const timer = clock.setTimer(limitMs, bite)
      try {
        return await work
      } finally {
        timer.cancel()
      }
    },
  }
}

function createFrameStamper(init: ParsedInit, { clock, captureTime }: IngestOptions) {
  const toMs = 1000 / init.format.timescale
  return (sample: Sample): CodedFrame => {
    const { data, dtsTicks, ptsTicks, durationTicks } = sample
    // The container marks recovery points as sync too; a clip that starts at one would not decode cleanly.
    const keyframe = isIdr(parseNalTypes(data, init.nalLengthBytes))
    const time = { ptsMs: ptsTicks * toMs, dtsMs: dtsTicks * toMs, keyframe }
    const stamp = captureTime(time, { nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() })
    return { data, dtsTicks, ptsTicks, durationTicks, keyframe, ...stamp }
  }
}

function startChildren({
  source,
  input,
  ffmpeg,
  rpicamPath,
  clock,
}: IngestOptions): AsyncDisposableStack & { ingest: Child } {
  const fps = 'framesPerSecond' in source ? source.framesPerSecond : 0
  const reads = input.script !== undefined || source.kind === 'rpicam'
  const stack = new AsyncDisposableStack()
  const args = ingestArguments(input, fps)
  const ingest = stack.use(
    spawnChild({ command: ffmpeg.path, args, clock, stdin: reads ? 'pipe' : 'ignore', graceMs: GRACE_MS }),
  )
  if (input.script !== undefined) ingest.stdin?.end(input.script)
  if (source.kind === 'rpicam') {
    const camera = stack.use(spawnChild({ command: rpicamPath, args: rpicamArguments(source), clock }))
    camera.stdout.pipe(ingest.stdin!)
  }
  return Object.assign(stack, { ingest })
}

/**
 * Runs ffmpeg once over `source` and yields its format and then its frames, in decode order, until the stream ends,
 * stalls or `signal` aborts. Taking them slowly holds the process back. Leaves no process behind, however it ends.
 * Untrusted: everything that comes out of the process.
 * @throws SOURCE_UNSUPPORTED when the stream is not H.264 or nothing came of a file; ENCODING_INVALID when the stream
 * breaks; UNAVAILABLE when it stalls or a live one ends
 */
export async function* ingest(options: IngestOptions): AsyncGenerator<StreamEvent, void, undefined> {
  // Read anew where it matters: the compiler takes it for a constant.
  const isAborted = () => options.signal.aborted
  if (isAborted()) return
  await using children = startChildren(options)
  const child = children.ingest
  const onAbort = () => void child.stop()
  options.signal.addEventListener('abort', onAbort, { once: true })
  children.defer(() => options.signal.removeEventListener('abort', onAbort))
  const watchdog = createWatchdog(options, () => void child.kill())
  const demuxer = createFmp4Demuxer()
  let stamp: ((sample: Sample) => CodedFrame) | undefined
  const chunks = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>
  // A killed process ends its pipe with an error; why it ended is judged below.
  const nextChunk = () => watchdog.guard(chunks.next().catch(() => ({ done: true as const, value: undefined })))
  for (let next = await nextChunk(); next.done !== true; next = await nextChunk()) {
    for (const part of demuxer.push(next.value)) {
      if (part.kind === 'init') {
        stamp = createFrameStamper(part.init, options)
        yield { kind: 'format', format: part.init.format }
        continue
      }
      watchdog.onFrame()
      for (const sample of part.samples) yield { kind: 'frame', frame: stamp!(sample), fragment: part.boxes }
    }
  }
  if (isAborted()) return
  const exit = await child.exited
  assertEnd(
    { stale: watchdog.isStale(), failed: exit.code !== 0, started: stamp !== undefined, stderr: child.stderrTail() },
    options.source,
  )
  demuxer.end()
}

interface StreamEnd {
  readonly stale: boolean
  readonly failed: boolean
  readonly started: boolean
  readonly stderr: string
}

/** The end of a file is an end; that of a camera never is, whatever the exit code says. */
function assertEnd({ stale, failed, started, stderr }: StreamEnd, source: CameraSource): void {
  if (NOT_MUXABLE.test(stderr))
    throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the source has no H.264 video: set the camera to H.264 (AVC)')
  if (stale) throw new LatchkeyError('UNAVAILABLE', 'the camera sends no pictures')
  if (source.kind === 'file' && !started)
    throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the file is not there or holds no video that ffmpeg can read')
  if (source.kind === 'file' && !failed) return
  throw new LatchkeyError('UNAVAILABLE', started ? 'the camera stream ended' : 'the camera cannot be reached')
}
