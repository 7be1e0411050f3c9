import type { ClipSink } from '../flow.ts'
import type { ClipOutlet } from './clip-writer.ts'

/** Where finished items wait for the sink. */
export interface SinkQueueOptions {
  readonly sink: ClipSink
  /** A call to the sink failed. The rest of that clip is still offered; the sink knows what it refused. */
  readonly onFault: (error: unknown) => void
}

/** Calls to the sink, one after the other, without holding up who queues them. */
export interface SinkQueue extends ClipOutlet {
  /** Bytes of items that wait. */
  readonly waitingBytes: number
  /** Resolves when everything queued so far was handed over. */
  drained(): Promise<void>
}

/** Builds an empty queue. */
export function createSinkQueue({ sink, onFault }: SinkQueueOptions): SinkQueue {
  let waitingBytes = 0
  let tail: Promise<void> = Promise.resolve()
  return {
    get waitingBytes() {
      return waitingBytes
    },
    queue(sizeBytes, call) {
      waitingBytes += sizeBytes
      tail = tail
        .then(() => call(sink))
        .catch(onFault)
        .finally(() => (waitingBytes -= sizeBytes))
    },
    drained: () => tail,
  }
}
