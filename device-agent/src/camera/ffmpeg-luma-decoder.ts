import type { CodedFrame, LumaFrame, VideoFormat } from '../flow.ts'
import { type Child, spawnChild } from '../kernel/child-process.ts'
import type { Clock } from '../kernel/clock.ts'
import type { FfmpegBinary } from './ffmpeg-binary.ts'

/** The detector's view of the camera. */
export interface LumaDecoderOptions {
  readonly ffmpeg: FfmpegBinary
  readonly clock: Clock
  /** Takes each picture, in order of capture. */
  readonly onLuma: (frame: LumaFrame) => void
}

/** A persistent process that turns coded frames into small luma pictures, at most five per second of capture time. */
export interface LumaDecoder {
  /** A stream begins: what was fed before is forgotten. */
  begin(format: VideoFormat): void
  /**
   * Hands over one frame. Never waits: when the decoder is behind, frames are left out up to a keyframe and counted.
   * `fragment`: the frame as fMP4 boxes.
   */
  feed(frame: CodedFrame, fragment: readonly Uint8Array[]): void
  /** Resolves when few enough frames are under way that no more will be left out; for sources that can wait. */
  ready(): Promise<void>
  /** Decodes what is under way, hands it over, and ends the process. */
  finish(): Promise<void>
  /** Ends the process at once. */
  stop(): Promise<void>
  readonly stats: { readonly fed: number; readonly skipped: number; readonly restarts: number }
}

const LUMA_WIDTH = 320
/** More than this in flight, a few seconds of any camera, and the decoder does not keep up. */
const MAX_UNDER_WAY = 90
/** H.264 allows 16 frames of reordering; below this a waiting source would starve the decoder. */
const COMFORTABLE_UNDER_WAY = 32
/** 5 pictures per second, with room for the jitter of real frame times. */
const MIN_INTERVAL_MS = 190
const FINISH_TIMEOUT_MS = 10_000
const STUCK_MS = 5000

interface Size {
  readonly width: number
  readonly height: number
}

/** Size of the luma picture for a format: 320 wide, the same shape. */
export function lumaSize({ width, height }: VideoFormat): Size {
  const scaled = Math.min(LUMA_WIDTH, width)
  return { width: scaled, height: Math.max(1, Math.round((height * scaled) / width)) }
}

function decoderArguments({ width, height }: Size, { major, minor }: FfmpegBinary): string[] {
  const everyFrame = major > 5 || (major === 5 && minor >= 1) ? '-fps_mode' : '-vsync'
  const input = ['-f', 'mp4', '-probesize', '32', '-analyzeduration', '0', '-fpsprobesize', '0']
  // Output -threads 1: the rawvideo encoder is frame-threaded and would hold a picture back (ffmpeg 5.1, measured).
  const scale = `scale=${width}:${height}:flags=fast_bilinear,format=gray`
  const output = ['-map', '0:v:0', '-vf', scale, everyFrame, 'passthrough', '-threads', '1', '-f', 'rawvideo']
  const decode = ['-threads', '1', '-skip_loop_filter', 'all']
  return [
    '-hide_banner',
    '-v',
    'error',
    ...decode,
    ...input,
    '-i',
    'pipe:0',
    ...output,
    '-flush_packets',
    '1',
    'pipe:1',
  ]
}

/** Raw pictures carry no times: they come out in the order of capture, so the times fed are kept in that order. */
class CaptureQueue {
  readonly #timesMs: number[] = []

  get length(): number {
    return this.#timesMs.length
  }

  add(captureMs: number): void {
    let at = this.#timesMs.length
    while (at > 0 && this.#timesMs[at - 1]! > captureMs) at--
    this.#timesMs.splice(at, 0, captureMs)
  }

  take(): number | undefined {
    return this.#timesMs.shift()
  }
}

/** One decoder process with what is under way in it. */
class DecoderRun {
  readonly child: Child
  readonly queue = new CaptureQueue()
  readonly #onPicture: (luma: Uint8Array, captureMs: number) => void
  readonly #picture: Uint8Array
  #filled = 0

