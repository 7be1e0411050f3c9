import { describe, expect, test } from 'vitest'
import { LIGHT, VISIT, createDoorstepPicture } from '../../device-agent/src/camera/doorstep-picture.ts'
import type { MotionFinding } from '../../device-agent/src/flow.ts'
import { createMotionDetector } from '../../device-agent/src/motion/motion-detector.ts'

const WIDTH = 320
const HEIGHT = 180
const INTERVAL_MS = 200

/** Numbers in 0…1, the same in every run. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Noise of a million places, a prime number of them: no picture has the noise of the one before. */
const NOISE = (() => {
  const random = createRandom(7)
  return Float64Array.from({ length: 1_000_003 }, () => random() + random() + random() - 1.5)
})()

type Shade = (x: number, y: number, timeS: number) => number

/** A patterned wall under noise, with `shade` for whatever else is there. */
function watch(seconds: number, shade: (base: Shade) => Shade, sigma = 3): MotionFinding[] {
  let drawn = 0
  const wall: Shade = (x, y) => 90 + ((x >> 4) % 2) * 30 + ((y >> 4) % 2) * 20
  const scene = shade(wall)
  const detector = createMotionDetector()
  return Array.from({ length: seconds * (1000 / INTERVAL_MS) }, (_, i) => {
    const timeS = (i * INTERVAL_MS) / 1000
    const luma = new Uint8Array(WIDTH * HEIGHT)
    for (let at = 0; at < luma.length; at++) {
      const noise = NOISE[drawn++ % NOISE.length]! * 2 * sigma
      luma[at] = Math.max(0, Math.min(255, scene(at % WIDTH, Math.floor(at / WIDTH), timeS) + noise))
    }
    return detector.look({ width: WIDTH, height: HEIGHT, luma, captureMs: i * INTERVAL_MS })
  })
}

const movingAt = (findings: readonly MotionFinding[]) =>
  findings.filter(({ moving }) => moving).map(({ captureMs }) => captureMs / 1000)

