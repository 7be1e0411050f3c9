import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cellsOfPolygon } from '../../../../shared/src/area/cells.ts'
import { decodeGeohash, encodeGeohash } from '../../../../shared/src/area/geohash.ts'
import type { Polygon } from '../../../../shared/src/area/polygon.ts'
import { codeThrown } from '../../../support/damage.ts'

const lat = fc.integer({ min: -89_999_999, max: 89_999_999 })
const lon = fc.integer({ min: -179_999_999, max: 179_999_999 })

describe('geohash', () => {
  test.each([
    // The example of the scheme's author, and of its encyclopedia entry.
    [57_649_110, 10_407_440, 'u4pruydqq'],
    [42_605_000, -5_603_000, 'ezs42'],
    [52_520_000, 13_405_000, 'u33dc'],
    [-25_382_708, -49_265_506, '6gkzwgjzn'],
    [0, 0, 's0000'],
    [-90_000_000, -180_000_000, '00000'],
    [90_000_000, 180_000_000, 'zzzzz'],
  ])('of %d, %d is %s', (latMicro, lonMicro, expected) => {
    expect(encodeGeohash(latMicro, lonMicro, expected.length)).toBe(expected)
  })

  test('has the point inside its bounds, at every precision', () => {
    fc.assert(
      fc.property(lat, lon, fc.integer({ min: 1, max: 9 }), (latMicro, lonMicro, precision) => {
        const hash = encodeGeohash(latMicro, lonMicro, precision)
        const { south, north, west, east } = decodeGeohash(hash)
        expect(hash).toHaveLength(precision)
        expect(south <= latMicro && latMicro < north && west <= lonMicro && lonMicro < east).toBe(true)
        expect(encodeGeohash(Math.ceil(south), Math.ceil(west), 5).slice(0, precision)).toBe(hash.slice(0, 5))
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test.each(['', 'a', 'u33i', 'U33D', 'u33d8u33d8', 'ü'])('%j is ENCODING_INVALID', (text) => {
    expect(codeThrown(() => decodeGeohash(text))).toBe('ENCODING_INVALID')
  })
})

describe('cells of a polygon', () => {
  const { south, north, west, east } = decodeGeohash('u33d8')
  const [low, left] = [Math.ceil(south), Math.ceil(west)]
  const box = (s: number, w: number, n: number, e: number): Polygon => [
    [s, w],
    [s, e],
    [n, e],
    [n, w],
  ]

  test('are one for an area inside one cell', () => {
    expect(cellsOfPolygon(box(low + 10, left + 10, low + 500, left + 500))).toEqual(['u33d8'])
  })

  test('are both, sorted, for an area across an edge, and all around a corner', () => {
    const across = cellsOfPolygon(box(low + 10, Math.floor(east) - 5, low + 20, Math.floor(east) + 5))
    expect(across).toHaveLength(2)
    expect(across).toContain('u33d8')
    expect(across).toEqual(across.toSorted())
    const [cornerLat, cornerLon] = [Math.floor(north), Math.floor(east)]
    expect(cellsOfPolygon(box(cornerLat - 5, cornerLon - 5, cornerLat + 5, cornerLon + 5))).toHaveLength(4)
  })

  test('leave out a cell that only the bounding box meets', () => {
    const size = 43_946
    const corner: Polygon = [
      [low + 10, left + 10],
      [low + 10, left + size + 1000],
      [low + 20, left + 20],
      [low + size + 1000, left + 10],
    ]
    expect(cellsOfPolygon(corner)).toHaveLength(3)
  })

  test('include a cell that the polygon surrounds without an edge in it', () => {
    const [s, w] = [low - 44_000, left - 44_000]
    const cells = cellsOfPolygon(box(s, w, s + 132_000, w + 132_000))
    expect(cells).toContain('u33d8')
    expect(cells.length).toBeGreaterThanOrEqual(9)
  })

  test('include the cell beyond, when the area ends exactly on an edge', () => {
    // The equator and the meridian of Greenwich are cell edges at whole microdegrees.
    const cells = cellsOfPolygon(box(0, 0, 100, 100))
    expect(cells).toEqual(['7zzzz', 'ebpbp', 'kpbpb', 's0000'])
  })

  test('hold the cell of every place in the area', () => {
    fc.assert(
      fc.property(
        lat,
        lon,
        fc.integer({ min: 1, max: 90_000 }),
        fc.integer({ min: 1, max: 90_000 }),
        (s, w, height, width) => {
          const polygon = box(
            Math.min(s, 89_800_000),
            Math.min(w, 179_800_000),
            Math.min(s, 89_800_000) + height,
            Math.min(w, 179_800_000) + width,
          )
          const cells = cellsOfPolygon(polygon)
          expect(cells).toEqual([...new Set(cells)].sort())
          for (const [latMicro, lonMicro] of polygon) expect(cells).toContain(encodeGeohash(latMicro, lonMicro))
          expect(cells.length).toBeLessThanOrEqual(16)
        },
      ),
      { seed: 3, numRuns: 200 },
    )
  })

  test('are AREA_TOO_LARGE for a country', () => {
    expect(codeThrown(() => cellsOfPolygon(box(47_000_000, 6_000_000, 55_000_000, 15_000_000)))).toBe('AREA_TOO_LARGE')
  })
})
