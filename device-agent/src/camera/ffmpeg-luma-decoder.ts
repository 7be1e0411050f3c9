import type { CodedFrame, LumaFrame, VideoFormat } from '../flow.ts'
import { type Child, spawnChild } from '../kernel/child-process.ts'
import type { Clock } from '../kernel/clock.ts'
import type { FfmpegBinary } from './ffmpeg-binary.ts'
import { withDecodeTime } from './fmp4-fragment-time.ts'

/** The detector's view of the camera. */
export interface LumaDecoderOptions {
  readonly ffmpeg: FfmpegBinary
  readonly clock: Clock
  /** Takes each picture, in order of capture within a pass. */
  readonly onLuma: (frame: LumaFrame, tag: ShotTag) => void
  /** Hands over every keyframe, however soon it comes after another picture. Default false. */
  readonly everyKeyframe?: boolean
  /** With more than this in flight the decoder does not keep up. Default 90, a few seconds of any camera. */
  readonly maxUnderWay?: number
}

/** What a picture that comes out of the decoder went in as. */
export interface ShotTag {
  /** The number it was fed with: whoever feeds frames again can tell the passes apart. */
  readonly pass: number
  readonly keyframe: boolean
}

/** A persistent process that turns coded frames into small luma pictures, at most five per second of capture time. */
export interface LumaDecoder {
  /**
   * A stream begins: what was fed before is forgotten.
   * `inOrder`: its pictures come in the order in which they are shown, so that each comes out as soon as it went in.
   */
  begin(format: VideoFormat, inOrder?: boolean): void
  /**
   * Hands over one frame. Never waits: when the decoder is behind, frames are left out up to a keyframe and counted.
   * `fragment`: the frame as fMP4 boxes. `pass`: a new number lets time start over at an earlier keyframe.
   */
  feed(frame: CodedFrame, fragment: readonly Uint8Array[], pass?: number): void
  /** Resolves when few enough frames are under way that no more will be left out; for sources that can wait. */
  ready(): Promise<void>
  /** Resolves when everything fed has come out, or cannot. */
  idle(): Promise<void>
  /** Frames that went in and have not come out. */
  readonly underWay: number
  /** Starts again at the next keyframe: what is under way will not come out in order. */
  restart(): void
  /** Decodes what is under way, hands it over, and ends the process. */
  finish(): Promise<void>
  /** Ends the process at once. */
  stop(): Promise<void>
  readonly stats: { readonly fed: number; readonly skipped: number; readonly restarts: number }
}

const LUMA_WIDTH = 320
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

/**
 * Pictures that nobody will look at are decoded, since others build on them, but neither scaled nor handed over: a tenth of
 * what a busy picture costs. Frames that are wanted are told by their time: an even number of ticks.
 */
const SELECT_WANTED = 'select=not(mod(pts\\,2))'

interface DecoderFacts {
  readonly ffmpeg: FfmpegBinary
  readonly inOrder: boolean
}