describe('the motion detector', () => {
  test('sees nothing in a quiet scene, however noisy', () => {
    expect(movingAt(watch(12, (wall) => wall, 2))).toEqual([])
    expect(movingAt(watch(12, (wall) => wall, 10))).toEqual([])
  })

  test('sees somebody walk past, from the second picture to the end, and says where', () => {
    const at = (timeS: number) => (timeS - 5) * 80 - 30
    const findings = watch(16, (wall) => (x, y, timeS) => {
      const walks = x > at(timeS) && x < at(timeS) + 30 && y > 60 && y < 160
      return walks ? 40 + (x % 5) : wall(x, y, timeS)
    })
    const seen = movingAt(findings)
    expect(seen[0]).toBeGreaterThanOrEqual(5)
    expect(seen[0]).toBeLessThanOrEqual(6)
    expect(seen.filter((timeS) => timeS > 5.6 && timeS < 9)).toHaveLength(16)
    expect(seen.at(-1)).toBeLessThanOrEqual(11)
    const middle = findings.find(({ captureMs }) => captureMs === 7000)!
    const box = middle.boxes[0]!
    expect(box.x * WIDTH).toBeLessThanOrEqual(at(7) + 8)
    expect((box.x + box.width) * WIDTH).toBeGreaterThanOrEqual(at(7) + 22)
    expect(middle.changedShare).toBeGreaterThan(middle.threshold)
  })

  test('does not take a light that is switched for a visitor', () => {
    for (const factor of [0.5, 0.75, 1.3, 1.8])
      expect(movingAt(watch(12, (wall) => (x, y, t) => wall(x, y, t) * (t >= 6 ? factor : 1)))).toEqual([])
  })

  test('does not take a lamp that lights part of the picture for a visitor', () => {
    const lamp: (wall: Shade) => Shade = (wall) => (x, y, t) =>
      wall(x, y, t) * (t >= 6 ? 1 + 0.9 * Math.max(0, 1 - Math.hypot(x - 240, y - 60) / 120) : 1)
    expect(movingAt(watch(12, lamp))).toEqual([])
  })

  test('does not take a cloud, a slow change of all the light, for a visitor', () => {
    expect(movingAt(watch(20, (wall) => (x, y, t) => wall(x, y, t) * (1 - 0.4 * Math.sin(t / 6) ** 2)))).toEqual([])
  })

  test('does not take a burned-in clock for a visitor', () => {
    const clock: (wall: Shade) => Shade = (wall) => (x, y, t) =>
      x < 24 && y < 10 ? ((x * 7 + y * 3 + Math.floor(t * 5) * 13) % 11 > 5 ? 235 : 16) : wall(x, y, t)
    expect(movingAt(watch(15, clock))).toEqual([])
  })

  test('takes somebody who fills the picture at once for a visitor within 1.5 s', () => {
    const close: (wall: Shade) => Shade = (wall) => (x, y, t) =>
      t >= 6 && t < 12 ? 60 + (((x + t * 60) >> 5) % 2) * 70 + (((y + t * 30) >> 5) % 2) * 20 : wall(x, y, t)
    const seen = movingAt(watch(16, close))
    expect(seen[0]).toBeGreaterThanOrEqual(6)
    expect(seen[0]).toBeLessThanOrEqual(7.5)
    expect(seen.filter((timeS) => timeS >= 7.6 && timeS < 12)).toHaveLength(22)
  })

  test('goes on seeing somebody who hardly moves for long, and nobody once they have left, though a cloud comes', () => {
    const edge = (distance: number) => Math.max(0, Math.min(1, distance + 0.5))
    const findings = watch(38, (wall) => (x, y, t) => {
      const left = t < 7 ? (t - 5) * 70 - 30 : t < 27 ? 110 + 0.8 * Math.sin(t * 2.3) : 110 - (t - 27) * 70
      const coat = t < 5 ? 0 : edge(x - left) * edge(left + 60 - x) * edge(y - 40)
      const cloud = t < 31 ? 1 : 1 - 0.25 * Math.sin(((t - 31) / 7) * Math.PI) ** 2
      return cloud * (wall(x, y, t) * (1 - coat) + 40 * coat)
    })
    const seen = movingAt(findings)
    expect(seen.filter((timeS) => timeS >= 6 && timeS < 27)).toHaveLength(21 * 5)
    expect(seen.at(-1)).toBeLessThanOrEqual(30)
    expect(findings.map(({ reason }) => reason)).not.toContain('small')
  })

  test('takes a parcel that was put down for part of the scene before long', () => {
    const parcel: (wall: Shade) => Shade = (wall) => (x, y, t) => {
      const carried = t >= 5 && t < 8 && x > (t - 5) * 60 && x < (t - 5) * 60 + 40 && y > 70
      const left = t >= 7 && x > 130 && x < 165 && y > 150
      return carried ? 45 : left ? 200 : wall(x, y, t)
    }
    const findings = watch(30, parcel)
    const seen = movingAt(findings)
    expect(seen[0]).toBeLessThanOrEqual(6)
    expect(seen.at(-1)).toBeLessThanOrEqual(11)
    expect(findings.find(({ captureMs }) => captureMs === 13_000)!.reason).toBe('still')
    expect(findings.at(-1)!.reason).toBe('quiet')
  })

  test('finds the visitor of the drawn doorstep, and neither its cloud nor its lamp', () => {
    const picture = createDoorstepPicture({ width: WIDTH, height: HEIGHT, framesPerSecond: 5, seconds: 24, seed: 3 })
    const detector = createMotionDetector()
    const findings = Array.from({ length: 24 * 5 }, (_, frame) => {
      const luma = picture.draw(frame).slice(0, WIDTH * HEIGHT)
      // The counter's squares would be a quarter of so small a picture.
      for (let y = 0; y < 100; y++) luma.fill(16, y * WIDTH, y * WIDTH + 230)
      return detector.look({ width: WIDTH, height: HEIGHT, luma, captureMs: frame * INTERVAL_MS })
    })
    const seen = movingAt(findings)
    expect(LIGHT.cloudToS).toBeLessThan(VISIT.enterS)
    expect(seen[0]).toBeGreaterThanOrEqual(VISIT.enterS)
    expect(seen[0]).toBeLessThanOrEqual(VISIT.enterS + 1.2)
    expect(seen.at(-1)).toBeLessThanOrEqual(VISIT.goneS + 1)
    expect(seen.at(-1)).toBeGreaterThanOrEqual(VISIT.turnS)
  })

  test('refuses a picture whose size is not what it says', () => {
    const look = () => createMotionDetector().look({ width: 4, height: 4, luma: new Uint8Array(15), captureMs: 0 })
    expect(look).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
  })
})
