import { concatBytes, digestOfMasks, encodeBase64url, randomBytes } from '@latchkey/shared'
import type { ClipSink, DoorEvent, Gap, ItemKind, Masks, MotionFinding, PosterMaker } from '../flow.ts'
import { createFindingLog, encodeClipMeta } from './clip-meta.ts'
import { encodeFragment } from '../kernel/fmp4-fragment.ts'
import type { RecordedGop } from './gop-ring.ts'

/** What every clip of a camera needs. */
export interface ClipWriterOptions {
  readonly camera: string
  /** Painted over every picture that comes here. */
  readonly masks: Masks
  readonly makePoster: PosterMaker
  readonly outlet: ClipOutlet
}

/** Runs the calls to the sink one after the other, apart from the recording. */
export interface ClipOutlet {
  /** Queues `call`; `sizeBytes`: what it holds in memory until then. */
  queue(sizeBytes: number, call: (sink: ClipSink) => Promise<void>): void
}

/** One clip being written: groups go in, items come out. */
export interface ClipWriter {
  readonly clip: string
  readonly startMs: number
  readonly endMs: number
  /** Adds a group; each one after the other of the same stream. */
  append(gop: RecordedGop): void
  /** Notes a stretch that is missing. */
  miss(gap: Gap): void
  note(finding: MotionFinding): void
  /** Hands over what is left and ends the clip. */
  close(): void
}

/** Shortest media item but the last. @see protocol §3 */
const MIN_MEDIA_MS = 2000
/** At the trigger the visitor's edge is in the picture; a little later, the visitor. */
const POSTER_DELAY_MS = 500
/** As many as a manifest may list. */
const MAX_GAPS = 64

/** Starts a clip of `event` with its first group. */
export function createClipWriter(options: ClipWriterOptions, event: DoorEvent, first: RecordedGop): ClipWriter {
  const { camera, masks, makePoster, outlet } = options
  const clip = encodeBase64url(randomBytes(16))
  const startMs = first.startMs
  const originTicks = first.frames[0]!.dtsTicks
  const originSeconds = originTicks / first.format.timescale
  const findings = createFindingLog()
  const gaps: Gap[] = []
  let nextIndex = 0
  let sequence = 0
  let pending: RecordedGop[] = []
  let last = first
  let posterMade = false
  let soundSequence = 0

  function emit(kind: ItemKind, at: { startMs: number; durationMs: number }, bytes: Uint8Array): void {
    // Numbered when handed over: a poster that failed leaves no hole.
    outlet.queue(bytes.length, (sink) => sink.item(clip, { index: nextIndex++, kind, ...at, bytes }))
  }

  function flush(): void {
    if (pending.length === 0) return
    const parts = pending.map(({ frames }) => encodeFragment({ frames, sequence: ++sequence, originTicks }))
    const begin = pending[0]!.startMs
    const at = { startMs: begin, durationMs: pending.at(-1)!.endMs - begin }
    emit('media', at, concatBytes(...parts))
    flushSound(at)
    pending = []
  }

  /** In a file of its own, from the same zero, with the same boundaries: whoever releases pictures need not release it. */
  function flushSound(at: { startMs: number; durationMs: number }): void {
    const format = pending.find(({ sound }) => sound !== undefined)?.sound?.format
    if (format === undefined) return
    const soundOriginTicks = Math.round(originSeconds * format.timescale)
    const frames = pending
      .flatMap(({ sound }) => sound?.frames ?? [])
      .filter(({ dtsTicks }) => dtsTicks >= soundOriginTicks)
      .map((frame) => ({ ...frame, ptsTicks: frame.dtsTicks, keyframe: true }))
    if (frames.length === 0) return
    if (soundSequence === 0) emit('audioInit', { startMs, durationMs: 0 }, format.init)
    emit('audio', at, encodeFragment({ frames, sequence: ++soundSequence, originTicks: soundOriginTicks }))
  }

  function addGap(gap: Gap): void {
    const before = gaps.at(-1)
    if (before?.reason === gap.reason && (before.endMs >= gap.startMs || gaps.length >= MAX_GAPS))
      gaps[gaps.length - 1] = { ...before, endMs: gap.endMs }
    else if (gaps.length < MAX_GAPS) gaps.push(gap)
  }

  function makePosterOf(gop: RecordedGop): void {
    posterMade = true
    const keyframe = gop.frames[0]!
    const picture = makePoster(gop.format, keyframe)
    const at = { startMs: keyframe.captureMs, durationMs: 0 }
    outlet.queue(0, async (sink) => {
      const bytes = await picture
      if (bytes !== undefined) await sink.item(clip, { index: nextIndex++, kind: 'poster', ...at, bytes })
    })
  }

  outlet.queue(0, (sink) =>
    sink.start({
      clip,
      event: event.event,
      trigger: event.trigger,
      triggerMs: event.atMs,
      startMs,
      monotonicStartMs: first.monotonicStartMs,
      ...(Object.keys(masks).length === 0 ? {} : { masks: digestOfMasks(masks) }),
    }),
  )
  emit('init', { startMs, durationMs: 0 }, first.format.init)

  return {
    clip,
    startMs,
    get endMs() {
      return last.endMs
    },
    append(gop) {
      pending.push(gop)
      last = gop
      for (const loss of gop.losses) addGap({ ...loss, reason: 'frames-dropped' })
      if (!posterMade && gop.startMs >= event.atMs + POSTER_DELAY_MS) makePosterOf(gop)
      if (gop.endMs - pending[0]!.startMs >= MIN_MEDIA_MS) flush()
    },
    miss(gap) {
      flush()
      addGap(gap)
    },
    note: (finding) => findings.add(finding),
    close() {
      flush()
      if (!posterMade) makePosterOf(last)
      const meta = { camera, masks, trigger: event.trigger, triggerMs: event.atMs, format: first.format }
      emit('meta', { startMs, durationMs: 0 }, encodeClipMeta({ ...meta, findings: findings.summary }))
      const endMs = Math.max(last.endMs, ...gaps.map((gap) => gap.endMs))
      outlet.queue(0, (sink) => sink.end({ clip, endMs, gaps }))
    },
  }
}
