import type { DrawnCanvas } from './drawn-canvas.ts'
import { type DrawnFigure, planVisit } from './drawn-figure.ts'
import { HORIZON } from './drawn-place.ts'
import type { Disturbance } from './scene.ts'
import { between, type Random } from './seeded-random.ts'

/** What is played in a drawn scene: who comes, and what else happens. */
export interface DrawnPlay {
  readonly seconds: number
  readonly figures: readonly DrawnFigure[]
  /** Somebody who stands so close that nothing else can be seen. */
  readonly cover?: { readonly fromS: number; readonly toS: number }
  readonly disturbances: readonly Disturbance[]
  /** The light on everything, as a factor, and the sensor's noise in levels. */
  gainAt(timeS: number): number
  sigmaAt(timeS: number): number
  /** Whether the camera sees by its own infrared lamps. */
  isInfraredAt(timeS: number): boolean
  /** How far leaves swing, in picture heights. */
  windAt(timeS: number): number
  /** Draws what is between the camera and everything else. */
  drawOver(canvas: DrawnCanvas, timeS: number): void
}

/** Every kind of scene that is drawn to be scored. */
export const DRAWN_KINDS = ['plain', 'ir-switch', 'headlights', 'rain', 'full-frame', 'wind', 'lightning'] as const
/** Clouds are scored on composites; drawn, they serve to adjust by and to test with. */
export type DrawnKind = (typeof DRAWN_KINDS)[number] | 'clouds'

const SECONDS = 64
const STREAKS = 150
const SPLASHES = 40

interface Stage {
  readonly random: Random
  readonly aspect: number
}

/** Near: at the door. Middle: on the path. Far: on the road behind. */
const DISTANCES = {
  near: { height: [0.72, 0.85], ground: [0.93, 1.04] },
  middle: { height: [0.36, 0.5], ground: [0.72, 0.84] },
  far: { height: [0.16, 0.22], ground: [HORIZON + 0.04, HORIZON + 0.1] },
} as const

function come(stage: Stage, distance: keyof typeof DISTANCES, atS: number): DrawnFigure {
  const { random, aspect } = stage
  const { height, ground } = DISTANCES[distance]
  return planVisit(random, {
    fromS: atS + between(random, 0, 3),
    height: between(random, height[0], height[1]),
    ground: between(random, ground[0], ground[1]),
    aspect,
    pauseS: distance === 'far' ? 0 : between(random, 2, 7),
  })
}

function still(stage: Stage, changes: Partial<DrawnPlay> & Pick<DrawnPlay, 'figures'>): DrawnPlay {
  const sigma = between(stage.random, 1.5, 4)
  return {
    seconds: SECONDS,
    disturbances: [],
    gainAt: () => 1,
    sigmaAt: () => sigma,
    isInfraredAt: () => false,
    windAt: () => 0,
    drawOver: () => {},
    ...changes,
  }
}

function plain(stage: Stage): DrawnPlay {
  return still(stage, { figures: [come(stage, 'near', 8), come(stage, 'far', 27), come(stage, 'middle', 46)] })
}

/** Black while the filter swings, then too bright until the exposure has settled. */
function switchGain(sinceS: number): number {
  if (sinceS < 0) return 1
  return sinceS < 0.2 ? 0.08 : 1 + 0.9 * Math.exp(-(sinceS - 0.2) / 0.3)
}

function irSwitch(stage: Stage): DrawnPlay {
  const onS = between(stage.random, 11, 14)
  const offS = between(stage.random, 42, 45)
  const isInfraredAt = (timeS: number) => timeS >= onS && timeS < offS
  return still(stage, {
    figures: [come(stage, 'near', 22), come(stage, 'middle', 52)],
    disturbances: [onS, offS].map((fromS) => ({ kind: 'ir-switch', fromS, toS: fromS + 1.5 })),
    isInfraredAt,
    gainAt: (timeS) => (isInfraredAt(timeS) ? switchGain(timeS - onS) : 0.5 * switchGain(timeS - offS)),
    sigmaAt: (timeS) => (isInfraredAt(timeS) ? 3 : 5),
  })
}

/** A car turns in the street: two beams over the whole picture, with a glow. */
function drawBeams(canvas: DrawnCanvas, share: number, { strength, side }: { strength: number; side: number }): void {
  const { width, height, light } = canvas
  const fade = Math.sin(Math.PI * share)
  const middle = (side > 0 ? share * 1.6 - 0.3 : 1.3 - share * 1.6) * width
  const across = Float32Array.from({ length: width }, (_, x) => {
    const beam = (at: number) => Math.exp(-(((x - middle - at * width) / (0.11 * width)) ** 2))
    return fade * (beam(0) + 0.8 * beam(0.16))
  })
  for (let y = 0; y < height; y++) {
    const down = Math.exp(-(((y / height - 0.5) / 0.3) ** 2))
    for (let x = 0, at = y * width; x < width; x++, at++)
      light[at] = light[at]! * (1 + strength * across[x]! * down) + 30 * across[x]! * down
  }
}

function headlights(stage: Stage): DrawnPlay {
  const { random } = stage
  const sweeps = [8, 17, 41].map((atS) => {
    const fromS = atS + between(random, 0, 2)
    return {
      fromS,
      toS: fromS + between(random, 1.8, 3.2),
      strength: between(random, 2, 5),
      side: random() < 0.5 ? 1 : -1,
    }
  })
  return still(stage, {
    figures: [come(stage, 'near', 25), come(stage, 'middle', 50)],
    disturbances: sweeps.map(({ fromS, toS }) => ({ kind: 'headlights', fromS, toS })),
    gainAt: () => 0.42,
    sigmaAt: () => 4,
    drawOver(canvas, timeS) {
      const sweep = sweeps.find(({ fromS, toS }) => timeS >= fromS && timeS < toS)
      if (sweep) drawBeams(canvas, (timeS - sweep.fromS) / (sweep.toS - sweep.fromS), sweep)
    },
  })
}

