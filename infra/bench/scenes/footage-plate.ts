import { footagePictures } from './ffmpeg-footage.ts'
import type { Stretch } from './scene.ts'

/** Recorded visits that a composite is cut from. */
export interface VisitFootage {
  readonly path: string
  /** Where somebody is in the picture, labelled by hand to ± 0.3 s. */
  readonly visits: readonly Stretch[]
}

/** Hand labels are this uncertain, and shadows come before their people. */
const EMPTY_MARGIN_S = 0.7
/** Empty pictures per second of footage that the median is taken of. */
const SAMPLES_PER_SECOND = 1.5

function emptyStretches({ visits }: VisitFootage): Stretch[] {
  const starts = [0, ...visits.map(({ toS }) => toS + EMPTY_MARGIN_S)]
  return visits
    .map(({ fromS }, i) => ({ fromS: starts[i]!, toS: fromS - EMPTY_MARGIN_S }))
    .filter(({ fromS, toS }) => toS - fromS >= 1)
}

/** The middle of an odd or even number of values. */
function medianOf(values: Uint8Array): number {
  return values.sort()[values.length >> 1]!
}

/** The place without people: the median of each pixel over the empty pictures. Planar YUV 4:2:0. */
export async function loadPlate(footage: VisitFootage, width: number, height: number): Promise<Uint8Array> {
  const empty: Uint8Array[] = []
  for (const stretch of emptyStretches(footage)) {
    const view = { path: footage.path, width, height, framesPerSecond: SAMPLES_PER_SECOND, stretch }
    for await (const picture of footagePictures(view)) empty.push(picture)
  }
  if (empty.length < 5) throw new Error(`${footage.path} has too few empty pictures for a plate`)
  const values = new Uint8Array(empty.length)
  return Uint8Array.from({ length: empty[0]!.length }, (_, at) => {
    for (let i = 0; i < values.length; i++) values[i] = empty[i]![at]!
    return medianOf(values)
  })
}
