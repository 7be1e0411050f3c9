import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLiveCaptureTime, createReplayCaptureTime } from '../../device-agent/src/camera/capture-time.ts'

const FRAME_MS = 100
const WALL = 1_800_000_000_000

/** Frames every 100 ms whose arrival is late by `delays`. */
function stampsOf(delays: readonly number[], wallStepAt = Infinity) {
  const stamp = createLiveCaptureTime()
  return delays.map((delayMs, i) => {
    const ptsMs = i * FRAME_MS
    const monotonicMs = 5000 + ptsMs + delayMs
    const nowMs = WALL + monotonicMs + (i >= wallStepAt ? 3_600_000 : 0)
    return stamp({ ptsMs, dtsMs: ptsMs, keyframe: i % 10 === 0 }, { nowMs, monotonicMs })
  })
}

test('stamps of a steady stream are its arrival times', () => {
  const stamps = stampsOf(Array.from({ length: 50 }, () => 0))
  expect(stamps.map(({ monotonicMs }) => monotonicMs)).toEqual(stamps.map((_, i) => 5000 + i * FRAME_MS))
  expect(stamps.every(({ captureMs, monotonicMs }) => captureMs === WALL + monotonicMs)).toBe(true)
})

test('late frames do not move the stamps, once one came in time', () => {
  const stamps = stampsOf([0, 300, 20, 900, 900, 0, 50])
  expect(stamps.map(({ monotonicMs }) => monotonicMs)).toEqual(stamps.map((_, i) => 5000 + i * FRAME_MS))
})

test('a burst at the start is caught up with while stamps keep growing', () => {
  const burst = Array.from({ length: 10 }, (_, i) => 1000 - i * FRAME_MS)
  const stamps = stampsOf([...burst, ...Array.from({ length: 40 }, () => 0)])
  const steps = stamps.slice(1).map(({ monotonicMs }, i) => monotonicMs - stamps[i]!.monotonicMs)
  expect(Math.min(...steps)).toBeGreaterThanOrEqual(FRAME_MS / 2)
  expect(stamps.at(-1)!.monotonicMs).toBe(5000 + 49 * FRAME_MS)
})

test('whatever the network does, stamps grow and stay at or before arrival once settled', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2000), { minLength: 2, maxLength: 200 }), (delays) => {
      const stamps = stampsOf(delays)
      stamps.slice(1).forEach(({ captureMs }, i) => expect(captureMs).toBeGreaterThan(stamps[i]!.captureMs))
    }),
    { numRuns: 100, seed: 1 },
  )
})

test('a wall clock that is set moves capture times at the next keyframe, and the monotonic ones not at all', () => {
  const stamps = stampsOf(
    Array.from({ length: 30 }, () => 0),
    13,
  )
  expect(stamps.map(({ monotonicMs }) => monotonicMs)).toEqual(stamps.map((_, i) => 5000 + i * FRAME_MS))
  const jumps = stamps.slice(1).map(({ captureMs }, i) => captureMs - stamps[i]!.captureMs)
  expect(jumps.indexOf(3_600_000 + FRAME_MS)).toBe(19)
  expect(jumps.filter((jump) => jump !== FRAME_MS)).toHaveLength(1)
})

test('a replay ends at the moment it was started, and reordering does not matter', () => {
  const stamp = createReplayCaptureTime({ nowMs: WALL, monotonicMs: 90_000 }, 10_000)
  const arrival = { nowMs: WALL + 77, monotonicMs: 90_077 }
  const at = (ptsMs: number) => stamp({ ptsMs, dtsMs: ptsMs, keyframe: false }, arrival)
  expect(at(200)).toEqual({ captureMs: WALL - 10_000, monotonicMs: 80_000 })
  expect(at(5200).captureMs).toBe(WALL - 5000)
  expect(at(10_200)).toEqual({ captureMs: WALL, monotonicMs: 90_000 })
})
