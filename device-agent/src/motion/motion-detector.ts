import { LatchkeyError } from '@latchkey/shared'
import type { FindingReason, LumaFrame, MotionFinding } from '../flow.ts'
import { type Component, boxOf, findComponents } from './block-components.ts'
import { PATTERNED, Scene, type SceneLimits } from './scene.ts'
import type { MotionZones } from './zone-mask.ts'

/** What counts as motion. */
export interface MotionConfig {
  /** 1 (only the obvious) … 10 (the faintest); default 5. */
  readonly sensitivity: number
  /** Smallest share of the picture that is a visitor, 0…1; default 0.003. */
  readonly minAreaShare: number
  /** Where motion counts; none: everywhere. */
  readonly zones?: MotionZones
}

export const DEFAULT_MOTION_CONFIG: MotionConfig = { sensitivity: 5, minAreaShare: 0.003 }

/** Looks at one small luma picture after the other. */
export interface MotionDetector {
  /**
   * What this picture shows against those before it. Any rate, and changing rates: about five per second are meant, one
   * every two seconds will do while nothing stirs. @throws INTERNAL on a picture of wrong size
   */
  look(frame: LumaFrame): MotionFinding
}

/** Pictures, and time, that only teach. */
const LEARNING_FRAMES = 3
const LEARNING_MS = 1400
/** A change over more of the picture than this may be the light: it has to go on for longer than a switch settles. */
const LARGE_SHARE = 0.3
const LARGE_SETTLE_MS = 1000
/** And what has not stirred for as long as this has settled. */
const REST_MS = 700
/** Who was there so lately needs no second proof. */
const HOLD_MS = 5000
/**
 * Once moving, whoever stands still is still there while something about them stirs a little, for this long between two
 * such moments and for so long in all. What they leave behind, a parcel or the place they hid, does not stir at all.
 */
const BREATH_MS = 2500
const STAND_MS = 60_000
/** Of the least difference that stirs, the share that stirs a little. */
const FAINT_SHARE = 0.25
/** Blocks, and share of its blocks, that must stir for a thing to stir: fewer are noise. */
const STIRRING_BLOCKS = 2
const STIRRING_SHARE = 0.05
/** Of a visitor's blocks at least this share shows edges that were not there, or hides some that were. */
const PATTERNED_SHARE = 0.25
/** The light over the whole picture changes by less than this from one picture to the next on its own. */
const LIGHT_STEP = 0.1
/** One picture may be a switch, and a few blocks a figure of a burned-in clock. */
const REACHING_FRAMES = 2
const REACHING_FRAMES_SMALL = 3
/** Twice the least area is no longer small. */
const SMALL = 2
const MAX_BETWEEN_REACHES = 3
const MAX_BOXES = 8

function limitsOf({ sensitivity }: MotionConfig): SceneLimits {
  const deviations = 8 - 0.6 * sensitivity
  const floor = 8 - 0.8 * sensitivity
  return {
    mean: { floor, deviations },
    faintFloor: FAINT_SHARE * floor,
    pattern: { floor: 20 - 2 * sensitivity, deviations },
  }
}

const countOf = (blocks: readonly number[], marks: Uint8Array, value: number) =>
  blocks.reduce((sum, block) => sum + (marks[block] === value ? 1 : 0), 0)

const enoughOf = (blocks: readonly number[]) => Math.max(STIRRING_BLOCKS, STIRRING_SHARE * blocks.length)

/** What the pictures of one stream have shown so far. */
class Watch {
  readonly scene: Scene
  /** Since when something large enough has stirred without a break, and in how many pictures it reached new blocks. */
  stirringSinceMs: number | undefined
  stirredMs = -Infinity
  /** Nearly everything changed, and it is not known yet whether by somebody. */
  isSettling = false
  reachedFrames = 0
  /** When something was last found moving. */
  movedMs = -Infinity
  /** When the light over everything last changed at once. */
  lightMs = -Infinity
  /** Until when it only learns. */
  learnsUntilMs: number
  /** Fewer blocks than this are nobody. */
  readonly minBlocks: number
  readonly visitors: Uint8Array
  /** When what is in a block last stirred, as part of a thing that did. */
  readonly #breathMs: Float64Array
  /** The things of this picture that are where something stirred lately. */
  #known: ReadonlySet<Component> = new Set()
  readonly #before: Uint8Array
  #sinceReached = 0

