import { LatchkeyError } from '../errors.ts'
import { edgesOf, type GridPoint, orientation, ringContains, segmentsTouch } from './plane.ts'

/** A place: [latitude, longitude] in whole microdegrees. */
export type MicroPoint = GridPoint
/** Vertices of a closed ring, in either direction; the first is not repeated at the end. */
export type Polygon = readonly MicroPoint[]

/** Mean earth radius R₁ (IUGG), metres: part of the protocol, every party gets the same area. */
export const EARTH_RADIUS_M = 6_371_008.8
export const MIN_VERTICES = 3
export const MAX_VERTICES = 64

const POLE_MICRO = 90_000_000
const ANTIMERIDIAN_MICRO = 180_000_000
const RADIANS_PER_MICRO = Math.PI / 180 / 1_000_000
/** Metres that a microdegree of latitude is long; one of longitude is shorter by the cosine of the latitude. */
export const METRES_PER_MICRO = EARTH_RADIUS_M * RADIANS_PER_MICRO

const invalid = (message: string) => new LatchkeyError('AREA_INVALID', message)

/**
 * Is this an area one can ask about: 3 … 64 vertices, simple, away from poles and antimeridian (where the flat
 * formulas below are wrong)?
 * Untrusted: `polygon`.
 * @throws AREA_INVALID
 */
export function assertPolygon(polygon: Polygon): void {
  if (polygon.length < MIN_VERTICES || polygon.length > MAX_VERTICES)
    throw invalid(`polygon has ${polygon.length} vertices, expected ${MIN_VERTICES} to ${MAX_VERTICES}`)
  if (!polygon.every(isPlace)) throw invalid('a vertex is not a place in microdegrees away from poles and antimeridian')
  const longitudes = polygon.map(([, lon]) => lon)
  if (Math.max(...longitudes) - Math.min(...longitudes) >= ANTIMERIDIAN_MICRO)
    throw invalid('polygon spans half the earth, or crosses the antimeridian')
  if (new Set(polygon.map((vertex) => vertex.join())).size < polygon.length) throw invalid('a vertex is repeated')
  if (!isSimple(polygon)) throw invalid('edges of the polygon cross or touch')
}

function isPlace([lat, lon]: MicroPoint): boolean {
  return (
    Number.isInteger(lat) && Number.isInteger(lon) && Math.abs(lat) < POLE_MICRO && Math.abs(lon) < ANTIMERIDIAN_MICRO
  )
}

function isSimple(polygon: Polygon): boolean {
  const [a, b, c] = polygon
  if (polygon.length === MIN_VERTICES) return orientation(a!, b!, c!) !== 0
  // With four edges or more, two neighbours that run back over each other touch a third: no case of its own.
  const edges = edgesOf(polygon)
  const areNeighbours = (i: number, j: number) => j === i + 1 || (i === 0 && j === edges.length - 1)
  return edges.every(([p, q], i) =>
    edges.every(([r, s], j) => j <= i || areNeighbours(i, j) || !segmentsTouch(p, q, r, s)),
  )
}

/**
 * Area in whole square metres: shoelace on the equirectangular projection about the mean latitude of the vertices.
 * @param polygon passed {@link assertPolygon}
 * @see protocol §5
 */
export function areaM2Of(polygon: Polygon): number {
  const [originLat, originLon] = polygon[0]!
  // Relative to one vertex: the products stay small enough to be exact for any area a policy allows.
  const twice = edgesOf(polygon).reduce(
    (sum, [a, b]) => sum + (a[1] - originLon) * (b[0] - originLat) - (b[1] - originLon) * (a[0] - originLat),
    0,
  )
  const meanLat = polygon.reduce((sum, [lat]) => sum + lat, 0) / polygon.length
  return Math.round((Math.abs(twice) / 2) * METRES_PER_MICRO ** 2 * Math.cos(meanLat * RADIANS_PER_MICRO))
}

/** Is the place inside the polygon or on its edge? Exact. */
export function polygonContains(polygon: Polygon, point: MicroPoint): boolean {
  return ringContains(polygon, point)
}

/**
 * Metres from a place outside to the polygon's nearest edge; 0 inside. Equirectangular about the place's latitude:
 * good to a metre or so over the few kilometres it is shown for.
 */
export function distanceOutsideM(polygon: Polygon, point: MicroPoint): number {
  if (polygonContains(polygon, point)) return 0
  return Math.min(...edgesOf(polygon).map(([a, b]) => distanceToOrigin(project(a, point), project(b, point))))
}

/** Metres north and east of `origin`. */
function project([lat, lon]: MicroPoint, [originLat, originLon]: MicroPoint): GridPoint {
  return [
    (lat - originLat) * METRES_PER_MICRO,
    (lon - originLon) * METRES_PER_MICRO * Math.cos(originLat * RADIANS_PER_MICRO),
  ]
}

/** Distance from [0, 0] to the segment a–b. */
function distanceToOrigin([aNorth, aEast]: GridPoint, [bNorth, bEast]: GridPoint): number {
  const [north, east] = [bNorth - aNorth, bEast - aEast]
  const along = -(aNorth * north + aEast * east) / (north * north + east * east)
  const share = Math.min(1, Math.max(0, along))
  return Math.hypot(aNorth + share * north, aEast + share * east)
}
