/** A drawn doorstep: one picture per frame number, always the same. */
export interface DoorstepPicture {
  readonly width: number
  readonly height: number
  /** Planar YUV 4:2:0, 8 bits: `width × height × 3/2` bytes. The buffer is reused by the next call. */
  draw(frame: number): Uint8Array
}

/** What happens when. */
export interface DoorstepOptions {
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
  readonly seconds: number
  /** Any 32-bit number: another grain, another wall. */
  readonly seed: number
}

/** Seconds: the visitor comes into the picture, stands at the door, turns, is gone. */
export const VISIT = { enterS: 8, arriveS: 10, turnS: 12.6, goneS: 14.6 } as const
/** Seconds: a cloud dims the whole picture by a quarter, slowly; the porch lamp is switched on and off, at once. */
export const LIGHT = { cloudFromS: 1, cloudToS: 6, lampOnS: 17.5, lampOffS: 21 } as const

/** Bits of the frame counter, drawn as a row of squares, least significant on the right. */
export const COUNTER = { bits: 12, square: 16, left: 24, top: 24 } as const

const BRICK = { width: 64, height: 26, joint: 3 }
const GRAIN_LEVELS = 4
const GRAIN_SIZE = 1 << 16
/** Seven segments per digit, as bits: top, upper right, lower right, bottom, lower left, upper left, middle. */
const DIGITS = [0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f]

