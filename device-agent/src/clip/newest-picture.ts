import type { CodedFrame, VideoFormat } from '../flow.ts'

/** What the camera shows now. */
export interface NewestPicture {
  readonly format: VideoFormat
  readonly keyframe: CodedFrame
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
  return {
    begin(next) {
      format = next
      current = null
    },
    add(frame) {
      if (frame.keyframe && format !== null) current = { format, keyframe: frame }
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
