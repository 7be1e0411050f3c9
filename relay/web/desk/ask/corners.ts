/** Corners of an area as people write them, and what can be done with them. */
import { METRES_PER_MICRO, type Vertex } from '@latchkey/shared'
import { squeezeAt } from '../../kit/projection.ts'

const MICRO = 1_000_000
const PLACE = /^\(?\s*([+-]?\d{1,2}(?:\.\d+)?)\s*[,;\s]\s*([+-]?\d{1,3}(?:\.\d+)?)\s*\)?[,;]?$/

/** “47.60625, -122.33211”, as any map program writes it; null when it is no place on the Earth. Untrusted: `text`. */
export function parsePlace(text: string): Vertex | null {
  const [, latText, lonText] = PLACE.exec(text.trim()) ?? []
  const [lat, lon] = [Number(latText), Number(lonText)]
  if (!(Math.abs(lat) <= 90) || !(Math.abs(lon) <= 180)) return null
  return [Math.round(lat * MICRO), Math.round(lon * MICRO)]
}

/** “47.606250, -122.332110”: every microdegree, so that it reads back as the same place. */
export const placeText = ([lat, lon]: Vertex): string => `${(lat / MICRO).toFixed(6)}, ${(lon / MICRO).toFixed(6)}`

/** Corners in lines, empty ones passed over; else the first line, from 1, that is none. Untrusted: `text`. */
export function parseCorners(
  text: string,
): { readonly area: readonly Vertex[]; readonly badLine: null } | { readonly area: null; readonly badLine: number } {
  const lines = text.split('\n')
  const area: Vertex[] = []
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue
    const place = parsePlace(line)
    if (place === null) return { area: null, badLine: i + 1 }
    area.push(place)
  }
  return { area, badLine: null }
}

/** As {@link parseCorners} reads them. */
export const cornersText = (area: readonly Vertex[]): string => area.map(placeText).join('\n')

/** A place so many metres north and east of another, whole microdegrees. */
export function moved([lat, lon]: Vertex, northM: number, eastM: number): Vertex {
  return [
    lat + Math.round(northM / METRES_PER_MICRO),
    lon + Math.round(eastM / METRES_PER_MICRO / Math.max(squeezeAt(lat), 1e-6)),
  ]
}

/** A square block around a place, its corners in order. */
export function blockAround(middle: Vertex, sizeM: number): Vertex[] {
  const half = sizeM / 2
  return [
    moved(middle, -half, -half),
    moved(middle, -half, half),
    moved(middle, half, half),
    moved(middle, half, -half),
  ]
}

/** A corner more, half-way along the edge that begins at `index`. */
export function withMidpoint(area: readonly Vertex[], index: number): Vertex[] {
  const [from, to] = [area[index]!, area[(index + 1) % area.length]!]
  const middle: Vertex = [Math.round((from[0] + to[0]) / 2), Math.round((from[1] + to[1]) / 2)]
  return area.toSpliced(index + 1, 0, middle)
}
