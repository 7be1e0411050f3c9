import { LatchkeyError } from '@latchkey/shared'
import { createCamera } from '../../device-agent/src/camera/camera.ts'
import type { FfmpegBinary } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'

/** A group of pictures, from one keyframe to the next. */
interface Group {
  readonly startMs: number
  endMs: number
  bytes: number
}

/** What the doorbell will make of a recording. */
export interface RecordingMeasure {
  /** From the first keyframe to the end. */
  readonly durationMs: number
  /** Why no clips can be cut from it, or `null`. */
  readonly obstacle: string | null
}

/** A clip holds whole groups and is at most a minute long. @see protocol §4 */
const MAX_GROUP_MS = 60_000
/** Segments are whole groups until they are this long. @see protocol §3 */
const MIN_SEGMENT_MS = 2000
/** What the relay takes as one item, less what container and seal add. */
const MAX_SEGMENT_BYTES = 8_000_000
/** Faster than anything can be read: back-pressure sets the pace. */
const RATE = 1000

async function readGroups(path: string, ffmpeg: FfmpegBinary): Promise<Group[]> {
  const source = { kind: 'file', path, loop: false, rate: RATE } as const
  const camera = createCamera({ source, ffmpeg, clock: systemClock, random: () => 0 })
  const groups: Group[] = []
  let timescale = 1
  for await (const event of camera.events(new AbortController().signal)) {
    if (event.kind === 'format') timescale = event.format.timescale
    if (event.kind !== 'frame') continue
    const { captureMs, keyframe, data, durationTicks } = event.frame
    if (keyframe) groups.push({ startMs: captureMs, endMs: captureMs, bytes: 0 })
    const group = groups.at(-1)
    if (group === undefined) continue
    group.bytes += data.length
    group.endMs = Math.max(group.endMs, captureMs + (durationTicks * 1000) / timescale)
  }
  return groups
}

/** The largest segment that a clip could have, wherever it begins. */
function largestSegmentBytes(groups: readonly Group[]): number {
  return Math.max(
    ...groups.map((first, i) => {
      let bytes = 0
      for (let at = i; at < groups.length; at++) {
        bytes += groups[at]!.bytes
        if ((groups[at + 1]?.startMs ?? Infinity) - first.startMs >= MIN_SEGMENT_MS) break
      }
      return bytes
    }),
  )
}

function obstacleIn(groups: readonly Group[]): string | null {
  const longestMs = Math.max(...groups.map(({ startMs, endMs }, i) => (groups[i + 1]?.startMs ?? endMs) - startMs))
  if (longestMs > MAX_GROUP_MS) return `its keyframes are ${Math.round(longestMs / 1000)} s apart`
  if (largestSegmentBytes(groups) > MAX_SEGMENT_BYTES) return 'its keyframes are too far apart for its bit rate'
  return null
}

/**
 * Reads a whole recording as the doorbell will.
 * @throws SOURCE_UNSUPPORTED when it holds no H.264 that a clip could start with; ENCODING_INVALID when it is broken
 */
export async function measureRecording(path: string, ffmpeg: FfmpegBinary): Promise<RecordingMeasure> {
  const groups = await readGroups(path, ffmpeg)
  const [first] = groups
  if (first === undefined) throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the video has no keyframe')
  return { durationMs: groups.at(-1)!.endMs - first.startMs, obstacle: obstacleIn(groups) }
}