  constructor(frame: LumaFrame, { zones = {}, minAreaShare }: MotionConfig) {
    this.scene = new Scene(frame, zones)
    this.minBlocks = Math.max(2, minAreaShare * this.scene.grid.count)
    this.#before = new Uint8Array(this.scene.grid.count)
    this.visitors = new Uint8Array(this.scene.grid.count)
    this.#breathMs = new Float64Array(this.scene.grid.count).fill(-Infinity)
    this.learnsUntilMs = frame.captureMs + LEARNING_MS
  }

  isLarge({ blocks }: Component): boolean {
    return blocks.length > LARGE_SHARE * this.scene.grid.count
  }

  stirs({ blocks }: Component): boolean {
    return countOf(blocks, this.scene.stirring, 1) >= enoughOf(blocks)
  }

  stirsFaintly({ blocks }: Component): boolean {
    return countOf(blocks, this.scene.faint, 1) >= enoughOf(blocks)
  }

  /** Whether a group of changed blocks brings edges, as things do, or only another brightness, as light does. */
  isThing({ blocks }: Component): boolean {
    const patterned = countOf(blocks, this.scene.changed, PATTERNED)
    return patterned >= 2 && patterned >= PATTERNED_SHARE * blocks.length
  }

  /** Keeps count of how long, without a break, things have stirred. */
  track(things: readonly Component[], nowMs: number): void {
    const stirring = things.filter((thing) => this.stirs(thing))
    const stands = nowMs - this.stirredMs <= STAND_MS
    const isRecent = (block: number) => nowMs - this.#breathMs[block]! <= HOLD_MS
    this.#known = new Set(things.filter(({ blocks }) => blocks.some(isRecent)))
    for (const thing of things)
      if (this.stirs(thing) || (stands && this.stirsFaintly(thing)))
        for (const block of thing.blocks) this.#breathMs[block] = nowMs
    // Who comes reaches new blocks in picture after picture; what only changes in its place does so once.
    const reaches = stirring.some(({ blocks }) => blocks.some((block) => this.#before[block] === 0))
    this.#before.set(this.scene.changed)
    this.#sinceReached++
    if (stirring.length === 0 || this.#sinceReached > MAX_BETWEEN_REACHES) this.reachedFrames = 0
    if (reaches) {
      this.reachedFrames++
      this.#sinceReached = 0
    }
    // Somebody close stands still between two steps: a moment's rest is no end.
    if (nowMs - this.stirredMs > REST_MS) this.stirringSinceMs = undefined
    if (stirring.length === 0) return
    this.stirredMs = nowMs
    this.stirringSinceMs ??= nowMs
  }

  isMoving(thing: Component, nowMs: number): boolean {
    // Who was already moving needs no second proof; otherwise one picture may be a switch, or a keyframe's sharper edges.
    const { blocks } = thing
    if (nowMs - this.movedMs <= HOLD_MS && this.#known.has(thing))
      return blocks.filter((block) => nowMs - this.#breathMs[block]! <= BREATH_MS).length >= enoughOf(blocks)
    if (!this.stirs(thing)) return false
    const needed = blocks.length < SMALL * this.minBlocks ? REACHING_FRAMES_SMALL : REACHING_FRAMES
    const settles = this.isLarge(thing) || nowMs - this.lightMs <= LARGE_SETTLE_MS
    return settles ? nowMs - this.stirringSinceMs! > LARGE_SETTLE_MS : this.reachedFrames >= needed
  }
}

/**
 * Builds a detector for one stream. A block of the picture has changed when its mean differs from the known place's by
 * more than it usually does, the whole picture's change of light taken out as a factor. Groups of such blocks are things
 * when they bring edges of their own, and light when they do not; things that stir are visitors.
 */
export function createMotionDetector(config: MotionConfig = DEFAULT_MOTION_CONFIG): MotionDetector {
  const limits = limitsOf(config)
  let watch: Watch | undefined

  function look(frame: LumaFrame): MotionFinding {
    const { captureMs, luma } = frame
    const grid = watch?.scene.grid
    const fits = grid?.width === frame.width && grid.height === frame.height && captureMs >= watch!.scene.lastMs
    const at = fits ? watch! : (watch = new Watch(frame, config))
    const { scene } = at
    scene.mark(luma, limits, captureMs)
    if (Math.abs(scene.gain - 1) > LIGHT_STEP) at.lightMs = captureMs
    const learning = scene.frames++ < LEARNING_FRAMES || captureMs < at.learnsUntilMs
    const components = findComponents(scene.changed, scene.grid)
    const large = components.filter(({ blocks }) => blocks.length >= at.minBlocks)
    const things = learning ? [] : large.filter((component) => at.isThing(component))
    at.visitors.fill(0)
    at.track(things, captureMs)
    const movers = things.filter((thing) => at.isMoving(thing, captureMs))
    if (movers.length > 0) at.movedMs = captureMs
    for (const { blocks } of movers) scene.keep(blocks, captureMs)
    const settled = !learning && settle(at, { things, large, movers }, captureMs)
    const reason = reasonOf(at, { learning, components, large, things, movers, settled })
    scene.learn(captureMs, at.visitors)
    const changedBlocks = things.reduce((sum, { blocks }) => sum + blocks.length, 0)
    return {
      captureMs,
      moving: movers.length > 0,
      reason,
      changedShare: changedBlocks / scene.grid.count,
      threshold: config.minAreaShare,
      boxes: movers.slice(0, MAX_BOXES).map((component) => boxOf(component, scene.grid)),
      zones: scene.zones.touched(movers.flatMap(({ blocks }) => blocks)),
    }
  }

  return {
    look(frame) {
      if (frame.luma.length !== frame.width * frame.height)
        throw new LatchkeyError('INTERNAL', 'luma picture has a wrong size')
      return look(frame)
    },
  }
}

interface Groups {
  /** Large enough to count. */
  readonly large: readonly Component[]
  readonly things: readonly Component[]
  readonly movers: readonly Component[]
}

/**
 * Decides what becomes of the changed blocks: things hide the place, light becomes part of it as soon as it rests. True
 * when the whole picture was taken over: the camera now sees by another light.
 */
function settle(at: Watch, { large, things, movers }: Groups, nowMs: number): boolean {
  const { scene, visitors } = at
  for (const { blocks } of things) for (const block of blocks) visitors[block] = 1
  for (const component of large)
    if (!things.includes(component)) for (const block of component.blocks) scene.lit[block] = 1
  if (movers.length > 0) at.isSettling = false
  else if (things.some((thing) => at.isLarge(thing))) at.isSettling = true
  if (!at.isSettling || nowMs - at.stirredMs <= REST_MS || nowMs - at.movedMs <= HOLD_MS) return false
  at.isSettling = false
  visitors.fill(0)
  scene.adopt(nowMs)
  at.learnsUntilMs = nowMs + LEARNING_MS
  return true
}

function reasonOf(
  at: Watch,
  found: Groups & { components: readonly Component[]; learning: boolean; settled: boolean },
): FindingReason {
  if (found.learning) return 'learning'
  if (found.movers.length > 0) return found.movers.some((mover) => at.isLarge(mover)) ? 'close-visitor' : 'visitor'
  if (found.settled) return 'infrared'
  const stirring = found.things.filter((thing) => at.stirs(thing))
  if (stirring.some((thing) => at.isLarge(thing))) return 'settling'
  if (stirring.length > 0) return 'unconfirmed'
  if (found.things.length > 0) return 'still'
  if (found.large.length > found.things.length || Math.abs(at.scene.gain - 1) > LIGHT_STEP) return 'light'
  return found.components.length > 0 ? 'small' : 'quiet'
}
