import { LatchkeyError } from '@latchkey/shared'
import type { LumaFrame, MotionFinding } from '../flow.ts'
import { type Component, boxOf, findComponents } from './block-components.ts'
import type { NoiseLimits } from './block-noise.ts'
import { Scene } from './scene.ts'

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
/** A change over more of the picture than this may be the light: it has to go on for longer than a switch settles. */
const LARGE_SHARE = 0.3
const LARGE_SETTLE_MS = 1000
/** Once moving, a visitor who stands still for less than this is still moving. */
const HOLD_MS = 5000
/** Blocks that must stir for a component to stir: one alone is noise. */
const STIRRING_BLOCKS = 2
const MAX_BOXES = 8
/** After a longer pause between pictures the old one says nothing about movement. */
const MAX_INTERVAL_MS = 2000

function limitsOf({ sensitivity }: MotionConfig): NoiseLimits {
  return { floor: 8 - 0.8 * sensitivity, deviations: 8 - 0.6 * sensitivity }
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
    if (nowMs - at.movedMs <= HOLD_MS) return component.blocks.some((block) => nowMs - at.stirredMs(block) <= HOLD_MS)
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
      at.follow(elapsedMs, captureMs)
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
  at.background.learn(except)
  at.previous.learn(except)
}
