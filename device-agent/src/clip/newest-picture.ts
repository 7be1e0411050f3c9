import type { CodedFrame, VideoFormat } from '../flow.ts'

/** What the camera shows now, and how its stream is built. */
export interface NewestPicture {
  readonly format: VideoFormat
  readonly keyframe: CodedFrame
  /** Between the newest two keyframes; null until there were two. */
  readonly gopMs: number | null
  readonly framesPerSecond: number | null
}

/** Remembers the newest keyframe of a stream: one picture, in memory. */
export interface NewestPictureKeeper {
  /** A stream begins; nothing of the one before is shown any more. */
  begin(format: VideoFormat): void
  add(frame: CodedFrame): void
  /** The camera is gone: an old picture must not pass for a live one. */
  forget(): void
  readonly current: NewestPicture | null
}

/** Builds a keeper that holds nothing yet. */
export function createNewestPictureKeeper(): NewestPictureKeeper {
  let format: VideoFormat | null = null
  let current: NewestPicture | null = null
  let framesSinceKeyframe = 0

  function measure(keyframe: CodedFrame): Pick<NewestPicture, 'gopMs' | 'framesPerSecond'> {
    const gopMs = current === null ? 0 : keyframe.captureMs - current.keyframe.captureMs
    if (gopMs <= 0) return { gopMs: null, framesPerSecond: null }
    return { gopMs: Math.round(gopMs), framesPerSecond: (framesSinceKeyframe * 1_000) / gopMs }
  }

  return {
    begin(next) {
      format = next
      current = null
    },
    add(frame) {
      if (frame.keyframe && format !== null) {
        current = { format, keyframe: frame, ...measure(frame) }
        framesSinceKeyframe = 0
      }
      framesSinceKeyframe++
    },
    forget() {
      format = null
      current = null
    },
    get current() {
      return current
    },
  }
}
