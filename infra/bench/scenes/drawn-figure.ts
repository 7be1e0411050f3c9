import type { DrawnCanvas } from './drawn-canvas.ts'
import { between, type Random } from './seeded-random.ts'

/** A person and their way through the picture; lengths in picture heights, x from the left edge. */
export interface DrawnFigure {
  /** Head to foot. */
  readonly height: number
  /** Where the feet are. */
  readonly ground: number
  readonly coat: number
  readonly trousers: number
  readonly skin: number
  /** Levels of the coat's stripes. */
  readonly stripe: number
  /** Stations in order: at `atS` the figure stands at `x`, and walks straight in between. */
  readonly stations: readonly { readonly atS: number; readonly x: number }[]
}

const STEPS_PER_SECOND = 1.8

/** Half of the widest the figure gets, arms and stride included. */
function reach({ height }: DrawnFigure): number {
  return height * 0.2
}

function placeAt({ stations }: DrawnFigure, timeS: number): { x: number; walking: boolean } | undefined {
  const next = stations.findIndex(({ atS }) => atS > timeS)
  if (next <= 0) return undefined
  const [from, to] = [stations[next - 1]!, stations[next]!]
  const share = (timeS - from.atS) / (to.atS - from.atS)
  return { x: from.x + (to.x - from.x) * share, walking: to.x !== from.x }
}

/** Whether any of the figure is inside a picture `aspect` heights wide. */
export function isInPicture(figure: DrawnFigure, timeS: number, aspect: number): boolean {
  const at = placeAt(figure, timeS)
  return at !== undefined && at.x + reach(figure) > 0 && at.x - reach(figure) < aspect
}

/** Draws the figure where it is at `timeS`; nothing when it is elsewhere. */
export function drawFigure(canvas: DrawnCanvas, figure: DrawnFigure, timeS: number): void {
  const at = placeAt(figure, timeS)
  if (at === undefined) return
  const { height: h } = figure
  const swing = at.walking ? Math.sin(timeS * Math.PI * STEPS_PER_SECOND) : 0
  // Nobody stands quite still.
  const sway = at.walking ? 0 : 0.012 * h * Math.sin(timeS * 2.1) + 0.006 * h * Math.sin(timeS * 5.3)
  const x = at.x + sway
  const foot = figure.ground - Math.abs(swing) * 0.012 * h
  for (const side of [-1, 1]) {
    const leg = { left: x - 0.05 * h + side * swing * 0.09 * h, top: foot - 0.48 * h, width: 0.1 * h, height: 0.48 * h }
    canvas.bar(leg, figure.trousers)
    const arm = { left: x - 0.025 * h + side * (0.13 * h + swing * 0.03 * h), top: foot - 0.8 * h }
    canvas.bar({ ...arm, width: 0.06 * h, height: 0.34 * h }, figure.coat - 8)
  }
  canvas.bar(
    { left: x - 0.12 * h, top: foot - 0.84 * h, width: 0.24 * h, height: 0.42 * h },
    figure.coat,
    figure.stripe,
  )
  canvas.disc({ x, y: foot - 0.92 * h, radius: 0.07 * h }, figure.skin)
}

/** How somebody comes. */
export interface VisitPlan {
  readonly fromS: number
  readonly height: number
  readonly ground: number
  readonly aspect: number
  /** Seconds at the door; 0 for somebody who walks past. */
  readonly pauseS: number
}

/** Somebody who comes from either side, stands for a while and leaves; clothes by chance. */
export function planVisit(random: Random, { fromS, height, ground, aspect, pauseS }: VisitPlan): DrawnFigure {
  const margin = height * 0.21
  const [left, right] = [-margin, aspect + margin]
  const comesFromLeft = random() < 0.5
  const start = comesFromLeft ? left : right
  const goal = aspect * between(random, 0.3, 0.75)
  const end = pauseS === 0 ? (comesFromLeft ? right : left) : random() < 0.5 ? left : right
  // A stride is half of one's height, whatever the distance.
  const pace = height * between(random, 0.65, 0.95)
  const arriveS = fromS + Math.abs(goal - start) / pace
  const leaveS = arriveS + pauseS
  const stations = [
    { atS: fromS, x: start },
    { atS: arriveS, x: goal },
    ...(pauseS > 0 ? [{ atS: leaveS, x: goal }] : []),
    { atS: leaveS + Math.abs(end - goal) / pace, x: end },
  ]
  const coat = random() < 0.5 ? between(random, 28, 70) : between(random, 150, 205)
  const clothes = {
    coat,
    trousers: between(random, 24, 80),
    skin: between(random, 90, 190),
    stripe: between(random, 0, 30),
  }
  return { height, ground, ...clothes, stations }
}