function decoderArguments({ width, height }: Size, { ffmpeg, inOrder }: DecoderFacts): string[] {
  const { major, minor } = ffmpeg
  const everyFrame = major > 5 || (major === 5 && minor >= 1) ? '-fps_mode' : '-vsync'
  const input = ['-f', 'mp4', '-probesize', '32', '-analyzeduration', '0', '-fpsprobesize', '0']
  // Output -threads 1: the rawvideo encoder is frame-threaded and would hold a picture back (ffmpeg 5.1, measured).
  const scale = `scale=${width}:${height}:flags=bilinear,format=gray`
  const filter = inOrder ? `${SELECT_WANTED},${scale}` : scale
  const output = ['-map', '0:v:0', '-vf', filter, everyFrame, 'passthrough', '-threads', '1', '-f', 'rawvideo']
  const decode = ['-threads', '1', '-skip_loop_filter', 'all', ...(inOrder ? ['-flags', 'low_delay'] : [])]
  return [
    '-hide_banner',
    '-v',
    'error',
    // Times as they are told: shifted ones could be odd where they were even.
    '-copyts',
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

interface Entry extends ShotTag {
  readonly captureMs: number
  /** Its picture will come out. */
  readonly wanted: boolean
}

/** Raw pictures carry no times: they come out in the order of capture, so the times fed are kept in that order. */
class CaptureQueue {
  readonly #entries: Entry[] = []

  get length(): number {
    return this.#entries.length
  }

  add(entry: Entry): void {
    let at = this.#entries.length
    const isLater = ({ captureMs, pass }: Entry) => pass === entry.pass && captureMs > entry.captureMs
    while (at > 0 && isLater(this.#entries[at - 1]!)) at--
    this.#entries.splice(at, 0, entry)
  }

  /** What came out, and with it those after it that never will. */
  take(): Entry | undefined {
    const out = this.#entries.shift()
    while (this.#entries[0]?.wanted === false) this.#entries.shift()
    return out
  }
}

/** One decoder process with what is under way in it. */
class DecoderRun {
  readonly child: Child
  readonly queue = new CaptureQueue()
  readonly #onPicture: (luma: Uint8Array, entry: Entry) => void
  readonly #picture: Uint8Array
  #filled = 0
  #shiftTicks = 0
  #nextTicks = -Infinity

  constructor(child: Child, size: Size, onPicture: (luma: Uint8Array, entry: Entry) => void) {
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
      const entry = this.queue.take()
      // The buffer is reused: whoever keeps a picture copies it.
      if (entry !== undefined) this.#onPicture(this.#picture, entry)
    }
  }

  write(parts: readonly Uint8Array[]): void {
    for (const part of parts) this.child.stdin!.write(part)
  }

  /** Time runs on in here whatever is fed again: ffmpeg drops a picture whose time is earlier than that before it. */
  feed({ dtsTicks, ptsTicks }: CodedFrame, [moof, ...rest]: readonly Uint8Array[], wanted?: boolean): void {
    if (moof === undefined) return
    if (dtsTicks + this.#shiftTicks < this.#nextTicks) this.#shiftTicks = this.#nextTicks - dtsTicks
    const ticks = this.#shiftTicks + dtsTicks
    const isEven = (ticks + ptsTicks - dtsTicks) % 2 === 0
    const toldTicks = wanted === undefined || isEven === wanted ? ticks : ticks + 1
    this.#nextTicks = toldTicks + 1
    this.write([toldTicks === dtsTicks ? moof : withDecodeTime(moof, toldTicks), ...rest])
  }
}

/** Builds a {@link LumaDecoder}; the process starts with the first keyframe. */
export function createLumaDecoder(options: LumaDecoderOptions): LumaDecoder {
  const { ffmpeg, clock, onLuma, everyKeyframe = false, maxUnderWay = MAX_UNDER_WAY } = options
  const stats = { fed: 0, skipped: 0, restarts: 0 }
  let format: VideoFormat | undefined
  let inOrder = false
  let run: DecoderRun | undefined
  let ending: Promise<unknown> = Promise.resolve()
  let lastLumaMs = -Infinity
  let finishing = false
  let wake: (() => void) | undefined
  /** Few enough under way for whoever waits. */
  let comfortable = COMFORTABLE_UNDER_WAY

  /** Asked once of each frame, in order of capture: when it goes in, or where others may come out first, when it comes out. */
  function isWanted({ captureMs, keyframe }: Pick<Entry, 'captureMs' | 'keyframe'>): boolean {
    const tooSoon = captureMs - lastLumaMs < MIN_INTERVAL_MS && captureMs >= lastLumaMs
    if (!tooSoon) lastLumaMs = captureMs
    return !tooSoon || (everyKeyframe && keyframe)
  }

  function onPicture(size: Size, luma: Uint8Array, entry: Entry): void {
    const { captureMs, keyframe, pass } = entry
    if (inOrder || isWanted(entry)) onLuma({ ...size, luma: luma.slice(), captureMs }, { pass, keyframe })
    if ((run?.queue.length ?? 0) < comfortable) wake?.()
  }

  async function fewerThan(count: number): Promise<void> {
    const waited = run
    if (waited === undefined || waited.queue.length < count) return
    comfortable = count
    // Pictures that cannot be decoded never come out: then only a new process makes room.
    const timer = clock.setTimer(STUCK_MS, () => run === waited && restart())
    await new Promise<void>((resolve) => (wake = resolve))
    timer.cancel()
    wake = undefined
  }

  function start(of: VideoFormat): DecoderRun {
    finishing = false
    const size = lumaSize(of)
    const args = decoderArguments(size, { ffmpeg, inOrder })
    const child = spawnChild({ command: ffmpeg.path, args, clock, stdin: 'pipe' })
    const started = new DecoderRun(child, size, (luma, entry) => {
      if (run === started) onPicture(size, luma, entry)
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
    begin(next, nextInOrder = false) {
      discard()
      format = next
      inOrder = nextInOrder
      lastLumaMs = -Infinity
    },
    feed(frame, fragment, pass = 0) {
      if (format === undefined) return
      if (run !== undefined && run.queue.length > maxUnderWay) restart()
      if (run === undefined && frame.keyframe) run = start(format)
      if (run === undefined) {
        stats.skipped++
        return
      }
      const wanted = !inOrder || isWanted(frame)
      const { captureMs, keyframe } = frame
      // After the last picture that comes out nothing tells when these have been decoded.
      if (wanted || run.queue.length > 0) run.queue.add({ captureMs, keyframe, pass, wanted })
      run.feed(frame, fragment, inOrder ? wanted : undefined)
      stats.fed++
    },
    restart,
    get underWay() {
      return run?.queue.length ?? 0
    },
    ready: () => fewerThan(COMFORTABLE_UNDER_WAY),
    idle: () => fewerThan(1),
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
