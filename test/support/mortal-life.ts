import type { Clock } from '../../device-agent/src/kernel/clock.ts'
import { type Disk, type DiskFile, plainDisk } from '../../device-agent/src/kernel/disk.ts'

/** What one run of a program has of the world, until it is killed: from then on no wait ends and nothing is written. */
export interface MortalLife {
  readonly clock: Clock
  readonly disk: Disk
  /**
   * Kills it in its `calls`-th change to the disk from now on, 1 or more: before that change, or after half of it where
   * it is a write.
   */
  dieAt(calls: number): void
  /** Kills it now. */
  end(): void
  readonly isDead: boolean
  /** Resolves with its death. */
  readonly death: Promise<undefined>
}

/** Begins one. */
export function createMortalLife(clock: Clock): MortalLife {
  const death = Promise.withResolvers<undefined>()
  const over = new AbortController()
  const never = new Promise<never>(() => {})
  const files = new Set<DiskFile>()
  let left = Infinity
  // Read anew where it matters: the compiler takes it for a constant.
  const isDead = (): boolean => over.signal.aborted

  function end(): void {
    over.abort()
    // As the kernel does.
    for (const file of files) void file.close()
    files.clear()
    death.resolve(undefined)
  }

  /** A change that is still under way when it dies is never heard of again. */
  async function change<T>(deed: () => Promise<T>, half: () => Promise<unknown> = () => Promise.resolve()): Promise<T> {
    if (isDead()) return never
    if (--left <= 0) {
      await half()
      end()
    }
    if (isDead()) return never
    const result = await deed()
    return isDead() ? never : result
  }

  function mortalFile(file: DiskFile): DiskFile {
    files.add(file)
    return {
      write: (bytes, position) =>
        change(
          () => file.write(bytes, position),
          () => file.write(bytes.subarray(0, bytes.length / 2), position),
        ),
      truncate: (sizeBytes) => change(() => file.truncate(sizeBytes)),
      sync: () => change(() => file.sync()),
      close: async () => {
        if (files.delete(file)) await file.close()
      },
    }
  }

  return {
    clock: {
      nowMs: clock.nowMs,
      monotonicMs: clock.monotonicMs,
      async sleep(delayMs, signal) {
        if (isDead()) return never
        await clock.sleep(delayMs, signal ? AbortSignal.any([signal, over.signal]) : over.signal)
        return isDead() ? never : undefined
      },
      setTimer: (delayMs, callback) =>
        clock.setTimer(delayMs, () => {
          if (!isDead()) callback()
        }),
    },
    disk: {
      create: async (path, mode) => mortalFile(await change(() => plainDisk.create(path, mode))),
      edit: async (path) => mortalFile(await change(() => plainDisk.edit(path))),
      createDirectory: (path) => change(() => plainDisk.createDirectory(path)),
      rename: (from, to) => change(() => plainDisk.rename(from, to)),
      link: (from, to) => change(() => plainDisk.link(from, to)),
      remove: (path) => change(() => plainDisk.remove(path)),
      syncDirectory: (path) => change(() => plainDisk.syncDirectory(path)),
    },
    dieAt: (calls) => void (left = calls),
    end,
    get isDead() {
      return isDead()
    },
    death: death.promise,
  }
}
