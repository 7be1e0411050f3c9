import { encodeGeohash, type Vertex } from '@latchkey/shared'

/** The demo's home, in integer microdegrees. Only the owner's side knows it. */
export const HOME: Vertex = [47_600_000, -122_300_000]

/** The block around it that the demo's investigator asks about: about 0.29 km². */
export const BLOCK: readonly Vertex[] = [
  [47_597_500, -122_303_500],
  [47_597_500, -122_296_500],
  [47_602_500, -122_296_500],
  [47_602_500, -122_303_500],
]

/** What the relay learns of the home: its geohash-5 cell, about 24 km². */
export const CELL = encodeGeohash(HOME[0], HOME[1], 5)
