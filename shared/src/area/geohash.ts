import { LatchkeyError } from '../errors.ts'

/** Base 32 of geohash: digits and lower-case letters without a, i, l, o. */
const ALPHABET = '0123456789bcdefghjkmnpqrstuvwxyz'
const BITS_PER_CHARACTER = 5

/** A cell's edges in microdegrees; not whole numbers in general. South and west edges belong to the cell. */
export interface CellBounds {
  readonly south: number
  readonly north: number
  readonly west: number
  readonly east: number
}

/** How many rows and columns of cells cover the earth at a precision. */
function gridOf(precision: number): { rows: number; columns: number } {
  const bits = precision * BITS_PER_CHARACTER
  // Longitude takes the first bit and every second one after it.
  return { rows: 2 ** Math.floor(bits / 2), columns: 2 ** Math.ceil(bits / 2) }
}

const LATITUDE_SPAN = 180_000_000
const LONGITUDE_SPAN = 360_000_000

/** Row (from the south) and column (from the west) of the cell that holds a point. */
export function cellIndexOf(latMicro: number, lonMicro: number, precision: number): { row: number; column: number } {
  const { rows, columns } = gridOf(precision)
  // Whole numbers throughout (below 2^53), so that a point on an edge is never on the wrong side by rounding.
  const row = Math.floor(((latMicro + LATITUDE_SPAN / 2) * rows) / LATITUDE_SPAN)
  const column = Math.floor(((lonMicro + LONGITUDE_SPAN / 2) * columns) / LONGITUDE_SPAN)
  return { row: Math.min(row, rows - 1), column: Math.min(column, columns - 1) }
}

/** Geohash of a row and column. */
export function encodeCell(row: number, column: number, precision: number): string {
  const bits = precision * BITS_PER_CHARACTER
  let [latBits, lonBits] = [Math.floor(bits / 2), Math.ceil(bits / 2)]
  let text = ''
  for (let i = 0; i < precision; i++) {
    let value = 0
    for (let j = 0; j < BITS_PER_CHARACTER; j++) {
      const isLongitude = (i * BITS_PER_CHARACTER + j) % 2 === 0
      const bit = isLongitude ? (column >> --lonBits) & 1 : (row >> --latBits) & 1
      value = (value << 1) | bit
    }
    text += ALPHABET[value]!
  }
  return text
}

/**
 * Geohash of a point.
 * @param latMicro whole microdegrees, −90,000,000 … 90,000,000
 * @param lonMicro whole microdegrees, −180,000,000 … 180,000,000
 * @param precision characters, 1 … 9; 5 is about 24 km²
 */
export function encodeGeohash(latMicro: number, lonMicro: number, precision = 5): string {
  const { row, column } = cellIndexOf(latMicro, lonMicro, precision)
  return encodeCell(row, column, precision)
}

/** Edges of a cell by row and column. */
export function cellBounds(row: number, column: number, precision: number): CellBounds {
  const { rows, columns } = gridOf(precision)
  return {
    south: (row * LATITUDE_SPAN) / rows - LATITUDE_SPAN / 2,
    north: ((row + 1) * LATITUDE_SPAN) / rows - LATITUDE_SPAN / 2,
    west: (column * LONGITUDE_SPAN) / columns - LONGITUDE_SPAN / 2,
    east: ((column + 1) * LONGITUDE_SPAN) / columns - LONGITUDE_SPAN / 2,
  }
}

/** Edges of a geohash. Untrusted: `geohash`. @throws ENCODING_INVALID for other characters or more than 9 of them */
export function decodeGeohash(geohash: string): CellBounds {
  if (!/^[0-9b-hjkmnp-z]{1,9}$/.test(geohash)) throw new LatchkeyError('ENCODING_INVALID', 'not a geohash')
  let [row, column] = [0, 0]
  for (let i = 0; i < geohash.length; i++) {
    const value = ALPHABET.indexOf(geohash.charAt(i))
    for (let j = 0; j < BITS_PER_CHARACTER; j++) {
      const bit = (value >> (BITS_PER_CHARACTER - 1 - j)) & 1
      if ((i * BITS_PER_CHARACTER + j) % 2 === 0) column = column * 2 + bit
      else row = row * 2 + bit
    }
  }
  return cellBounds(row, column, geohash.length)
}
