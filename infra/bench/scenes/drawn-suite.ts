import { DRAWN_KINDS } from './drawn-play.ts'
import { createDrawnScene, DRAWN_SIZE } from './drawn-scene.ts'
import type { Coding } from './ffmpeg-scene-encoder.ts'
import type { Scene } from './scene.ts'

/** Seeds for tuning, and others for measuring. */
export const TUNING_SEEDS = [1, 2, 3, 4] as const
export const SCORED_SEEDS = [101, 102, 103] as const

/** How all of them are coded. */
export const DRAWN_CODING: Coding = { gopS: 2, rate: 'vbr', kilobitsPerSecond: 1_500 }

/** Every kind with every one of `seeds`. */
export function drawnScenes(seeds: readonly number[]): Scene[] {
  return DRAWN_KINDS.flatMap((kind) => seeds.map((seed) => createDrawnScene({ kind, seed, ...DRAWN_SIZE })))
}
