import { codeOf } from '@latchkey/shared'
import type { EventBody } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import { type DataDisk, DISK_ADVICE, type DiskState } from '../kernel/data-disk.ts'
import type { Log } from '../kernel/log.ts'
import { repeat } from '../kernel/repeat.ts'

/** How the disk does: `full` when clips are given up for want of room. */
export type StorageState = DiskState | 'full'

/** Whom the watch tells, and who mends. */
export interface StorageWatchOptions {
  readonly disk: DataDisk
  readonly clock: Clock
  readonly log: Log
  /** Keeps an event, wherever it can; never rejects. */
  readonly record: (body: EventBody) => Promise<void>
  /** Keeps the events that the disk refused, in their place among the others. */
  readonly mendEvents: () => Promise<void>
  /**
   * Tries again what else the disk refused; may wait for `recorded`. Both are called when the disk is back, and each
   * minute while it is well.
   */
  readonly mend: () => Promise<void>
  readonly onChange: () => void
}

/** Tells what becomes of the disk, and has things mended when it is back. */
export interface StorageWatch extends AsyncDisposable {
  readonly state: StorageState
  /** The spool's word. */
  setFull(full: boolean): void
  /** Keeps an event behind those before it, and behind what waited for the disk. */
  record(body: EventBody): void
  /** Resolves when every event so far is kept. */
  recorded(): Promise<void>
}

/** For what the disk refused and nothing else brings back. */
const MEND_EVERY_MS = 60_000

/** Starts watching. */
export function createStorageWatch(options: StorageWatchOptions): StorageWatch {
  const { disk, clock, log } = options
  let isFull = false
  let isLost = false
  let tail: Promise<void> = Promise.resolve()

  function record(body: EventBody): void {
    tail = tail.then(() => options.record(body))
  }

  function tell(state: 'disk-full' | 'disk-lost' | 'disk-ok'): void {
    record({ type: 'state', state, atMs: clock.nowMs() })
    options.onChange()
  }

  function whenWell(mend: () => Promise<void>): () => Promise<void> {
    return async () => {
      try {
        if (disk.state === 'ok') await mend()
      } catch (error) {
        log.error({ code: codeOf(error) }, 'what the disk refused waits on')
      }
    }
  }

  function mendAll(): Promise<void> {
    tail = tail.then(whenWell(options.mendEvents))
    // Not part of the events' line: a clip that is being finished waits for that line, and mending waits for the clip.
    return tail.then(whenWell(options.mend))
  }

  function onDisk(state: DiskState): void {
    log[state === 'ok' ? 'warn' : 'error']({ storage: state }, DISK_ADVICE[state])
    const lost = state !== 'ok'
    if (!lost) void mendAll()
    if (lost !== isLost) tell(lost ? 'disk-lost' : 'disk-ok')
    isLost = lost
    options.onChange()
  }

  disk.listen(onDisk)
  const mending = repeat(clock, MEND_EVERY_MS, mendAll)
  return {
    get state() {
      return disk.state === 'ok' && isFull ? 'full' : disk.state
    },
    setFull(full) {
      isFull = full
      if (full)
        log.error('the disk is full: the oldest clips are given up; look why nothing is uploaded, or free space')
      else log.warn('the disk has room again')
      tell(full ? 'disk-full' : 'disk-ok')
    },
    record,
    recorded: () => tail,
    [Symbol.asyncDispose]: () => mending[Symbol.asyncDispose](),
  }
}
