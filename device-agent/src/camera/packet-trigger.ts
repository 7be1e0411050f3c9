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

const QP_COUNT = 52
const POSITIONS = 128
/** Halving the quantiser step, six steps of QP, costs about twice the bits. */
const QP_PER_DOUBLING = 6
/** Pictures that each median is taken of. */
const LATEST_OF_ALL = 120
const LATEST_OF_QP = 60
const LATEST_OF_POSITION = 15
/** Pictures whose residuals are known; about a minute. */
const HISTORY = 900
const ENOUGH_HISTORY = 120
const ENOUGH_FOR_QP = 30
const ENOUGH_FOR_POSITION = 4
/** The first pictures only teach the medians. */
const WARM_UP = 90
const THRESHOLD_EVERY = 15
/** A rise below a seventh of the size is nobody. */
const LEAST_RISE = 0.2
const QUANTILE = 0.99
const MEAN_OF = 4
const MINIMUM_OF = 5
/** Deviations above the median; each false alarm makes it more, each quiet minute a little less. */
const DEVIATIONS = 5
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
    const median = at(0.5)
    // Of the upper half: what is small says nothing of what is large, and a visitor who was learnt from must not widen it.
    const deviation = at(0.84) - median
    this.#limit = Math.max(median + LEAST_RISE, median + DEVIATIONS * caution * deviation, at(QUANTILE))
  }

  isExceededBy(value: number): boolean {
    return value > this.#limit
  }
}

/**
 * Builds a trigger for one stream. The size of a P picture alone says little: rate control holds it where it is by a
 * coarser quantiser, and it depends on the place in the group. So what is judged is log2(size), less what is usual for
 * that quantiser and that place, in the mean of four pictures and in the least of five. It can be blind or too eager,
 * depending on the encoder; the keyframes are what is relied on.
 */
export function createPacketTrigger(): PacketTrigger {
  const forQp = Array.from({ length: QP_COUNT }, () => new RecentMedian(LATEST_OF_QP))
  const forPosition = Array.from({ length: POSITIONS }, () => new RecentMedian(LATEST_OF_POSITION))
  const all = new RecentMedian(LATEST_OF_ALL)
  const means = new UsualRange()
  const minima = new UsualRange()
  const latest: number[] = []
  let count = 0
  let caution = 1

  function residual(scaled: number, { qp, position }: { qp: number; position: number }, quiet: boolean): number {
    const ofQp = forQp[Math.max(0, Math.min(QP_COUNT - 1, Math.round(qp)))]!
    const ofPosition = forPosition[Math.min(POSITIONS - 1, position)]!
    const before = ofQp.knows(ENOUGH_FOR_QP) ? ofQp.value : all.value
    const there = ofPosition.knows(ENOUGH_FOR_POSITION) ? ofPosition.value : 0
    if (quiet) {
      all.learn(scaled)
      ofQp.learn(scaled)
      ofPosition.learn(scaled - before)
    }
    return scaled - before - there
  }

  function settle(): void {
    caution = Math.max(1, caution * FORGIVE_FACTOR)
    means.settle(caution)
    minima.settle(caution)
  }

  return {
    add(picture, quiet) {
      const scaled = Math.log2(Math.max(1, picture.sizeBytes)) + picture.qp / QP_PER_DOUBLING
      latest.push(residual(scaled, picture, quiet))
      if (latest.length < MINIMUM_OF) return false
      if (latest.length > MINIMUM_OF) latest.shift()
      const mean = latest.slice(-MEAN_OF).reduce((sum, value) => sum + value, 0) / MEAN_OF
      const minimum = Math.min(...latest)
      const fires = means.isExceededBy(mean) || minima.isExceededBy(minimum)
      if (quiet && count++ > WARM_UP) {
        means.learn(mean)
        minima.learn(minimum)
        if (count % THRESHOLD_EVERY === 0) settle()
      }
      return fires
    },
    blame() {
      caution = Math.min(MAX_CAUTION, caution * BLAME_FACTOR)
      settle()
    },
  }
}
