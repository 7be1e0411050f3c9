import { describe, expect, test } from 'vitest'
import { joinSightings } from '../../infra/bench/presence-score.ts'
import type { DrawnKind } from '../../infra/bench/scenes/drawn-play.ts'
import { createDrawnScene } from '../../infra/bench/scenes/drawn-scene.ts'
import type { Scene } from '../../infra/bench/scenes/scene.ts'
import type { MotionFinding } from '../../device-agent/src/flow.ts'
import {
  createMotionDetector,
  DEFAULT_MOTION_CONFIG,
  type MotionConfig,
} from '../../device-agent/src/motion/motion-detector.ts'

const SIZE = { width: 320, height: 180, framesPerSecond: 5 }

interface Watched {
  readonly scene: Scene
  readonly findings: readonly MotionFinding[]
}

interface WatchOptions {
  readonly config?: MotionConfig
  /** Whether a picture is left out, by its time in seconds. */
  readonly skip?: (timeS: number) => boolean
  readonly seed?: number
  readonly untilS?: number
}

/** A drawn scene as the detector gets it. */
function watch(
  kind: DrawnKind,
  { config = DEFAULT_MOTION_CONFIG, skip, seed = 1, untilS = Infinity }: WatchOptions = {},
): Watched {
  const scene = createDrawnScene({ kind, seed, ...SIZE })
  const detector = createMotionDetector(config)
  const findings: MotionFinding[] = []
  let frame = 0
  for (const picture of scene.pictures() as Iterable<Uint8Array>) {
    const timeS = frame++ / SIZE.framesPerSecond
    if (timeS >= untilS) break
    if (skip?.(timeS) === true) continue
    const luma = picture.slice(0, SIZE.width * SIZE.height)
    findings.push(detector.look({ width: SIZE.width, height: SIZE.height, luma, captureMs: timeS * 1000 }))
  }
  return { scene, findings }
}

const within = (findings: readonly MotionFinding[], fromS: number, toS: number) =>
  findings.filter(({ captureMs }) => captureMs >= fromS * 1000 && captureMs < toS * 1000)

const sightings = (findings: readonly MotionFinding[]) =>
  joinSightings(
    findings
      .filter(({ moving }) => moving)
      .map(({ captureMs }) => ({ fromS: captureMs / 1000, toS: captureMs / 1000 + 0.2 })),
  )

/** Every visitor found, within `latencyS`, and nobody where nobody is. */
function expectVisitorsOnly({ scene, findings }: Watched, latencyS = 1): void {
  const seen = sightings(findings)
  for (const visit of scene.visits) {
    const first = seen.find(({ fromS, toS }) => fromS < visit.toS && toS > visit.fromS)
    expect(first, `the visit at ${visit.fromS} s`).toBeDefined()
    expect(first!.fromS - visit.fromS).toBeLessThanOrEqual(latencyS)
    expect(first!.fromS).toBeGreaterThanOrEqual(visit.fromS)
  }
  const nobody = seen.filter(
    ({ fromS, toS }) => !scene.visits.some((visit) => fromS < visit.toS + 0.5 && toS > visit.fromS),
  )
  expect(nobody).toEqual([])
}

