import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CompositeOptions, createComposite } from './composite-scene.ts'
import type { Coding } from './ffmpeg-scene-encoder.ts'
import type { VisitFootage } from './footage-plate.ts'
import type { Scene } from './scene.ts'

/** A composite and how its camera codes it. */
export interface CompositeEntry {
  readonly scene: CompositeOptions
  readonly coding: Coding
}

/** The one recording whose visitors are near, whole and apart from each other. */
const PEOPLE = 'intel-one-by-one-person-detection.mp4'

/** Visits 0 and 1 are for tuning, the others for measuring. */
export const TUNING_VISITS = [0, 1] as const
export const SCORED_VISITS = [2, 3, 4, 5] as const

const HD = { width: 1280, height: 720 }
const FULL_HD = { width: 1920, height: 1080 }
const BASE = { ...HD, sigma: 1.5, scale: 1, quietS: [12, 30], light: 'steady' } as const
const VBR = { gopS: 2, rate: 'vbr', kilobitsPerSecond: 2_500 } as const
const CBR = { gopS: 2, rate: 'cbr', kilobitsPerSecond: 1_500 } as const

/** Everything that is measured: near, far, light steps, drifts, noise, keyframes every 1, 2 and 4 seconds. */
export const COMPOSITES: readonly CompositeEntry[] = [
  { scene: { ...BASE, name: 'near-vbr-gop2', seed: 101, visits: [2, 3] }, coding: VBR },
  { scene: { ...BASE, name: 'near-cbr-gop1', seed: 102, visits: [5, 3], sigma: 4 }, coding: { ...CBR, gopS: 1 } },
  { scene: { ...BASE, name: 'near-vbr-gop4', seed: 103, visits: [4], sigma: 2.5 }, coding: { ...VBR, gopS: 4 } },
  { scene: { ...BASE, name: 'noise-cbr-gop2', seed: 104, visits: [3, 5], sigma: 8 }, coding: CBR },
  { scene: { ...BASE, name: 'far-40-vbr-gop2', seed: 105, visits: [3, 5, 2], scale: 0.4 }, coding: VBR },
  { scene: { ...BASE, name: 'far-20-cbr-gop2', seed: 106, visits: [5, 2, 3], scale: 0.2, sigma: 2.5 }, coding: CBR },
  { scene: { ...BASE, name: 'steps-vbr-gop2', seed: 107, visits: [3, 5], light: 'steps' }, coding: VBR },
  { scene: { ...BASE, name: 'drifts-cbr-gop2', seed: 108, visits: [5, 3], light: 'drifts', sigma: 2.5 }, coding: CBR },
  {
    scene: { ...BASE, ...FULL_HD, name: 'hd-cbr-gop2', seed: 109, visits: [5], sigma: 2.5 },
    coding: { ...CBR, kilobitsPerSecond: 2_500 },
  },
]

/** The same mixture from other visits and seeds, for whoever adjusts a detector: none of it is measured. */
export const TUNING_COMPOSITES: readonly CompositeEntry[] = COMPOSITES.filter(
  ({ scene }) => scene.width === HD.width,
).map(({ scene, coding }, i) => ({
  scene: { ...scene, name: `tuning-${scene.name}`, seed: i + 1, visits: [TUNING_VISITS[i % 2]!] },
  coding,
}))

/** The footage that composites are cut from, with its hand-made labels. `folder`: where the recordings lie. @throws when they do not */
export function loadVisitFootage(folder: string): VisitFootage {
  const truth = JSON.parse(readFileSync(join(folder, 'ground-truth.json'), 'utf8')) as Record<
    string,
    { readonly events: readonly (readonly [number, number])[] }
  >
  const visits = truth[PEOPLE]!.events.map(([fromS, toS]) => ({ fromS, toS }))
  return { path: join(folder, PEOPLE), visits }
}

/** Puts an entry together. */
export function createCompositeOf(footage: VisitFootage, { scene }: CompositeEntry): Promise<Scene> {
  return createComposite(footage, scene)
}
