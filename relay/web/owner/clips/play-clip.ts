/** Plays a clip as it is opened, piece by piece: what was refused is left out, and the rest goes on. */
import { parseFirstDecodeTicks, parseVideoInit, type VideoTrack } from '@latchkey/shared'
import type { ClipPieces, Piece } from './clip-pieces.ts'

/** What a player tells of itself. */
export interface PlayerEvents {
  /** Pieces that the relay sent otherwise than they were recorded, in order. */
  onRefused(pieces: readonly Piece[]): void
  /** The relay does not answer, or does again. */
  onWaiting(waiting: boolean): void
  /** This browser cannot show this video. */
  onUnplayable(): void
}

/** A clip in a player. */
export interface ClipPlayback extends Disposable {
  /** The same clip with what was recorded since. */
  grow(clip: ClipPieces): void
}

/** So much is opened before it is seen. */
const AHEAD_S = 20
/** Times that differ by less come from rounding. */
const SAME_TIME_S = 0.2
/** A player stops on its last picture, which begins this much before the end at the slowest rate of any camera. */
const EDGE_S = 0.25
/** Kept behind the picture where a browser's memory is short. */
const BEHIND_S = 2

type MediaSourceMaker = typeof MediaSource

/** The browser's own, or the iPhone's frugal kind of it. */
function mediaSourceFor(mime: string): MediaSourceMaker | null {
  const { ManagedMediaSource } = globalThis as { ManagedMediaSource?: MediaSourceMaker }
  const found = ManagedMediaSource ?? (globalThis as { MediaSource?: MediaSourceMaker }).MediaSource
  return found?.isTypeSupported(mime) ? found : null
}

const once = (target: EventTarget, type: string, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    target.addEventListener(type, () => resolve(), { once: true, signal })
    signal.addEventListener('abort', () => resolve(), { once: true })
  })

const own = (bytes: Uint8Array) => bytes as Uint8Array<ArrayBuffer>

/** Reads pieces, and remembers which were refused. */
function createReader(clip: () => ClipPieces, events: PlayerEvents) {
  const refused = new Set<number>()
  return {
    isRefused: (piece: Piece) => refused.has(piece.descriptor.index),
    async read(piece: Piece): Promise<Uint8Array | null> {
      try {
        return await clip().read(piece.descriptor, () => events.onWaiting(true))
      } catch {
        refused.add(piece.descriptor.index)
        events.onRefused(clip().pieces.filter(({ descriptor }) => refused.has(descriptor.index)))
        return null
      } finally {
        events.onWaiting(false)
      }
    },
  }
}

type Reader = ReturnType<typeof createReader>

/** Where a browser takes no pieces: the whole, once it is opened. */
async function playWhole(video: HTMLVideoElement, parts: PlayParts): Promise<void> {
  const { clip, init, track, reader, signal } = parts
  const chunks = [init]
  for (const piece of clip().pieces) {
    const bytes = await reader.read(piece)
    if (bytes !== null) chunks.push(bytes)
  }
  if (signal.aborted) return
  const url = URL.createObjectURL(new Blob(chunks.map(own), { type: track.mime }))
  signal.addEventListener('abort', () => URL.revokeObjectURL(url))
  video.src = url
}

interface PlayParts {
  readonly clip: () => ClipPieces
  readonly init: Uint8Array
  readonly track: VideoTrack
  readonly reader: Reader
  readonly signal: AbortSignal
  /** Resolves when the picture moved on, a person sought another place, or the clip grew. */
  readonly stirred: () => Promise<void>
}

function rangesOf(buffered: TimeRanges): { startS: number; endS: number }[] {
  return Array.from({ length: buffered.length }, (_, i) => ({ startS: buffered.start(i), endS: buffered.end(i) }))
}

/** Jumps over a hole that will not be filled: a piece that was refused, a stretch that the camera missed. */
function leaveHole(video: HTMLVideoElement, pieces: readonly Piece[], isSettled: (piece: Piece) => boolean): void {
  const at = video.currentTime
  const ranges = rangesOf(video.buffered)
  if (video.seeking && video.readyState > 1) return
  if (ranges.some(({ startS, endS }) => startS - EDGE_S <= at && at < endS - EDGE_S)) return
  const next = ranges.find(({ startS }) => startS > at)
  if (next === undefined) return
  const between = pieces.filter(({ startS, endS }) => endS > at + EDGE_S && startS < next.startS - EDGE_S)
  if (between.every(isSettled)) video.currentTime = next.startS + 0.001
}

