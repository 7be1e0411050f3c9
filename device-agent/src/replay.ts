import type { FfmpegBinary } from './camera/ffmpeg-binary.ts'
import { loadFileDurationMs } from './camera/ffmpeg-probe.ts'
import type { FileSource } from './camera/source.ts'
import { createCapture } from './capture.ts'
import { type ClipConfig, DEFAULT_CLIP_CONFIG } from './clip/clip-cutter.ts'
import type { ClipSink, FindingReason, MotionFinding } from './flow.ts'
import type { Clock } from './kernel/clock.ts'
import type { MotionConfig } from './motion/motion-detector.ts'

/** A recording to judge as the live agent would. */
export interface ReplayOptions {
  readonly path: string
  readonly ffmpeg: FfmpegBinary
  readonly clock: Clock
  readonly motion: MotionConfig
  readonly clip?: ClipConfig
  /** How far it is, 0…1, at most a few times per second of work. */
  readonly onProgress?: (share: number) => void
  readonly onFinding?: (finding: MotionFinding, atS: number) => void
}

/** One event as it would have been told and recorded; seconds from the first picture. */
export interface ReplayedEvent {
  readonly fromS: number
  /** Last motion. */
  readonly toS: number
  /** What its clips would hold, pre-roll and post-roll included. */
  readonly clips: readonly { readonly fromS: number; readonly toS: number }[]
  readonly maxChangedShare: number
  readonly zones: readonly string[]
}

/** What a recording would have led to. */
export interface Replay {
  readonly seconds: number
  readonly pictures: number
  readonly threshold: number
  readonly events: readonly ReplayedEvent[]
  /** How many pictures had which reason. */
  readonly reasons: Readonly<Partial<Record<FindingReason, number>>>
}

interface Clip {
  readonly event: string
  readonly startMs: number
  endMs: number
}

/** Takes clips and keeps nothing of them but their times. */
function createTimesSink(clips: Map<string, Clip>): ClipSink {
  return {
    async start({ clip, event, startMs }) {
      clips.set(clip, { event, startMs, endMs: startMs })
    },
    async item() {},
    async end({ clip, endMs }) {
      clips.get(clip)!.endMs = endMs
    },
  }
}

/**
 * Plays a recording through the camera, detector and clip cutter of the live agent, every picture decoded, as fast as it
 * goes. Nothing is kept, sealed or sent.
 * @throws SOURCE_UNSUPPORTED when the file is not there or cannot be used, ENCODING_INVALID when it is broken
 */
export async function replayFile(options: ReplayOptions): Promise<Replay> {
  const { path, ffmpeg, clock } = options
  const source: FileSource = { kind: 'file', path, loop: false, rate: Infinity }
  const durationMs = await loadFileDurationMs(source, ffmpeg, clock)
  const clips = new Map<string, Clip>()
  const events: { event: string; atMs: number }[] = []
  const findings: MotionFinding[] = []
  const faults: unknown[] = []
  const zeroMs = () => findings[0]?.captureMs ?? 0
  await using capture = createCapture({
    source,
    name: 'replay',
    ffmpeg,
    clock,
    random: () => 0,
    sink: createTimesSink(clips),
    motion: options.motion,
    mode: 'full',
    clip: options.clip ?? DEFAULT_CLIP_CONFIG,
    onState: () => {},
    onEvent: ({ event, atMs }) => void events.push({ event, atMs }),
    onFinding(finding) {
      findings.push(finding)
      const atMs = finding.captureMs - zeroMs()
      options.onFinding?.(finding, atMs / 1000)
      options.onProgress?.(Math.min(1, atMs / durationMs))
    },
    onFault: (error) => void faults.push(error),
  })
  await capture.done
  if (faults.length > 0) throw faults[0]
  const seconds = (ms: number) => Math.round(ms - zeroMs()) / 1000
  const reasons: Partial<Record<FindingReason, number>> = {}
  for (const { reason } of findings) reasons[reason] = (reasons[reason] ?? 0) + 1
  return {
    seconds: Math.round(durationMs) / 1000,
    pictures: findings.length,
    threshold: options.motion.minAreaShare,
    events: events.map(({ event, atMs }, i) => {
      const untilMs = events[i + 1]?.atMs ?? Infinity
      const moving = findings.filter((f) => f.moving && f.captureMs >= atMs && f.captureMs < untilMs)
      return {
        fromS: seconds(atMs),
        toS: seconds(moving.at(-1)?.captureMs ?? atMs),
        clips: [...clips.values()]
          .filter((clip) => clip.event === event)
          .map(({ startMs, endMs }) => ({ fromS: seconds(startMs), toS: seconds(endMs) })),
        maxChangedShare: Math.round(1000 * Math.max(0, ...moving.map(({ changedShare }) => changedShare))) / 1000,
        zones: [...new Set(moving.flatMap(({ zones }) => zones))],
      }
    }),
    reasons,
  }
}
