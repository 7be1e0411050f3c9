import { LatchkeyError } from '@latchkey/shared'
import type { LumaFrame, MotionFinding } from '../flow.ts'
import { type Component, boxOf, findComponents } from './block-components.ts'
import {
  type BlockDifference,
  type BlockGrid,
  createBlockDifference,
  createBlockGrid,
  forEachBlock,
  gainBetween,
  measureDifference,
  measureMeans,
} from './block-grid.ts'
import { BlockNoise, type NoiseLimits } from './block-noise.ts'

/** What counts as motion. */
export interface MotionConfig {
  /** 1 (only the obvious) … 10 (the faintest); default 5. */
  readonly sensitivity: number
  /** Smallest share of the picture that is a visitor, 0…1; default 0.005. */
  readonly minAreaShare: number
}

export const DEFAULT_MOTION_CONFIG: MotionConfig = { sensitivity: 5, minAreaShare: 0.005 }

/** Looks at one small luma picture after the other. */
export interface MotionDetector {
  /** What this picture shows against those before it. Any rate; about five per second is meant. @throws INTERNAL on a picture of wrong size */
  look(frame: LumaFrame): MotionFinding
}

/** Pictures that only teach. */
const LEARNING_FRAMES = 8
/** Patterns this alike are the same thing under other light. */
const SAME_PATTERN = 0.85
/** A change over more of the picture than this may be the light: it has to go on for longer than a switch settles. */
const LARGE_SHARE = 0.3
const LARGE_SETTLE_MS = 1000
/** Once moving, a visitor who stands still for less than this is still moving. */
const HOLD_MS = 5000
/** A change that has not stirred for this long is part of the scene: a parcel, a parked car, a lamp. */
const ABSORB_AFTER_MS = 10_000
/** Time constants of the background: where nothing changed, and under a visitor. */
const QUIET_TAU_MS = 3000
const VISITOR_TAU_MS = 120_000
/** Blocks that must stir for a component to stir: one alone is noise. */
const STIRRING_BLOCKS = 2
const MAX_BOXES = 8
/** After a longer pause between pictures the old one says nothing about movement. */
const MAX_INTERVAL_MS = 2000

function limitsOf({ sensitivity }: MotionConfig): NoiseLimits {
  return { floor: 8 - 0.8 * sensitivity, deviations: 8 - 0.6 * sensitivity }
}

function differs(now: BlockDifference, usual: BlockNoise, block: number, limits: NoiseLimits): boolean {
  return now.likeness[block]! < SAME_PATTERN && usual.exceeds(block, now.difference[block]!, limits)
}

/** Everything remembered of one stream. */
class Scene {
  readonly grid: BlockGrid
  readonly background: Float32Array
  readonly previous: Uint8Array
  readonly againstBackground: BlockDifference
  readonly againstPrevious: BlockDifference
  readonly usual: BlockNoise
  readonly usualStir: BlockNoise
  readonly changed: Uint8Array
  readonly stirring: Uint8Array
  /** Per block: when it last stirred. */
  readonly stirredMs: Float64Array
  readonly means: Float32Array
  readonly expectedMeans: Float32Array
  lastMs: number
  frames = 0
  /** Since when, without a break, the picture has stirred. */
  stirringSinceMs: number | undefined
  stirredFrames = 0
  movedMs = -Infinity

  constructor({ width, height, luma, captureMs }: LumaFrame) {
    this.grid = createBlockGrid(width, height)
    const count = this.grid.columns * this.grid.rows
    this.background = Float32Array.from(luma)
    this.previous = luma.slice()
    this.againstBackground = createBlockDifference(this.grid)
    this.againstPrevious = createBlockDifference(this.grid)
    this.usual = new BlockNoise(count)
    this.usualStir = new BlockNoise(count)
    this.changed = new Uint8Array(count)
    this.stirring = new Uint8Array(count)
    this.stirredMs = new Float64Array(count).fill(-Infinity)
    this.means = new Float32Array(count)
    this.expectedMeans = new Float32Array(count)
    this.lastMs = captureMs
  }

