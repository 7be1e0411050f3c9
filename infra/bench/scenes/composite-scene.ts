/**
 * Semi-synthetic scenes: recorded visitors on a still picture of the same place, with a new camera's noise, as far away,
 * as often and under such light as a measurement needs. Say "semi-synthetic" wherever a number from them is quoted.
 */
import { footagePictures } from './ffmpeg-footage.ts'
import { type VisitFootage, loadPlate } from './footage-plate.ts'
import type { Disturbance, Scene, Stretch } from './scene.ts'
import { between, createRandom, createSensor, type Random } from './seeded-random.ts'
import { createVisitMatte } from './visit-matte.ts'

/** What to put together. */
export interface CompositeOptions {
  readonly name: string
  readonly width: number
  readonly height: number
  readonly seed: number
  /** Standard deviation of the sensor's noise, luma levels. */
  readonly sigma: number
  /** Size of the visitors, 1 as recorded; 0.4 and 0.2 put them far away. */
  readonly scale: number
  /** Which recorded visits, by number from 0, in this order. */
  readonly visits: readonly number[]
  /** Least and most seconds in which nobody is there, before, between and after. */
  readonly quietS: readonly [number, number]
  /** In each quiet stretch: nothing, the light × 0.8 for a while at once, or a slow fall by a quarter and back. */
  readonly light: 'steady' | 'steps' | 'drifts'
}

const FRAMES_PER_SECOND = 15
/** Less of the picture than this is coding noise, not a visitor entering. */
const PRESENT_SHARE = 0.002
const HALF_A_FRAME_S = 0.5 / FRAMES_PER_SECOND
const STEP_GAIN = 0.8
const DRIFT_DEPTH = 0.25
/** Small and quick: the look for who is there when. */
const SURVEY = { width: 192, height: 108 }
const LABEL_MARGIN_S = 1

interface PlacedVisit extends Stretch {
  /** Where the visit lies in the footage. */
  readonly footage: Stretch
  /** Upper left corner of the pasted picture. */
  readonly left: number
  readonly top: number
}

const even = (value: number) => Math.max(2, Math.round(value / 2) * 2)

/** When exactly somebody is there, near a hand-made label. */
async function survey(footage: VisitFootage, plate: Uint8Array, label: Stretch): Promise<Stretch> {
  const stretch = { fromS: Math.max(0, label.fromS - LABEL_MARGIN_S), toS: label.toS + LABEL_MARGIN_S }
  const matte = createVisitMatte(plate, SURVEY.width, SURVEY.height)
  const view = { path: footage.path, ...SURVEY, framesPerSecond: FRAMES_PER_SECOND, stretch }
  let [first, last, frame] = [Infinity, -Infinity, 0]
  for await (const picture of footagePictures(view)) {
    if (matte.cut(picture).share > PRESENT_SHARE) {
      first = Math.min(first, frame)
      last = frame
    }
    frame++
  }
  if (last < first) throw new Error('a labelled visit shows nobody')
  return { fromS: stretch.fromS + first / FRAMES_PER_SECOND, toS: stretch.fromS + (last + 1) / FRAMES_PER_SECOND }
}

function disturb(light: CompositeOptions['light'], { fromS, toS }: Stretch): Disturbance[] {
  if (light === 'steady') return []
  const third = (toS - fromS) / 3
  return [{ kind: light === 'steps' ? 'light-step' : 'light-drift', fromS: fromS + third, toS: toS - third / 2 }]
}

/** The whole picture's light at a moment, as a factor. */
function gainAt(disturbances: readonly Disturbance[], timeS: number): number {
  const now = disturbances.find(({ fromS, toS }) => timeS >= fromS && timeS < toS)
  if (now === undefined) return 1
  if (now.kind === 'light-step') return STEP_GAIN
  return 1 - DRIFT_DEPTH * Math.sin((Math.PI * (timeS - now.fromS)) / (now.toS - now.fromS)) ** 2
}

/** Where a smaller picture goes: anywhere across, its lower edge low enough to stand on something. */
function place({ width, height, scale }: CompositeOptions, random: Random): { left: number; top: number } {
  const left = Math.floor(((width - even(width * scale)) * random()) / 2) * 2
  const depth = scale === 1 ? 1 : between(random, 0.6, 0.95)
  return { left, top: Math.floor(((height - even(height * scale)) * depth) / 2) * 2 }
}

interface Timeline {
  readonly visits: readonly PlacedVisit[]
  readonly disturbances: readonly Disturbance[]
  readonly seconds: number
}

