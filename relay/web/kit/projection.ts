/** Places on a flat picture: north up, metres the same both ways. */
import { METRES_PER_MICRO } from '@latchkey/shared'

/** [latitude, longitude] in integer microdegrees. */
export type Place = readonly [number, number]

const RADIANS_PER_MICRO = Math.PI / 180e6

/** A square picture of some places. */
export interface Projection {
  readonly pixelsPerMetre: number
  /** Pixels from the left and from the top. */
  at(place: Place): readonly [number, number]
  /** The place at a pixel, whole microdegrees. */
  placeAt(x: number, y: number): Place
}

/** How much shorter a degree of longitude is than one of latitude. */
export const squeezeAt = (latMicro: number): number => Math.cos(latMicro * RADIANS_PER_MICRO)

/** Everything inside the frame. @param places at least one */
export function projectionOf(places: readonly Place[], { size, margin }: { size: number; margin: number }): Projection {
  const lats = places.map(([lat]) => lat)
  const lons = places.map(([, lon]) => lon)
  const [south, north, west, east] = [Math.min(...lats), Math.max(...lats), Math.min(...lons), Math.max(...lons)]
  const [middleLat, middleLon] = [(south + north) / 2, (west + east) / 2]
  const squeeze = squeezeAt(middleLat)
  const unit = (size - 2 * margin) / Math.max(north - south, (east - west) * squeeze, 1)
  return {
    pixelsPerMetre: unit / METRES_PER_MICRO,
    at: ([lat, lon]) => [size / 2 + (lon - middleLon) * squeeze * unit, size / 2 - (lat - middleLat) * unit],
    placeAt: (x, y) => [
      Math.round(middleLat - (y - size / 2) / unit),
      Math.round(middleLon + (x - size / 2) / unit / squeeze),
    ],
  }
}

const SCALES_M = [10, 20, 50, 100, 200, 500, 1_000, 2_000]

/** A length worth drawing: metres, its pixels, and its name. */
export function scaleOf({ pixelsPerMetre }: Projection, mostPixels: number): { pixels: number; words: string } {
  const metres = SCALES_M.findLast((length) => length * pixelsPerMetre < mostPixels) ?? SCALES_M[0]!
  return { pixels: metres * pixelsPerMetre, words: metres < 1_000 ? `${metres} m` : `${metres / 1_000} km` }
}

/** The `points` of a polygon. */
export const pointsOf = (places: readonly Place[], { at }: Projection): string =>
  places
    .map((place) =>
      at(place)
        .map((value) => value.toFixed(1))
        .join(','),
    )
    .join(' ')
