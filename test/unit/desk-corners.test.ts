/** Corners as people write them. */
import { areaM2Of, type Vertex } from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import {
  blockAround,
  cornersText,
  moved,
  parseCorners,
  parsePlace,
  withMidpoint,
} from '../../relay/web/desk/ask/corners.ts'

describe('a place is read', () => {
  test.each<[string, Vertex]>([
    ['47.60625, -122.33211', [47_606_250, -122_332_110]],
    ['(47.60625 -122.33211)', [47_606_250, -122_332_110]],
    ['-33.9;18.4', [-33_900_000, 18_400_000]],
    ['+0,0', [0, 0]],
    ['90, -180,', [90_000_000, -180_000_000]],
  ])('from %s', (text, place) => {
    expect(parsePlace(text)).toEqual(place)
  })

  test.each(['', '47.6', '91, 0', '0, 181', '47,6, 12,3', '1e3, 2', 'N47 W122', '1, 2, 3'])(
    'but not from %j',
    (text) => {
      expect(parsePlace(text)).toBeNull()
    },
  )
})

test('corners read back as the very places that were written, and the first line that is none is named', () => {
  const area: Vertex[] = [
    [47_600_001, -122_300_009],
    [-1, 1],
    [0, 179_999_999],
  ]
  expect(parseCorners(`${cornersText(area)}\n\n`)).toEqual({ area, badLine: null })
  expect(parseCorners('1, 2\n\nhere\nthere')).toEqual({ area: null, badLine: 3 })
})

describe('a block', () => {
  test.each([0, 37_776_000, -33_900_000, 64_000_000])('has the size it was asked for, at latitude %d', (lat) => {
    for (const sizeM of [300, 500, 1_100]) {
      const off = areaM2Of(blockAround([lat, 18_400_000], sizeM)) / sizeM ** 2 - 1
      expect(Math.abs(off)).toBeLessThan(0.002)
    }
  })
})

test('a step moves by its metres, and back again to where it began', () => {
  const place: Vertex = [37_776_000, -122_418_000]
  const there = moved(place, 10, -10)
  expect(there[0] - place[0]).toBe(90)
  expect(place[1] - there[1]).toBe(114)
  expect(moved(there, -10, 10)).toEqual(place)
})

test('a corner more lies half-way along its edge, the last edge too', () => {
  const triangle: Vertex[] = [
    [0, 0],
    [0, 100],
    [100, 0],
  ]
  expect(withMidpoint(triangle, 0)).toEqual([
    [0, 0],
    [0, 50],
    [0, 100],
    [100, 0],
  ])
  expect(withMidpoint(triangle, 2)).toEqual([
    [0, 0],
    [0, 100],
    [100, 0],
    [50, 0],
  ])
})
