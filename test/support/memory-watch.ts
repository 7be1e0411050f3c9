import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Memory over a run, robust against the noise of one collection. */
export interface MemoryWatch {
  sample(): void
  /** Median of the last third of the samples less the median of the second third, bytes. */
  growthBytes(): number
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/**
 * Watches this process: relay and test together.
 * @param read what is looked at: resident bytes, unless told
 */
export function createMemoryWatch(read: () => number = () => process.memoryUsage.rss()): MemoryWatch {
  const samples: number[] = []
  return {
    sample: () => void samples.push(read()),
    growthBytes: () => {
      const third = Math.floor(samples.length / 3)
      // The first third fills caches and compiles; it says nothing.
      return median(samples.slice(2 * third)) - median(samples.slice(third, 2 * third))
    },
  }
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // What only waits for its finalizer outlives the first: a body of megabytes that has just been sent, for one.
  collect()
  collect()
}

/** Bytes of the heap that something still holds: what is left after a full collection. */
export function heldHeapBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

/** What a program still holds after a full collection, bytes. */
export interface HeldMemory {
  /** Objects and buffers. */
  readonly data: number
  /** Bytecode and machine code: the compiler goes on making it for a long time, whatever the program holds. */
  readonly code: number
}

/** Collects all garbage of this process, and measures what is left. */
export function heldMemory(): HeldMemory {
  collectGarbage()
  const held = { data: process.memoryUsage().external, code: 0 }
  for (const { space_name: name, space_used_size: bytes } of getHeapSpaceStatistics())
    held[/^(code|trusted)_/.test(name) ? 'code' : 'data'] += bytes
  return held
}

/**
 * Slope of points (x, y), the median of those between all pairs (Theil and Sen): one step, which a least-squares line
 * spreads over all points, leaves it as it is; what grows all the time does not. 0 for fewer than two.
 */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes = points.flatMap(([x, y], i) => points.slice(0, i).map(([x0, y0]) => (y - y0) / (x - x0)))
  return median(slopes)
}
