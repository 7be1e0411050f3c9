import type { ClipSink } from './flow.ts'
import type { Clock } from './kernel/clock.ts'
import { createWaitMeter } from './kernel/wait-meter.ts'

/** A sink that knows how long the oldest call under way has waited. */
export interface WatchedSink extends ClipSink {
  /** See `WaitMeter.waitingMs`. */
  waitingMs(): number
}

/** The same sink, watched; `onPicture` gets the JPEG of every clip on its way there. */
export function watchSink(sink: ClipSink, clock: Clock, onPicture: (jpeg: Uint8Array) => void): WatchedSink {
  const { of: timed, waitingMs } = createWaitMeter(clock)
  return {
    waitingMs,
    start: (start) => timed(() => sink.start(start)),
    end: (end) => timed(() => sink.end(end)),
    item(clip, item) {
      if (item.kind === 'poster') onPicture(item.bytes)
      return timed(() => sink.item(clip, item))
    },
  }
}