function layOut(options: CompositeOptions, recorded: readonly Stretch[], random: Random): Timeline {
  const visits: PlacedVisit[] = []
  const disturbances: Disturbance[] = []
  const whole = (timeS: number) => Math.round(timeS * FRAMES_PER_SECOND) / FRAMES_PER_SECOND
  let atS = 0
  const rest = () => {
    const quiet = { fromS: atS, toS: whole(atS + between(random, ...options.quietS)) }
    disturbances.push(...disturb(options.light, quiet))
    atS = quiet.toS
  }
  for (const footage of recorded) {
    rest()
    const fromS = atS
    atS = whole(atS + footage.toS - footage.fromS)
    visits.push({ fromS, toS: atS, footage, ...place(options, random) })
  }
  rest()
  return { visits, disturbances, seconds: atS }
}

/** Lays a matted visitor over the light and the colours of a picture. */
class Canvas {
  readonly light: Float32Array
  readonly bytes: Uint8Array
  readonly #plate: Uint8Array
  readonly #width: number
  readonly #height: number

  constructor(plate: Uint8Array, width: number, height: number) {
    this.#plate = plate
    this.#width = width
    this.#height = height
    this.light = new Float32Array(width * height)
    this.bytes = plate.slice()
  }

  clear(): void {
    const { light } = this
    light.set(this.#plate.subarray(0, light.length))
    this.bytes.set(this.#plate.subarray(light.length), light.length)
  }

  paste(
    visitor: Uint8Array,
    alpha: Float32Array,
    at: { left: number; top: number; width: number; height: number },
  ): void {
    const { light, bytes } = this
    for (let y = 0; y < at.height; y++) {
      for (let x = 0, to = (at.top + y) * this.#width + at.left, from = y * at.width; x < at.width; x++, to++, from++)
        if (alpha[from]! > 0) light[to]! += alpha[from]! * (visitor[from]! - light[to]!)
    }
    const [ownRow, row] = [this.#width / 2, at.width / 2]
    for (let plane = 0; plane < 2; plane++) {
      const own = light.length + plane * ownRow * (this.#height / 2)
      const theirs = at.width * at.height + plane * row * (at.height / 2)
      for (let y = 0; y < at.height / 2; y++) {
        for (let x = 0; x < row; x++) {
          const share = alpha[2 * y * at.width + 2 * x]!
          if (share === 0) continue
          const to = own + (at.top / 2 + y) * ownRow + at.left / 2 + x
          bytes[to]! += share * (visitor[theirs + y * row + x]! - bytes[to]!)
        }
      }
    }
  }
}

/**
 * Puts a scene together from `footage`. Its visits are exact to the picture: nobody is pasted outside them.
 * @throws when the footage cannot be read
 */
export async function createComposite(footage: VisitFootage, options: CompositeOptions): Promise<Scene> {
  const { width, height, scale, sigma, seed, name } = options
  const random = createRandom(seed)
  const surveyPlate = await loadPlate(footage, SURVEY.width, SURVEY.height)
  const recorded: Stretch[] = []
  for (const number of options.visits) recorded.push(await survey(footage, surveyPlate, footage.visits[number]!))
  const { visits, disturbances, seconds } = layOut(options, recorded, random)
  const size = { width: even(width * scale), height: even(height * scale) }

  async function* pictures(): AsyncGenerator<Uint8Array, void, undefined> {
    const plate = await loadPlate(footage, width, height)
    const smallPlate = scale === 1 ? plate : await loadPlate(footage, size.width, size.height)
    const matte = createVisitMatte(smallPlate, size.width, size.height)
    const sensor = createSensor(width, createRandom(seed + 1))
    const canvas = new Canvas(plate, width, height)
    let visitors: AsyncGenerator<Uint8Array, void, undefined> | undefined
    try {
      for (let frame = 0; frame < seconds * FRAMES_PER_SECOND; frame++) {
        const timeS = frame / FRAMES_PER_SECOND
        const visit = visits.find(({ fromS, toS }) => timeS >= fromS - HALF_A_FRAME_S && timeS < toS - HALF_A_FRAME_S)
        canvas.clear()
        if (visit === undefined) {
          await visitors?.return()
          visitors = undefined
        } else {
          const stretch = visit.footage
          visitors ??= footagePictures({ path: footage.path, ...size, framesPerSecond: FRAMES_PER_SECOND, stretch })
          const next = await visitors.next()
          if (next.done !== true) canvas.paste(next.value, matte.cut(next.value).alpha, { ...visit, ...size })
        }
        sensor.expose(canvas.light, canvas.bytes, { gain: gainAt(disturbances, timeS), sigma })
        yield canvas.bytes
      }
    } finally {
      await visitors?.return()
    }
  }

  const stretches = visits.map(({ fromS, toS }) => ({ fromS, toS }))
  return { name, width, height, framesPerSecond: FRAMES_PER_SECOND, seconds, visits: stretches, disturbances, pictures }
}
