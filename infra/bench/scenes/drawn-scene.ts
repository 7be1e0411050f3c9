/** Labelled scenes drawn from nothing: what sets off false alarms at a door, with visitors before, after and in it. */
import { DrawnCanvas } from './drawn-canvas.ts'
import { drawFigure, isInPicture } from './drawn-figure.ts'
import { createDrawnPlace, type Leaf } from './drawn-place.ts'
import { createDrawnPlay, type DrawnKind, type DrawnPlay } from './drawn-play.ts'
import { type Scene, stretchesWhere } from './scene.ts'
import { createRandom, createSensor } from './seeded-random.ts'

/** What to draw. */
export interface DrawnOptions {
  readonly kind: DrawnKind
  /** Another place, another light, other people. */
  readonly seed: number
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
}

/** As measured: what a camera's second stream sends. */
export const DRAWN_SIZE = { width: 640, height: 360, framesPerSecond: 15 } as const

/** Time in which somebody steps right before the camera, or away again. */
const COVER_S = 0.5

function drawLeaf(
  canvas: DrawnCanvas,
  leaf: Leaf,
  { swing, timeS, infrared }: { swing: number; timeS: number; infrared: boolean },
) {
  const turn = Math.sin(timeS * 5.1 + leaf.phase * 0.35) + 0.5 * Math.sin(timeS * 11.3 + leaf.phase)
  const x = leaf.x + swing * leaf.give * turn
  const y = leaf.y + swing * leaf.give * 0.4 * Math.cos(timeS * 6.7 + leaf.phase)
  canvas.disc({ x, y, radius: leaf.radius }, infrared ? leaf.infrared : leaf.day)
}

/** A coat, a zip and half a face, and nothing else to be seen. */
function drawCover(canvas: DrawnCanvas, { fromS, toS }: { fromS: number; toS: number }, timeS: number): void {
  const aspect = canvas.width / canvas.height
  const away = Math.max(0, 1 - (timeS - fromS) / COVER_S, 1 - (toS - timeS) / COVER_S)
  const left = -0.15 + away * (aspect + 0.2) + 0.05 * Math.sin(timeS * 3.1)
  const top = -0.2 + 0.03 * Math.sin(timeS * 4.7)
  canvas.bar({ left, top, width: aspect + 0.3, height: 1.4 }, 62, 26)
  canvas.bar({ left: left + aspect * 0.55, top, width: 0.04, height: 1.4 }, 170)
  canvas.disc({ x: left + aspect * 0.6, y: top + 0.25, radius: 0.3 }, 150)
}

function drawMoment(
  canvas: DrawnCanvas,
  play: DrawnPlay,
  { plate, leaves, timeS }: { plate: Float32Array; leaves: readonly Leaf[]; timeS: number },
) {
  canvas.light.set(plate)
  const behind = (ground: number) => ground < 0.7
  const sway = { swing: play.windAt(timeS), timeS, infrared: play.isInfraredAt(timeS) }
  for (const figure of play.figures) if (behind(figure.ground)) drawFigure(canvas, figure, timeS)
  for (const leaf of leaves) drawLeaf(canvas, leaf, sway)
  for (const figure of play.figures) if (!behind(figure.ground)) drawFigure(canvas, figure, timeS)
  if (play.cover && timeS >= play.cover.fromS && timeS < play.cover.toS) drawCover(canvas, play.cover, timeS)
  play.drawOver(canvas, timeS)
}

/** Builds a scene; drawing needs neither footage nor ffmpeg. */
export function createDrawnScene({ kind, seed, width, height, framesPerSecond }: DrawnOptions): Scene {
  const aspect = width / height
  const plan = () => createDrawnPlay(kind, createRandom(seed * 31 + 7), aspect)
  const { figures, cover, disturbances, seconds } = plan()
  const isThere = (timeS: number) =>
    figures.some((figure) => isInPicture(figure, timeS, aspect)) ||
    (cover !== undefined && timeS >= cover.fromS && timeS < cover.toS)
  const frames = Math.round(seconds * framesPerSecond)

  function* pictures(): Generator<Uint8Array, void, undefined> {
    // Planned anew: the rain of a second showing is the rain of the first.
    const play = plan()
    const place = createDrawnPlace(width, height, seed)
    const canvas = new DrawnCanvas(width, height)
    const sensor = createSensor(width, createRandom(seed * 17 + 3))
    const bytes = new Uint8Array((width * height * 3) / 2).fill(128)
    for (let frame = 0; frame < frames; frame++) {
      const timeS = frame / framesPerSecond
      const plate = play.isInfraredAt(timeS) ? place.infrared : place.day
      drawMoment(canvas, play, { plate, leaves: place.leaves, timeS })
      sensor.expose(canvas.light, bytes, { gain: play.gainAt(timeS), sigma: play.sigmaAt(timeS) })
      yield bytes
    }
  }

  const visits = stretchesWhere(frames, framesPerSecond, isThere)
  return { name: `${kind}-${seed}`, width, height, framesPerSecond, seconds, visits, disturbances, pictures }
}
