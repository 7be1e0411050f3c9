import type { LumaFrame } from '../flow.ts'
import {
  type BlockGrid,
  type Comparison,
  createBlockGrid,
  forEachBlock,
  gainBetween,
  measureDifferences,
  measureLikeness,
  measureMeans,
} from './block-grid.ts'
import { BlockNoise, type NoiseLimits } from './block-noise.ts'

/** Patterns this alike are the same thing under other light. */
const SAME_PATTERN = 0.85
/** A change that has not stirred for this long is part of the scene: a parcel, a parked car, a lamp. */
const ABSORB_AFTER_MS = 10_000
/** Time constants of the background: where nothing changed, and under a visitor. */
const QUIET_TAU_MS = 3000
const VISITOR_TAU_MS = 120_000

/** A picture to compare with, and how much each block usually differs from it. */
class Reference {
  readonly pixels: Float32Array
  /** Mean of each block of `pixels`; whoever changes those keeps these in step. */
  readonly means: Float32Array
  readonly #grid: BlockGrid
  readonly #usual: BlockNoise
  readonly #differences: Float32Array
  #comparison: Comparison

  constructor(grid: BlockGrid, pixels: Float32Array) {
    this.pixels = pixels
    this.#grid = grid
    this.#usual = new BlockNoise(grid.columns * grid.rows)
    this.means = new Float32Array(grid.columns * grid.rows)
    measureMeans(grid, pixels, this.means)
    this.#differences = new Float32Array(grid.columns * grid.rows)
    this.#comparison = { picture: pixels, expected: pixels, gain: 1 }
  }

  /** Measures `picture`, whose block means are `means`; returns the change of light outside `visitors`. */
  compare(picture: Float32Array, means: Float32Array, visitors: Uint8Array): number {
    const gain = gainBetween(means, this.means, visitors)
    this.#comparison = { picture, expected: this.pixels, gain }
    measureDifferences(this.#grid, this.#comparison, this.#differences)
    return gain
  }

  /** Whether a block of the picture last compared shows something else. */
  differs(block: number, limits: NoiseLimits): boolean {
    if (!this.#usual.exceeds(block, this.#differences[block]!, limits)) return false
    return measureLikeness(this.#grid, this.#comparison, block) < SAME_PATTERN
  }

  /** Takes the differences last measured as usual, except where `except` is not 0. */
  learn(except: Uint8Array): void {
    this.#usual.learn(this.#differences, except)
  }
}

/** Everything remembered of one stream. */
export class Scene {
  readonly grid: BlockGrid
  readonly background: Reference
  readonly previous: Reference
  /** Per block, 1 where something is that was not there before. */
  readonly changed: Uint8Array
  /** Per block, 1 where something moved since the picture before. */
  readonly stirring: Uint8Array
  readonly #picture: Float32Array
  readonly #means: Float32Array
  readonly #stirredMs: Float64Array
  /** Capture time of the latest picture. */
  lastMs: number
  frames = 0
  /** Since when, and in how many pictures without a break, something large has stirred. */
  stirringSinceMs: number | undefined
  stirredFrames = 0
  /** When something was last found moving. */
  movedMs = -Infinity

  constructor({ width, height, luma, captureMs }: LumaFrame) {
    this.grid = createBlockGrid(width, height)
    const count = this.grid.columns * this.grid.rows
    this.background = new Reference(this.grid, Float32Array.from(luma))
    this.previous = new Reference(this.grid, Float32Array.from(luma))
    this.changed = new Uint8Array(count)
    this.stirring = new Uint8Array(count)
    this.#picture = Float32Array.from(luma)
    this.#means = new Float32Array(count)
    this.#stirredMs = new Float64Array(count).fill(-Infinity)
    this.lastMs = captureMs
  }

  /** Marks what differs from the background and what differs from the picture before. */
  mark(luma: Uint8Array, limits: NoiseLimits, nowMs: number): void {
    this.#picture.set(luma)
    measureMeans(this.grid, this.#picture, this.#means)
    this.previous.compare(this.#picture, this.#means, this.changed)
    const gain = this.background.compare(this.#picture, this.#means, this.changed)
    for (let block = 0; block < this.changed.length; block++) {
      this.stirring[block] = this.previous.differs(block, limits) ? 1 : 0
      if (this.stirring[block] !== 0) this.#stirredMs[block] = nowMs
      // What comes into a block stirs it: what creeps in is the exposure, and what rests has become part of the scene.
      const rests = nowMs - this.#stirredMs[block]! > ABSORB_AFTER_MS
      this.changed[block] = !rests && this.background.differs(block, limits) ? 1 : 0
    }
    // All of it, behind visitors too: the place they leave is then known under the light of that moment.
    const { pixels } = this.background
    if (gain !== 1) for (let at = 0; at < pixels.length; at++) pixels[at]! *= gain
  }

  /** When this block last stirred. */
  stirredMs(block: number): number {
    return this.#stirredMs[block]!
  }

  /** Lets the background follow the picture, slowly behind visitors, and remembers the picture. */
  follow(elapsedMs: number, nowMs: number): void {
    const quiet = 1 - Math.exp(-elapsedMs / QUIET_TAU_MS)
    const behindVisitor = 1 - Math.exp(-elapsedMs / VISITOR_TAU_MS)
    const picture = this.#picture
    const { pixels, means } = this.background
    const { width } = this.grid
    forEachBlock(this.grid, (block, top, left, bottom, right) => {
      const weight = this.changed[block] === 0 ? quiet : behindVisitor
      let sum = 0
      for (let y = top; y < bottom; y++)
        for (let at = y * width + left, end = y * width + right; at < end; at++)
          sum += pixels[at] = pixels[at]! + weight * (picture[at]! - pixels[at]!)
      means[block] = sum / ((bottom - top) * (right - left))
    })
    this.previous.pixels.set(picture)
    this.previous.means.set(this.#means)
    this.lastMs = nowMs
  }
}
