import { between, createRandom, type Random } from './seeded-random.ts'

/** A front garden, drawn in grey: what is there when nobody is. */
export interface DrawnPlace {
  readonly width: number
  readonly height: number
  /** Luma by daylight and by the camera's infrared lamps, which see leaves bright and fall off towards the edge. */
  readonly day: Float32Array
  readonly infrared: Float32Array
  /** Leaves of the tree, drawn last: wind moves them. */
  readonly leaves: readonly Leaf[]
}

/** One clump of leaves; lengths and places in picture heights. */
export interface Leaf {
  readonly x: number
  readonly y: number
  readonly radius: number
  readonly day: number
  readonly infrared: number
  /** Of its swaying: radians, and how far it gives. */
  readonly phase: number
  readonly give: number
}

const LEAVES = 260
const BRICK = { width: 0.09, height: 0.036, joint: 0.004 }
/** Top of the ground, in heights. */
export const HORIZON = 0.52

/** Noise that is smooth over `cell`: the same for the same place. */
function createTexture(random: Random): (x: number, y: number) => number {
  const size = 64
  const values = Float32Array.from({ length: size * size }, () => random())
  const at = (x: number, y: number) => values[(((y % size) + size) % size) * size + (((x % size) + size) % size)]!
  return (x, y) => {
    const [left, top] = [Math.floor(x), Math.floor(y)]
    const [u, v] = [x - left, y - top]
    const upper = at(left, top) * (1 - u) + at(left + 1, top) * u
    const lower = at(left, top + 1) * (1 - u) + at(left + 1, top + 1) * u
    return upper * (1 - v) + lower * v
  }
}

/** Luma by day and by infrared light of the point (x, y), in heights. */
type Surface = (x: number, y: number) => readonly [day: number, infrared: number]

function createSurface(random: Random, aspect: number): Surface {
  const texture = createTexture(random)
  const tones = Array.from({ length: 97 }, () => between(random, 0, 26))
  const door = { left: aspect * between(random, 0.55, 0.75), top: 0.12, width: 0.24, bottom: HORIZON + 0.12 }
  const hedgeTop = between(random, 0.36, 0.44)
  const wallEnd = aspect * between(random, 0.42, 0.5)
  const wall = between(random, 92, 128)
  const ground = between(random, 96, 140)
  return (x, y) => {
    const grain = texture(x * 90, y * 90) * 14 + texture(x * 17, y * 17) * 18 - 16
    if (x > door.left && x < door.left + door.width && y > door.top && y < door.bottom) {
      const frame = x < door.left + 0.02 || x > door.left + door.width - 0.02 || y < door.top + 0.02
      return frame ? [186 + grain, 170 + grain] : [58 + grain * 0.6, 74 + grain * 0.6]
    }
    if (y < HORIZON && x > wallEnd) {
      const course = Math.floor(y / BRICK.height)
      const along = x + (course % 2) * (BRICK.width / 2)
      const joint = y % BRICK.height < BRICK.joint || along % BRICK.width < BRICK.joint
      const tone = tones[(course * 13 + Math.floor(along / BRICK.width) * 7) % tones.length]!
      return joint ? [150, 138] : [wall + tone + grain * 0.7, wall * 0.8 + tone + grain * 0.7]
    }
    if (y < hedgeTop) return [176 + texture(x * 3, y * 3) * 22, 26]
    if (y < HORIZON) return [56 + texture(x * 60, y * 60) * 44, 120 + texture(x * 60, y * 60) * 70]
    const slab = (Math.floor(x / 0.22) + Math.floor((y - HORIZON) / 0.08)) % 2
    return [ground + slab * 14 + grain, ground * 0.75 + slab * 10 + grain]
  }
}

function growLeaves(random: Random, aspect: number): Leaf[] {
  const middle = { x: aspect * between(random, 0.12, 0.26), y: between(random, 0.2, 0.3) }
  const spread = between(random, 0.16, 0.24)
  return Array.from({ length: LEAVES }, () => {
    const [angle, out] = [random() * 2 * Math.PI, Math.sqrt(random())]
    const tone = between(random, 0, 60)
    return {
      x: middle.x + Math.cos(angle) * out * spread * 1.2,
      y: middle.y + Math.sin(angle) * out * spread,
      radius: between(random, 0.012, 0.03),
      day: 42 + tone,
      infrared: 130 + tone,
      phase: random() * 2 * Math.PI,
      give: between(random, 0.5, 1.3) * (1.2 - out * 0.4),
    }
  })
}

/** Draws a place; every seed another. */
export function createDrawnPlace(width: number, height: number, seed: number): DrawnPlace {
  const random = createRandom(seed)
  const aspect = width / height
  const surface = createSurface(random, aspect)
  const day = new Float32Array(width * height)
  const infrared = new Float32Array(width * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [byDay, byNight] = surface(x / height, y / height)
      const lamp = 1.15 - 0.75 * Math.hypot(x / width - 0.5, (y / height - 0.55) * 0.7) ** 1.5
      day[y * width + x] = byDay
      infrared[y * width + x] = byNight * lamp
    }
  }
  return { width, height, day, infrared, leaves: growLeaves(random, aspect) }
}
