import { encodeGeohash, type Vertex } from '@latchkey/shared'

/** The demo's home, in integer microdegrees. Only the owner's side knows it. */
export const HOME: Vertex = [47_600_000, -122_300_000]

/** Half of a block's height and width. */
const [HALF_HEIGHT, HALF_WIDTH] = [2_500, 3_500]

/** The block around a place that the demo's investigator asks about: about 0.29 km² at the demo's latitude. */
export const blockAround = ([lat, lon]: Vertex): readonly Vertex[] => [
  [lat - HALF_HEIGHT, lon - HALF_WIDTH],
  [lat - HALF_HEIGHT, lon + HALF_WIDTH],
  [lat + HALF_HEIGHT, lon + HALF_WIDTH],
  [lat + HALF_HEIGHT, lon - HALF_WIDTH],
]

/** The block of the demo's home. */
export const BLOCK = blockAround(HOME)

/** What the relay learns of the home: its geohash-5 cell, about 24 km². */
export const CELL = encodeGeohash(HOME[0], HOME[1], 5)
