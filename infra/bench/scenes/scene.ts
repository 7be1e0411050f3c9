/** Seconds from the first picture; `toS` is not part of it. */
export interface Stretch {
  readonly fromS: number
  readonly toS: number
}

/** Something that changes the picture and is nobody. */
export interface Disturbance extends Stretch {
  readonly kind: 'ir-switch' | 'headlights' | 'rain' | 'wind' | 'lightning' | 'light-step' | 'light-drift'
}

/** A video with its truth: the same pictures for the same seed, every time. */
export interface Scene {
  /** For file names. */
  readonly name: string
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
  readonly seconds: number
  /** When somebody is in the picture, in order and apart from each other: what a detector has to find. */
  readonly visits: readonly Stretch[]
  readonly disturbances: readonly Disturbance[]
  /** Every picture in order, planar YUV 4:2:0 of 8 bits. The buffer is drawn over for the next one. */
  pictures(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** What is in a scene apart from its pixels. */
export type SceneTruth = Omit<Scene, 'pictures'>

/** A scene without its pixels, for a file beside the video. */
export function truthOf(scene: Scene): SceneTruth {
  const { name, width, height, framesPerSecond, seconds, visits, disturbances } = scene
  return { name, width, height, framesPerSecond, seconds, visits, disturbances }
}

/** Pictures of a scene. */
export function frameCount({ seconds, framesPerSecond }: SceneTruth): number {
  return Math.round(seconds * framesPerSecond)
}

/** The frames for which `isThere` says yes, as stretches of time. */
export function stretchesWhere(
  frames: number,
  framesPerSecond: number,
  isThere: (timeS: number) => boolean,
): Stretch[] {
  const stretches: Stretch[] = []
  let from: number | undefined
  for (let frame = 0; frame <= frames; frame++) {
    const there = frame < frames && isThere(frame / framesPerSecond)
    if (there) from ??= frame
    else if (from !== undefined) {
      stretches.push({ fromS: from / framesPerSecond, toS: frame / framesPerSecond })
      from = undefined
    }
  }
  return stretches
}