  /** Compares with `expected` under today's light; returns the light's factor. */
  #compare(luma: Uint8Array, expected: Uint8Array | Float32Array, into: BlockDifference): number {
    measureMeans(this.grid, expected, this.expectedMeans)
    const gain = gainBetween(this.means, this.expectedMeans, this.changed)
    measureDifference(this.grid, { picture: luma, expected, gain }, into)
    return gain
  }

  /** Marks what differs from the background and what differs from the picture before. */
  mark(luma: Uint8Array, limits: NoiseLimits, nowMs: number): void {
    measureMeans(this.grid, luma, this.means)
    this.#compare(luma, this.previous, this.againstPrevious)
    const gain = this.#compare(luma, this.background, this.againstBackground)
    // All of it, behind visitors too: the place they leave is then known under the light of that moment.
    for (let at = 0; at < this.background.length; at++) this.background[at]! *= gain
    for (let block = 0; block < this.changed.length; block++) {
      this.stirring[block] = differs(this.againstPrevious, this.usualStir, block, limits) ? 1 : 0
      if (this.stirring[block] !== 0) this.stirredMs[block] = nowMs
      // Whatever comes into a block stirs it; what creeps in is the exposure, and what rests has become part of the scene.
      const restingMs = nowMs - this.stirredMs[block]!
      const changed = restingMs <= ABSORB_AFTER_MS && differs(this.againstBackground, this.usual, block, limits)
      this.changed[block] = changed ? 1 : 0
    }
  }

  /** Lets the background follow the picture, as fast as each block's state allows. */
  follow(luma: Uint8Array, elapsedMs: number, nowMs: number): void {
    forEachBlock(this.grid, (block, top, left, bottom, right) => {
      const restingMs = nowMs - this.stirredMs[block]!
      const tau =
        this.changed[block] === 0 ? QUIET_TAU_MS : restingMs > ABSORB_AFTER_MS ? ABSORB_TAU_MS : VISITOR_TAU_MS
      const weight = 1 - Math.exp(-elapsedMs / tau)
      for (let y = top; y < bottom; y++)
        for (let at = y * this.grid.width + left, end = y * this.grid.width + right; at < end; at++)
          this.background[at]! += weight * (luma[at]! - this.background[at]!)
    })
  }
}

/**
 * Builds a detector for one stream: a running average per pixel as background, the whole picture's change of light
 * taken out as a factor, each block judged by its own usual noise, blocks with the same pattern under other light
 * passed over, and groups of blocks that stir taken for visitors.
 */
export function createMotionDetector(config: MotionConfig = DEFAULT_MOTION_CONFIG): MotionDetector {
  const limits = limitsOf(config)
  let scene: Scene | undefined

  function judge(at: Scene, component: Component, nowMs: number): boolean {
    const stirs = component.blocks.filter((block) => at.stirring[block] !== 0).length >= STIRRING_BLOCKS
    const large = component.blocks.length > LARGE_SHARE * at.changed.length
    // What was already moving needs no second proof; otherwise one picture may be a switch.
    if (nowMs - at.movedMs <= HOLD_MS) return component.blocks.some((block) => nowMs - at.stirredMs[block]! <= HOLD_MS)
    if (!stirs) return false
    return large ? nowMs - (at.stirringSinceMs ?? nowMs) > LARGE_SETTLE_MS : at.stirredFrames >= 2
  }

  return {
    look(frame) {
      const { captureMs, luma } = frame
      if (luma.length !== frame.width * frame.height)
        throw new LatchkeyError('INTERNAL', 'luma picture has a wrong size')
      const fits = scene?.grid.width === frame.width && scene.grid.height === frame.height
      const at = fits && captureMs >= scene!.lastMs ? scene! : (scene = new Scene(frame))
      const elapsedMs = Math.min(MAX_INTERVAL_MS, captureMs - at.lastMs)
      at.mark(luma, limits, captureMs)
      const learning = at.frames++ < LEARNING_FRAMES
      const components = findComponents(at.changed, at.grid)
      const minBlocks = Math.max(2, config.minAreaShare * at.changed.length)
      const large = components.filter(({ blocks }) => blocks.length >= minBlocks)
      trackStir(at, large, captureMs)
      const movers = learning ? [] : large.filter((component) => judge(at, component, captureMs))
      if (movers.length > 0) at.movedMs = captureMs
      learn(at, { large, learning })
      at.follow(luma, elapsedMs)
      at.previous.set(luma)
      at.lastMs = captureMs
      const changedBlocks = large.reduce((sum, { blocks }) => sum + blocks.length, 0)
      return {
        captureMs,
        moving: movers.length > 0,
        changedShare: changedBlocks / at.changed.length,
        threshold: config.minAreaShare,
        boxes: movers.slice(0, MAX_BOXES).map((component) => boxOf(component, at.grid)),
      }
    },
  }
}

/** Keeps count of how long, without a break, large components have stirred. */
function trackStir(at: Scene, large: readonly Component[], nowMs: number): void {
  const stirs = large.some(({ blocks }) => blocks.filter((block) => at.stirring[block] !== 0).length >= STIRRING_BLOCKS)
  at.stirredFrames = stirs ? at.stirredFrames + 1 : 0
  at.stirringSinceMs = stirs ? (at.stirringSinceMs ?? nowMs) : undefined
}

/** What is no visitor is usual: too small, or seen while learning. */
function learn(at: Scene, { large, learning }: { large: readonly Component[]; learning: boolean }): void {
  const except = new Uint8Array(at.changed.length)
  if (!learning) for (const { blocks } of large) for (const block of blocks) except[block] = 1
  at.usual.learn(at.againstBackground.difference, except)
  at.usualStir.learn(at.againstPrevious.difference, except)
}
