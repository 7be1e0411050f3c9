import type { Clock } from './clock.ts'

/** Flash is written in blocks: a file of one byte costs one. */
const BLOCK_BYTES = 4096
const HOUR_MS = 60 * 60_000
const HOURS = 24

/** What the flash had to take. */
export interface WriteMeter {
  add(sizeBytes: number): void
  /** Bytes of the last 24 hours, or since the start when that is later: whole blocks, without the file system's own. */
  dayBytes(): number
}

/** Builds a meter that has seen nothing. */
export function createWriteMeter(clock: Pick<Clock, 'monotonicMs'>): WriteMeter {
  const hours = new Map<number, number>()
  const hourNow = (): number => Math.floor(clock.monotonicMs() / HOUR_MS)
  return {
    add(sizeBytes) {
      const hour = hourNow()
      for (const old of hours.keys()) if (old <= hour - HOURS) hours.delete(old)
      hours.set(hour, (hours.get(hour) ?? 0) + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES)
    },
    dayBytes() {
      const first = hourNow() - HOURS
      return [...hours].reduce((sum, [hour, sizeBytes]) => (hour > first ? sum + sizeBytes : sum), 0)
    },
  }
}
