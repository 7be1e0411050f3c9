import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Resident memory over a run, robust against the noise of one collection. */
export interface MemoryWatch {
  sample(): void
  /** Median of the last third of the samples less the median of the second third, bytes. */
  growthBytes(): number
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/** Watches this process: relay and test together. */
export function createMemoryWatch(): MemoryWatch {
  const samples: number[] = []
  return {
    sample: () => void samples.push(process.memoryUsage.rss()),
    growthBytes: () => {
      const third = Math.floor(samples.length / 3)
      // The first third fills caches and compiles; it says nothing.
      return median(samples.slice(2 * third)) - median(samples.slice(third, 2 * third))
    },
  }
}

/** Bytes of the heap that something still holds: what is left after a full collection. */
export function heldHeapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}

/** Slope of the straight line that fits points (x, y) best, least squares; 0 for fewer than two. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))]
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return spread === 0 ? 0 : points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread
}
