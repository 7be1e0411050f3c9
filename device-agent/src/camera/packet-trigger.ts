/** Notices from the sizes of coded pictures that something stirs, without decoding them. */
export interface PacketTrigger {
  /**
   * A picture that is not a keyframe. `position`: how many pictures after its keyframe. `quiet`: nothing stirs as far as
   * is known, so that it is learnt from. Returns whether it and those before it are larger than quiet ones ever are.
   */
  add(picture: { readonly sizeBytes: number; readonly qp: number; readonly position: number }, quiet: boolean): boolean
  /** The latest alarm was for nothing: be more careful from now on. */
  blame(): void
}

const POSITIONS = 128
/** Halving the quantiser step, six steps of QP, costs about twice the bits. */
const QP_PER_DOUBLING = 6
/** Pictures that each median is taken of. */
const LATEST_OF_ALL = 120
const LATEST_OF_POSITION = 15
/** Pictures whose rises are known; about a minute. */
const HISTORY = 900
const ENOUGH_HISTORY = 120
const ENOUGH_FOR_POSITION = 4
/** The first pictures only teach the medians. */
const WARM_UP = 90
const THRESHOLD_EVERY = 15
/** Pictures that are judged together: half a second of most cameras. */
const WINDOW = 8
/** A rise below a seventh of the size is nobody. */
const LEAST_RISE = 0.2
const QUANTILE = 0.99
/** Beyond that quantile, the least that is unusual: levels of log2, and share of what the quantile is above the median. */
const MARGIN = 0.2
const MARGIN_SHARE = 0.1
/** Each false alarm makes the margin larger, each quiet minute a little less so. */
const MAX_CAUTION = 4
const BLAME_FACTOR = 1.3
const FORGIVE_FACTOR = 0.98

/** The median of the latest values, worked out anew after every few. */
class RecentMedian {
  value = 0
  readonly #values: Float64Array
  readonly #every: number
  #count = 0

  constructor(size: number) {
    this.#values = new Float64Array(size)
    this.#every = Math.max(1, size >> 3)
  }

  /** Whether it was learnt from so often. */
  knows(count: number): boolean {
    return this.#count >= count
  }

  learn(value: number): void {
    this.#values[this.#count++ % this.#values.length] = value
    if (this.#count > this.#every && this.#count % this.#every !== 0) return
    const sorted = this.#values.slice(0, Math.min(this.#count, this.#values.length)).sort()
    this.value = sorted[sorted.length >> 1]!
  }
}

/** The usual values of one statistic, and the limit above which it is unusual. */
class UsualRange {
  readonly #values = new Float64Array(HISTORY)
  #count = 0
  #limit = Infinity

  learn(value: number): void {
    this.#values[this.#count++ % HISTORY] = value
  }

  /** Works out the limit anew. */
  settle(caution: number): void {
    if (this.#count < ENOUGH_HISTORY) return
    const sorted = this.#values.slice(0, Math.min(this.#count, HISTORY)).sort()
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!
    const [median, high] = [at(0.5), at(QUANTILE)]
    // Quantiles, not deviations: noise at the edge of what is coded at all makes sizes differ tenfold, with an upper end.
    this.#limit = Math.max(median + LEAST_RISE, high + caution * (MARGIN + MARGIN_SHARE * (high - median)))
  }

  isExceededBy(value: number): boolean {
    return value > this.#limit
  }
}

/**
 * Builds a trigger for one stream. The size of a P picture alone says little: rate control holds it where it is by a
 * coarser quantiser, and it depends on the place in the group. So what is judged is the size at an equal quantiser, against
 * what is usual for that place, over some pictures together but the largest of them: one may be an accident, and a camera
 * that repeats pictures makes every third small. It can be blind, where noise alone fills a constant rate, or too eager,
 * depending on the encoder; the keyframes are what is relied on.
 */
export function createPacketTrigger(): PacketTrigger {
  const forPosition = Array.from({ length: POSITIONS }, () => new RecentMedian(LATEST_OF_POSITION))
  const all = new RecentMedian(LATEST_OF_ALL)
  const rises = new UsualRange()
  const latest: { readonly size: number; readonly usual: number }[] = []
  let count = 0
  let caution = 1

  /** What such a picture usually takes, log2. */
  function usualOf(scaled: number, position: number, quiet: boolean): number {
    const ofPosition = forPosition[Math.min(POSITIONS - 1, position)]!
    const before = all.value
    const there = ofPosition.knows(ENOUGH_FOR_POSITION) ? ofPosition.value : 0
    if (quiet) {
      all.learn(scaled)
      ofPosition.learn(scaled - before)
    }
    return before + there
  }

  /** How much larger the latest pictures are than usual, log2. */
  function rise(): number {
    const largest = latest.reduce((most, one) => (one.size > most.size ? one : most))
    const others = latest.filter((one) => one !== largest)
    const sum = (value: (one: (typeof latest)[number]) => number) => others.reduce((n, one) => n + value(one), 0)
    return Math.log2(sum(({ size }) => size) / sum(({ usual }) => usual))
  }

  return {
    add({ sizeBytes, qp, position }, quiet) {
      const scaled = Math.log2(Math.max(1, sizeBytes)) + qp / QP_PER_DOUBLING
      latest.push({ size: 2 ** scaled, usual: 2 ** usualOf(scaled, position, quiet) })
      if (latest.length < WINDOW) return false
      if (latest.length > WINDOW) latest.shift()
      const now = rise()
      const fires = rises.isExceededBy(now)
      if (quiet && count++ > WARM_UP) {
        rises.learn(now)
        if (count % THRESHOLD_EVERY === 0) {
          caution = Math.max(1, caution * FORGIVE_FACTOR)
          rises.settle(caution)
        }
      }
      return fires
    },
    blame() {
      caution = Math.min(MAX_CAUTION, caution * BLAME_FACTOR)
      rises.settle(caution)
    },
  }
}