/** xorshift32: small, quick, the same everywhere. @see Marsaglia 2003 */
function createNoise(seed: number): () => number {
  let state = seed | 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** A planar picture and the few shapes a doorstep needs. */
class Canvas {
  readonly width: number
  readonly height: number
  readonly bytes: Uint8Array

  constructor(width: number, height: number) {
    this.width = width
    this.height = height
    this.bytes = new Uint8Array((width * height * 3) / 2)
  }

  /** Fills the pixels for which `luma` gives a number; `u` and `v` colour them. */
  fill(area: { x: number; y: number; w: number; h: number }, [u, v]: readonly [number, number], luma: Shade): void {
    const { width, height, bytes } = this
    const left = Math.max(0, Math.round(area.x))
    const right = Math.min(width, Math.round(area.x + area.w))
    const chroma = width * height
    for (let y = Math.max(0, Math.round(area.y)); y < Math.min(height, Math.round(area.y + area.h)); y++) {
      for (let x = left; x < right; x++) {
        const level = luma(x, y)
        if (level === undefined) continue
        bytes[y * width + x] = Math.max(16, Math.min(235, level))
        const at = chroma + (y >> 1) * (width >> 1) + (x >> 1)
        bytes[at] = u
        bytes[at + chroma / 4] = v
      }
    }
  }
}

type Shade = (x: number, y: number) => number | undefined

const WARM = [112, 146] as const
const GREY = [128, 128] as const
const GREEN = [112, 112] as const
const BLUE = [148, 116] as const
const SKIN = [112, 150] as const

function drawWall(canvas: Canvas, noise: () => number): void {
  const { width, height } = canvas
  const tones = Array.from({ length: 4096 }, () => 92 + Math.round(noise() * 36))
  canvas.fill({ x: 0, y: 0, w: width, h: height }, WARM, (x, y) => {
    const course = Math.floor(y / BRICK.height)
    const shifted = x + (course % 2) * (BRICK.width / 2)
    const joint = y % BRICK.height < BRICK.joint || shifted % BRICK.width < BRICK.joint
    return joint ? 138 : tones[(course * 61 + Math.floor(shifted / BRICK.width) * 7) % 4096]! + ((x * 7 + y * 13) % 9)
  })
}

function drawGround(canvas: Canvas, noise: () => number): void {
  const { width, height } = canvas
  const top = height * 0.78
  const grit = Array.from({ length: 8192 }, () => Math.round(noise() * 22))
  canvas.fill({ x: 0, y: top, w: width, h: height - top }, GREY, (x, y) => {
    const slab = (Math.floor(x / 160) + Math.floor((y - top) / 54)) % 2
    return 120 + slab * 18 + grit[(x * 31 + y * 197) & 8191]!
  })
}

function drawDoor(canvas: Canvas): void {
  const { width, height } = canvas
  const door = { x: width * 0.66, y: height * 0.2, w: width * 0.2, h: height * 0.58 }
  canvas.fill(door, BLUE, (x, y) => {
    const u = (x - door.x) / door.w
    const v = (y - door.y) / door.h
    const panel = u > 0.14 && u < 0.86 && ((v > 0.08 && v < 0.42) || (v > 0.5 && v < 0.92))
    return u < 0.04 || u > 0.96 || v < 0.03 ? 180 : (panel ? 78 : 62) + ((x * 3) % 7)
  })
  canvas.fill({ x: door.x + door.w * 0.84, y: door.y + door.h * 0.5, w: 14, h: 14 }, WARM, () => 200)
}

function drawPlant(canvas: Canvas, noise: () => number): void {
  const { width, height } = canvas
  for (let leaf = 0; leaf < 160; leaf++) {
    const x = width * 0.06 + noise() * width * 0.14
    const y = height * (0.5 + noise() * 0.3)
    const level = 52 + Math.round(noise() * 70)
    canvas.fill({ x, y, w: 10 + noise() * 26, h: 6 + noise() * 12 }, GREEN, (px, py) => level + ((px * py) % 5))
  }
}

function drawPlate(width: number, height: number, noise: () => number): Canvas {
  const plate = new Canvas(width, height)
  drawWall(plate, noise)
  drawGround(plate, noise)
  drawDoor(plate)
  drawPlant(plate, noise)
  return plate
}

/** Where the visitor stands, 0 … 1 of the width, and how the step lifts them; `undefined` when away. */
function visitorAt(timeS: number): { x: number; lift: number } | undefined {
  const { enterS, arriveS, turnS, goneS } = VISIT
  if (timeS < enterS || timeS > goneS) return undefined
  const walk = (from: number, to: number) => Math.min(1, Math.max(0, (timeS - from) / (to - from)))
  const x = timeS < turnS ? -0.12 + 0.7 * walk(enterS, arriveS) : 0.58 - 0.7 * walk(turnS, goneS)
  const standing = timeS >= arriveS && timeS < turnS
  // Nobody stands quite still: a hand reaches for the bell.
  return { x, lift: standing ? 0.012 * Math.sin(timeS * 4) : 0.014 * Math.abs(Math.sin(timeS * 7)) }
}

function drawVisitor(canvas: Canvas, timeS: number): void {
  const at = visitorAt(timeS)
  if (at === undefined) return
  const { width, height } = canvas
  const x = at.x * width
  const top = height * (0.26 - at.lift)
  const size = height * 0.13
  const middle = x + size * 1.1
  const swing = Math.sin(timeS * 7) * size * 0.5
  canvas.fill(
    { x, y: top + size, w: size * 2.2, h: size * 2.6 },
    BLUE,
    (px, py) => 44 + ((px - Math.round(x)) % 23 < 3 ? 26 : 0) + (py % 5),
  )
  canvas.fill({ x: middle - size * 0.9 + swing, y: top + size * 3.5, w: size * 0.7, h: size * 1.6 }, GREY, () => 34)
  canvas.fill({ x: middle + size * 0.2 - swing, y: top + size * 3.5, w: size * 0.7, h: size * 1.6 }, GREY, () => 30)
  canvas.fill({ x: middle - size / 2, y: top, w: size, h: size }, SKIN, (px, py) => {
    const u = (px - middle) / (size / 2)
    const v = (py - top - size / 2) / (size / 2)
    if (u * u + v * v > 1) return undefined
    return v < -0.35 ? 40 : 168 - Math.round(u * 18)
  })
}

function drawDigit(canvas: Canvas, digit: number, x: number): void {
  const segments = DIGITS[digit]!
  const [w, h, thick] = [12, 22, 3]
  const bars = [
    { x: 0, y: 0, w, h: thick },
    { x: w - thick, y: 0, w: thick, h: h / 2 },
    { x: w - thick, y: h / 2, w: thick, h: h / 2 },
    { x: 0, y: h - thick, w, h: thick },
    { x: 0, y: h / 2, w: thick, h: h / 2 },
    { x: 0, y: 0, w: thick, h: h / 2 },
    { x: 0, y: h / 2 - 1, w, h: thick },
  ]
  const top = COUNTER.top + COUNTER.square + 10
  bars.forEach((bar, i) => {
    if (segments & (1 << i)) canvas.fill({ ...bar, x: x + bar.x, y: top + bar.y }, GREY, () => 235)
  })
}

/** The frame number twice: squares that survive any coding for programs, digits for people. */
function drawCounter(canvas: Canvas, frame: number): void {
  const { bits, square, left, top } = COUNTER
  canvas.fill({ x: left - 6, y: top - 6, w: bits * square + 12, h: square + 46 }, GREY, () => 16)
  for (let bit = 0; bit < bits; bit++) {
    const x = left + (bits - 1 - bit) * square
    canvas.fill({ x: x + 2, y: top + 2, w: square - 4, h: square - 4 }, GREY, () => ((frame >> bit) & 1 ? 235 : 40))
  }
  const digits = String(frame).padStart(5, '0')
  for (let i = 0; i < digits.length; i++) drawDigit(canvas, Number(digits[i]), left + i * 18)
}

/** The light of a moment, as a table of luma, and whether the lamp is on. */
function lightAt(timeS: number): Uint8Array {
  const { cloudFromS, cloudToS, lampOnS, lampOffS } = LIGHT
  const phase = Math.min(1, Math.max(0, (timeS - cloudFromS) / (cloudToS - cloudFromS)))
  const cloud = 1 - 0.25 * Math.sin(phase * Math.PI) ** 2
  const lamp = timeS >= lampOnS && timeS < lampOffS ? 1.2 : 1
  return Uint8Array.from({ length: 256 }, (_, level) => Math.max(16, Math.min(235, Math.round(level * cloud * lamp))))
}

/** Builds the picture maker. */
export function createDoorstepPicture({ width, height, framesPerSecond, seed }: DoorstepOptions): DoorstepPicture {
  const noise = createNoise(seed)
  const plate = drawPlate(width, height, noise)
  const canvas = new Canvas(width, height)
  const grain = Int8Array.from({ length: GRAIN_SIZE }, () =>
    Math.round((noise() + noise() + noise() - 1.5) * GRAIN_LEVELS),
  )
  const lumaBytes = width * height
  return {
    width,
    height,
    draw(frame) {
      const timeS = frame / framesPerSecond
      canvas.bytes.set(plate.bytes)
      drawVisitor(canvas, timeS)
      const light = lightAt(timeS)
      const { bytes } = canvas
      let shift = Math.floor(noise() * GRAIN_SIZE)
      for (let at = 0; at < lumaBytes; at++) {
        // A new place in the table every line: the table is too short to be seen repeating then.
        if (at % width === 0) shift = (shift + 40_503 + at) & (GRAIN_SIZE - 1)
        bytes[at] = light[bytes[at]!]! + grain[(at + shift) & (GRAIN_SIZE - 1)]!
      }
      drawCounter(canvas, frame)
      return bytes
    },
  }
}