/** Feeds one SourceBuffer. Each piece is put where its descriptor says, whatever its own clock begins with. */
function createFeeder(video: HTMLVideoElement, buffer: SourceBuffer, { track, signal }: PlayParts) {
  async function change(action: () => void): Promise<void> {
    const done = once(buffer, 'updateend', signal)
    action()
    await done
  }

  async function append(bytes: Uint8Array): Promise<void> {
    try {
      await change(() => buffer.appendBuffer(own(bytes)))
    } catch (error) {
      const behindS = video.currentTime - BEHIND_S
      if (!(error instanceof DOMException) || error.name !== 'QuotaExceededError' || behindS <= 0) throw error
      await change(() => buffer.remove(0, behindS))
      await change(() => buffer.appendBuffer(own(bytes)))
    }
  }

  return {
    append,
    async appendAt(bytes: Uint8Array, startS: number): Promise<void> {
      const offsetS = startS - parseFirstDecodeTicks(bytes) / track.timescale
      // Pieces that follow each other keep the offset of the first: no rounded millisecond comes between them.
      if (Math.abs(offsetS - buffer.timestampOffset) > SAME_TIME_S) buffer.timestampOffset = offsetS
      await append(bytes)
    },
    holds: ({ startS, endS }: Piece) => {
      const middle = (startS + endS) / 2
      return rangesOf(buffer.buffered).some((range) => range.startS <= middle && middle < range.endS)
    },
  }
}

async function openSource(
  video: HTMLVideoElement,
  Source: MediaSourceMaker,
  signal: AbortSignal,
): Promise<MediaSource> {
  const source = new Source()
  const url = URL.createObjectURL(source)
  const opened = once(source, 'sourceopen', signal)
  // The frugal kind asks for it.
  video.disableRemotePlayback = true
  video.src = url
  await opened
  URL.revokeObjectURL(url)
  return source
}

async function playPieces(video: HTMLVideoElement, Source: MediaSourceMaker, parts: PlayParts): Promise<void> {
  const { clip, reader, signal } = parts
  const source = await openSource(video, Source, signal)
  if (signal.aborted) return
  const feeder = createFeeder(video, source.addSourceBuffer(parts.track.mime), parts)
  await feeder.append(parts.init)
  const isSettled = (piece: Piece) => reader.isRefused(piece) || feeder.holds(piece)
  const wanted = () => clip().pieces.filter((piece) => piece.endS > video.currentTime && !isSettled(piece))
  while (!signal.aborted) {
    const lengthS = clip().pieces.at(-1)!.endS
    if (source.readyState === 'open' && !(source.duration >= lengthS && Number.isFinite(source.duration)))
      source.duration = lengthS
    leaveHole(video, clip().pieces, isSettled)
    const [next, after] = wanted()
    if (next === undefined || next.startS > video.currentTime + AHEAD_S) {
      if (next === undefined && !clip().isOpen && source.readyState === 'open') source.endOfStream()
      await parts.stirred()
      continue
    }
    const bytes = await reader.read(next)
    if (after !== undefined) void reader.read(after)
    if (bytes === null) continue
    await feeder.appendAt(bytes, next.startS)
    if (!feeder.holds(next))
      return parts.signal.aborted ? undefined : Promise.reject(new Error('a piece was not taken'))
  }
}

/**
 * Plays into `video`, from its beginning.
 * @param first its clip, judged
 */
export function playClip(video: HTMLVideoElement, first: ClipPieces, events: PlayerEvents): ClipPlayback {
  const end = new AbortController()
  const { signal } = end
  let clip = first
  let stir = () => {}
  const stirred = () => new Promise<void>((resolve) => (stir = resolve))
  for (const type of ['timeupdate', 'seeking', 'waiting']) video.addEventListener(type, () => stir(), { signal })
  signal.addEventListener('abort', () => stir())
  video.addEventListener('error', () => events.onUnplayable(), { signal })
  const reader = createReader(() => clip, events)

  async function play(): Promise<void> {
    if (clip.init === null || clip.pieces.length === 0) return
    // Both at once: the first picture waits for nothing else.
    void reader.read(clip.pieces[0]!)
    const init = await clip.read(clip.init, () => events.onWaiting(true))
    events.onWaiting(false)
    const parts = { clip: () => clip, init, track: parseVideoInit(init), reader, signal, stirred }
    const Source = mediaSourceFor(parts.track.mime)
    await (Source === null ? playWhole(video, parts) : playPieces(video, Source, parts))
  }
  play().catch(() => {
    if (!signal.aborted) events.onUnplayable()
  })
  return {
    grow(grown) {
      clip = grown
      stir()
    },
    [Symbol.dispose]() {
      end.abort()
      video.removeAttribute('src')
      video.load()
    },
  }
}
