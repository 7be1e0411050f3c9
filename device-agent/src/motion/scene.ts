import type { LumaFrame } from '../flow.ts'
import { Background } from './background.ts'
import { type BlockGrid, createBlockGrid, gainBetween, measureMeans } from './block-grid.ts'
import { BlockFlicker } from './block-flicker.ts'
import { BlockNoise, type NoiseLimits } from './block-noise.ts'
import { createZoneMask, type MotionZones, type ZoneMask } from './zone-mask.ts'

/** A change that has not stirred for this long is part of the scene: a parcel, a parked car, a lamp. */
const ABSORB_AFTER_MS = 10_000

/** Noise makes few blocks stir by more than this many times the median of all. */
const FAINT_RATIO = 6

/** From which difference on something counts, per measure. */
export interface SceneLimits {
  /** Of a block's mean, in luma levels. */
  readonly mean: NoiseLimits
  /** Levels by which a block's mean stirs at least where somebody stands still. */
  readonly faintFloor: number
  /** Of a block's edges, in squared levels per pixel. */
  readonly pattern: NoiseLimits
}

/** What a block that changed turned out to be. */
export const NOTHING = 0
export const FLAT = 1
export const PATTERNED = 2

/** Everything remembered of one stream. */
export class Scene {
  readonly grid: BlockGrid
  readonly zones: ZoneMask
  /** Per block: {@link NOTHING}, or what is there that was not before, {@link FLAT} or {@link PATTERNED}. */
  readonly changed: Uint8Array
  /** Per block, 1 where only the light is another. */
  readonly lit: Uint8Array
  /** Per block, 1 where something moved since the picture before. */
  readonly stirring: Uint8Array
  /** Per block, 1 where something moved, if only a little. */
  readonly faint: Uint8Array
  /** By how much the light over all of it changed since the picture before, as a factor. */
  gain = 1
  /** Capture times of the first and the latest picture, and their number. */
  readonly firstMs: number
  lastMs: number
  frames = 0
  readonly #means: Float32Array
  readonly #stirs: Float32Array
  readonly #previous: Float32Array
  readonly #background: Background
  readonly #usualMean: BlockNoise
  readonly #usualStir: BlockNoise
  readonly #usualPattern: BlockNoise
  readonly #stirredMs: Float64Array
  readonly #flicker: BlockFlicker
  #luma: Uint8Array

  constructor(frame: LumaFrame, zones: MotionZones) {
    const grid = createBlockGrid(frame.width, frame.height)
    this.grid = grid
    this.zones = createZoneMask(grid, zones)
    this.changed = new Uint8Array(grid.count)
    this.lit = new Uint8Array(grid.count)
    this.stirring = new Uint8Array(grid.count)
    this.faint = new Uint8Array(grid.count)
    this.#means = new Float32Array(grid.count)
    this.#stirs = new Float32Array(grid.count)
    measureMeans(grid, frame.luma, this.#means)
    this.#previous = this.#means.slice()
    this.#background = new Background(grid, { ...frame, means: this.#means })
    this.#usualMean = new BlockNoise(grid.count)
    this.#usualStir = new BlockNoise(grid.count)
    this.#usualPattern = new BlockNoise(grid.count)
    this.#stirredMs = new Float64Array(grid.count).fill(-Infinity)
    this.#flicker = new BlockFlicker(grid.count)
    this.#luma = frame.luma
    this.firstMs = frame.captureMs
    this.lastMs = frame.captureMs
  }

  /** Marks what differs from the place as it is known, and what differs from the picture before. */
  mark(luma: Uint8Array, limits: SceneLimits, nowMs: number): void {
    this.#luma = luma
    measureMeans(this.grid, luma, this.#means)
    this.gain = gainBetween(this.#means, this.#previous, this.changed)
    this.#background.relight(gainBetween(this.#means, this.#background.means, this.changed))
    for (let block = 0; block < this.changed.length; block++) {
      const stir = (this.#stirs[block] = this.#stirOf(block))
      this.stirring[block] = this.#usualStir.exceeds(block, stir, limits.mean) ? 1 : 0
      // What comes into a block stirs it: what creeps in is the exposure, and what rests has become part of the scene.
      if (this.stirring[block] !== 0) this.#stirredMs[block] = nowMs
      const rests = nowMs - this.#stirredMs[block]! > ABSORB_AFTER_MS
      const counts = this.zones.counts[block] !== 0 && !rests
      this.lit[block] = 0
      this.changed[block] = NOTHING
      if (counts && this.#usualMean.exceeds(block, this.#differenceOf(block), limits.mean))
        this.#classify(block, limits)
    }
    this.#markFaint(limits.faintFloor)
  }

  /**
   * By what the rest of the picture stirs in the same moment: what a block was used to says nothing about who stands
   * before it.
   */
  #markFaint(floor: number): void {
    this.faint.fill(0)
    if (this.changed.every((mark) => mark === NOTHING)) return
    const rest = this.#stirs.filter((_, block) => this.changed[block] === NOTHING).sort()
    const least = Math.max(floor, FAINT_RATIO * (rest[rest.length >> 1] ?? Infinity))
    for (let block = 0; block < this.faint.length; block++) this.faint[block] = this.#stirs[block]! > least ? 1 : 0
  }

  #stirOf(block: number): number {
    return Math.abs(this.#means[block]! - this.#previous[block]! * this.gain)
  }

  #differenceOf(block: number): number {
    return Math.abs(this.#means[block]! - this.#background.means[block]!)
  }

  #classify(block: number, { pattern }: SceneLimits): void {
    const { fresh, hidden } = this.#background.compare(block, this.#luma, this.#means[block]!)
    const isFresh = this.#usualPattern.exceeds(block, fresh, pattern)
    if (isFresh || hidden > pattern.floor) this.changed[block] = PATTERNED
    else this.changed[block] = FLAT
  }

  /** Takes the picture for the place, and what was usual by the old light for unknown. */
  adopt(nowMs: number): void {
    this.#background.adopt(this.#luma, nowMs)
    for (const usual of [this.#usualMean, this.#usualStir, this.#usualPattern]) usual.clear()
  }

  /** What is in these blocks is somebody who is still there: it does not become part of the scene. */
  keep(blocks: readonly number[], nowMs: number): void {
    for (const block of blocks) this.#stirredMs[block] = nowMs
  }

  /**
   * Remembers the picture: where `visitors` is not 0 the place behind is kept, elsewhere its differences are usual. Takes
   * out of `visitors` what only flickers.
   */
  learn(nowMs: number, visitors: Uint8Array): void {
    this.#flicker.note(this.stirring, nowMs - this.lastMs)
    for (let block = 0; block < visitors.length; block++) {
      if (this.#flicker.isRestless(block)) visitors[block] = 0
      if (visitors[block] !== 0 || this.lit[block] !== 0) continue
      this.#usualMean.learn(block, this.#differenceOf(block))
      this.#usualStir.learn(block, this.#stirOf(block))
      if (this.#background.isInTurn(block) || this.frames < 4)
        this.#usualPattern.learn(block, this.#background.compare(block, this.#luma, this.#means[block]!).fresh)
    }
    this.#background.follow(this.#luma, nowMs, { visitors, lit: this.lit })
    this.#previous.set(this.#means)
    this.lastMs = nowMs
  }
}
