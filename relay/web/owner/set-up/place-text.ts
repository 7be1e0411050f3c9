import type { Place } from '../household/home.ts'

const MICRO = 1_000_000

/** “47.606200, -122.332100”. */
export const placeText = ([lat, lon]: Place): string => `${(lat / MICRO).toFixed(5)}, ${(lon / MICRO).toFixed(5)}`

/** Degrees → microdegrees; null when they are no place on the Earth. */
export function placeOf(lat: number, lon: number): Place | null {
  if (!(Math.abs(lat) <= 90) || !(Math.abs(lon) <= 180)) return null
  return [Math.round(lat * MICRO), Math.round(lon * MICRO)]
}

/** What a person typed or copied from a map: two decimal numbers. Untrusted: `text`. */
export function parsePlace(text: string): Place | null {
  const match = /^\s*\(?\s*([+-]?\d{1,2}(?:\.\d+)?)\s*[,;\s]\s*([+-]?\d{1,3}(?:\.\d+)?)\s*\)?\s*$/.exec(text)
  return match ? placeOf(Number(match[1]), Number(match[2])) : null
}