function rain(stage: Stage): DrawnPlay {
  const { random, aspect } = stage
  const slant = between(random, -0.25, 0.25)
  const begins = between(random, 5, 8)
  return still(stage, {
    figures: [come(stage, 'near', 20), come(stage, 'middle', 44)],
    disturbances: [{ kind: 'rain', fromS: begins, toS: SECONDS }],
    gainAt: () => 0.7,
    drawOver(canvas, timeS) {
      const heavy = Math.min(1, Math.max(0, (timeS - begins) / 4))
      for (let drop = 0; drop < STREAKS * heavy; drop++) {
        const from = { x: between(random, 0, aspect), y: between(random, -0.1, 1), length: between(random, 0.03, 0.13) }
        canvas.streak({ ...from, slant }, 215, 0.4)
      }
      for (let drop = 0; drop < SPLASHES * heavy; drop++)
        canvas.disc({ x: between(random, 0, aspect), y: between(random, HORIZON, 1), radius: 0.005 }, 190)
    },
  })
}

function fullFrame(stage: Stage): DrawnPlay {
  const { random } = stage
  const fromS = between(random, 10, 13)
  const lampS = between(random, 30, 33)
  const lampGain = random() < 0.5 ? 0.65 : 1.5
  return still(stage, {
    figures: [come(stage, 'near', 44)],
    cover: { fromS, toS: fromS + between(random, 6, 10) },
    disturbances: [{ kind: 'light-step', fromS: lampS, toS: SECONDS }],
    gainAt: (timeS) => 0.8 * (timeS >= lampS ? lampGain : 1),
  })
}

/** Gusts that come and go, over a steady breeze. */
function wind(stage: Stage): DrawnPlay {
  const { random } = stage
  const gusts = Array.from({ length: 7 }, (_, i) => ({
    atS: 6 + i * 8.5 + between(random, 0, 4),
    lastS: between(random, 2, 5),
  }))
  const most = between(random, 0.016, 0.03)
  return still(stage, {
    figures: [come(stage, 'near', 27), come(stage, 'middle', 49)],
    disturbances: gusts.map(({ atS, lastS }) => ({ kind: 'wind', fromS: atS - lastS, toS: atS + lastS })),
    windAt: (timeS) =>
      gusts.reduce((sum, { atS, lastS }) => sum + most * Math.exp(-(((timeS - atS) / (lastS / 2)) ** 2)), 0.002),
  })
}

function lightning(stage: Stage): DrawnPlay {
  const { random } = stage
  const flashes = [9, 9.4, 16, 24, 24.3, 38, 56].map((atS) => ({
    fromS: atS + between(random, 0, 0.2),
    power: between(random, 1, 3),
  }))
  const lampOnS = between(random, 19, 21)
  const flashAt = (timeS: number) =>
    flashes.reduce((sum, { fromS, power }) => {
      const sinceS = timeS - fromS
      return sinceS < 0 ? sum : sum + power * (sinceS < 0.13 ? 1 : Math.exp(-(sinceS - 0.13) / 0.12))
    }, 0)
  return still(stage, {
    figures: [come(stage, 'near', 42)],
    disturbances: [
      ...flashes.map(({ fromS }) => ({ kind: 'lightning' as const, fromS, toS: fromS + 0.8 })),
      { kind: 'light-step', fromS: lampOnS, toS: SECONDS },
    ],
    gainAt: (timeS) => 0.35 * (timeS >= lampOnS ? 1.7 : 1) * (1 + flashAt(timeS)),
    sigmaAt: () => 4,
  })
}

/** Clouds before the sun: the light falls by a quarter or more and comes back, within seconds. */
function clouds(stage: Stage): DrawnPlay {
  const { random } = stage
  const shades = [6, 21, 40, 53].map((atS) => {
    const fromS = atS + between(random, 0, 2)
    return { fromS, toS: fromS + between(random, 5, 10), depth: between(random, 0.2, 0.4) }
  })
  const dimBy = (timeS: number, { fromS, toS, depth }: (typeof shades)[number]) =>
    timeS < fromS || timeS >= toS ? 0 : depth * Math.sin((Math.PI * (timeS - fromS)) / (toS - fromS)) ** 2
  return still(stage, {
    figures: [come(stage, 'near', 25), come(stage, 'middle', 46)],
    disturbances: shades.map(({ fromS, toS }) => ({ kind: 'light-drift', fromS, toS })),
    gainAt: (timeS) => shades.reduce((gain, shade) => gain * (1 - dimBy(timeS, shade)), 1),
  })
}

const PLAYS: Readonly<Record<DrawnKind, (stage: Stage) => DrawnPlay>> = {
  plain,
  'ir-switch': irSwitch,
  headlights,
  rain,
  'full-frame': fullFrame,
  wind,
  lightning,
  clouds,
}

/** Makes up the play of a kind; every seed of `random` another. `aspect`: width of the picture in heights. */
export function createDrawnPlay(kind: DrawnKind, random: Random, aspect: number): DrawnPlay {
  return PLAYS[kind]({ random, aspect })
}