describe('in a drawn scene the detector', () => {
  test('finds those who come near and those who pass far away', () => {
    expectVisitorsOnly(watch('plain'))
  })

  test('passes over the switch to infrared and back, says so, and finds visitors by either light', () => {
    const { scene, findings } = watch('ir-switch')
    expectVisitorsOnly({ scene, findings })
    for (const { fromS } of scene.disturbances) {
      const reasons = within(findings, fromS, fromS + 4).map(({ reason }) => reason)
      expect(reasons).toContain('infrared')
      expect(reasons).not.toContain('visitor')
    }
  })

  test('passes over rain, once it has rained for a while', () => {
    const { scene, findings } = watch('rain')
    const [rain] = scene.disturbances
    expectVisitorsOnly({ scene, findings: within(findings, rain!.fromS + 6, scene.seconds) })
  })

  test('takes flashes and a lamp for light', () => {
    const watched = watch('lightning')
    expectVisitorsOnly(watched)
    expect(watched.findings.map(({ reason }) => reason)).toContain('light')
  })

  test('takes clouds, a slow fall of all the light, for light', () => {
    expectVisitorsOnly(watch('clouds', { seed: 3 }))
  })

  test.each([2, 4])(
    'takes somebody who fills the picture for a visitor, once a switch would have settled (%i)',
    (seed) => {
      const { scene, findings } = watch('full-frame', { seed, untilS: 17 })
      const [close] = scene.visits
      expectVisitorsOnly({ scene: { ...scene, visits: [close!] }, findings }, 1.6)
      expect(within(findings, close!.fromS + 2, close!.toS - 1).map(({ reason }) => reason)).toContain('close-visitor')
    },
  )

  test('knows a tree that waves after its first gusts', () => {
    const { scene, findings } = watch('wind')
    const later = within(findings, 15, scene.seconds)
    expectVisitorsOnly({ scene, findings: later })
  })

  test('finds the same visitors in pictures two seconds apart that come closer when something stirs', () => {
    let lastS = -Infinity
    let closeUntilS = -Infinity
    const { visits } = createDrawnScene({ kind: 'plain', seed: 1, ...SIZE })
    const skip = (timeS: number) => {
      const wakes = visits.some(({ fromS, toS }) => timeS >= fromS && timeS < toS)
      if (wakes && timeS >= lastS + 2) closeUntilS = timeS + 6
      if (timeS < closeUntilS || timeS >= lastS + 2) {
        lastS = timeS
        return false
      }
      return true
    }
    expectVisitorsOnly(watch('plain', { skip }), 4)
  })
})

describe('zones', () => {
  const everywhere = [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
  ] as const
  const withZones = (zones: NonNullable<MotionConfig['zones']>) => ({
    config: { ...DEFAULT_MOTION_CONFIG, zones },
    untilS: 20,
  })
  const lower = [
    [0, 0.6],
    [1, 0.6],
    [1, 1],
    [0, 1],
  ] as const

  test('say by name where somebody moved', () => {
    const { findings } = watch(
      'plain',
      withZones({ picture: { kind: 'include', points: everywhere }, path: { kind: 'include', points: lower } }),
    )
    const moving = findings.filter((finding) => finding.moving)
    expect(moving.length).toBeGreaterThan(0)
    expect(moving.every(({ zones }) => zones.includes('picture'))).toBe(true)
    expect(moving.some(({ zones }) => zones.includes('path'))).toBe(true)
  })

  test('leave out what lies beside them, and boxes stay inside', () => {
    const moving = watch('plain', withZones({ path: { kind: 'include', points: lower } })).findings.filter(
      (f) => f.moving,
    )
    expect(moving.length).toBeGreaterThan(0)
    expect(Math.min(...moving.flatMap(({ boxes }) => boxes.map(({ y }) => y)))).toBeGreaterThan(0.55)
  })

  test('exclude whatever includes them', () => {
    const { findings } = watch(
      'plain',
      withZones({ all: { kind: 'include', points: everywhere }, none: { kind: 'exclude', points: everywhere } }),
    )
    expect(findings.filter((finding) => finding.moving)).toEqual([])
  })
})

test('less sensitivity and a larger least area find less, and say why', () => {
  const count = (config: MotionConfig) =>
    watch('wind', { config, untilS: 36 }).findings.filter(({ moving }) => moving).length
  const usual = count(DEFAULT_MOTION_CONFIG)
  expect(count({ ...DEFAULT_MOTION_CONFIG, sensitivity: 1 })).toBeLessThan(usual)
  const coarse = watch('plain', { config: { ...DEFAULT_MOTION_CONFIG, minAreaShare: 0.5 }, untilS: 20 }).findings
  expect(coarse.filter(({ moving }) => moving)).toEqual([])
  expect(coarse.map(({ reason }) => reason)).toContain('small')
  expect(coarse.at(-1)!.threshold).toBe(0.5)
})