  constructor(child: Child, size: Size, onPicture: (luma: Uint8Array, at: number) => void) {
    this.child = child
    this.#onPicture = onPicture
    this.#picture = new Uint8Array(size.width * size.height)
    child.stdout.on('data', (chunk: Buffer) => this.#read(chunk))
  }

  #read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const count = Math.min(chunk.length - at, this.#picture.length - this.#filled)
      this.#picture.set(chunk.subarray(at, at + count), this.#filled)
      this.#filled += count
      at += count
      if (this.#filled < this.#picture.length) return
      this.#filled = 0
      const captureMs = this.queue.take()
      // The buffer is reused: whoever keeps a picture copies it.
      if (captureMs !== undefined) this.#onPicture(this.#picture, captureMs)
    }
  }

  write(parts: readonly Uint8Array[]): void {
    for (const part of parts) this.child.stdin!.write(part)
  }
}

/** Builds a {@link LumaDecoder}; the process starts with the first keyframe. */
export function createLumaDecoder({ ffmpeg, clock, onLuma }: LumaDecoderOptions): LumaDecoder {
  const stats = { fed: 0, skipped: 0, restarts: 0 }
  let format: VideoFormat | undefined
  let run: DecoderRun | undefined
  let ending: Promise<unknown> = Promise.resolve()
  let lastLumaMs = -Infinity
  let finishing = false
  let wake: (() => void) | undefined

  function onPicture(size: Size, luma: Uint8Array, captureMs: number): void {
    if ((run?.queue.length ?? 0) < COMFORTABLE_UNDER_WAY) wake?.()
    if (captureMs - lastLumaMs < MIN_INTERVAL_MS && captureMs >= lastLumaMs) return
    lastLumaMs = captureMs
    onLuma({ ...size, luma: luma.slice(), captureMs })
  }

  function start(of: VideoFormat): DecoderRun {
    finishing = false
    const size = lumaSize(of)
    const args = decoderArguments(size, ffmpeg)
    const child = spawnChild({ command: ffmpeg.path, args, clock, stdin: 'pipe' })
    const started = new DecoderRun(child, size, (luma, captureMs) => {
      if (run === started) onPicture(size, luma, captureMs)
    })
    void child.exited.then(() => {
      if (run !== started) return
      if (finishing) discard()
      else restart()
    })
    started.write([of.init])
    return started
  }

  function discard(): void {
    const old = run
    run = undefined
    wake?.()
    if (old !== undefined) ending = Promise.all([ending, old.child.kill()])
  }

  function restart(): void {
    stats.restarts++
    discard()
  }

  return {
    stats,
    begin(next) {
      discard()
      format = next
      lastLumaMs = -Infinity
    },
    feed(frame, fragment) {
      if (format === undefined) return
      if (run !== undefined && run.queue.length > MAX_UNDER_WAY) restart()
      if (run === undefined && frame.keyframe) run = start(format)
      if (run === undefined) {
        stats.skipped++
        return
      }
      run.queue.add(frame.captureMs)
      run.write(fragment)
      stats.fed++
    },
    async ready() {
      const waited = run
      if (waited === undefined || waited.queue.length < COMFORTABLE_UNDER_WAY) return
      // Pictures that cannot be decoded never come out: then only a new process makes room.
      const timer = clock.setTimer(STUCK_MS, () => run === waited && restart())
      await new Promise<void>((resolve) => (wake = resolve))
      timer.cancel()
      wake = undefined
    },
    async finish() {
      const last = run
      if (last !== undefined) {
        finishing = true
        last.child.stdin?.end()
        const timer = clock.setTimer(FINISH_TIMEOUT_MS, () => void last.child.kill())
        await last.child.exited
        timer.cancel()
      }
      await ending
    },
    async stop() {
      discard()
      await ending
    },
  }
}
