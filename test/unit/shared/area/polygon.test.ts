import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  areaM2Of,
  assertPolygon,
  distanceOutsideM,
  EARTH_RADIUS_M,
  type MicroPoint,
  type Polygon,
  polygonContains,
} from '../../../../shared/src/area/polygon.ts'
import { codeThrown } from '../../../support/damage.ts'

/** Berlin; one microdegree of latitude is 11 cm. */
const LAT = 52_520_000
const LON = 13_405_000
const at = (north: number, east: number): MicroPoint => [LAT + north, LON + east]
const square: Polygon = [at(0, 0), at(0, 1000), at(1000, 1000), at(1000, 0)]
const refusal = (polygon: readonly unknown[]) =>
  codeThrown(() => {
    assertPolygon(polygon as Polygon)
  })

describe('a polygon', () => {
  test.each([
    ['a triangle', [at(0, 0), at(0, 10), at(10, 0)]],
    ['a square', square],
    ['a square the other way round', [...square].reverse()],
    ['a vertex in the middle of an edge', [at(0, 0), at(0, 500), at(0, 1000), at(1000, 0)]],
    ['a concave shape', [at(0, 0), at(0, 1000), at(500, 500), at(1000, 1000), at(1000, 0)]],
    ['a star of 64 vertices', star(64)],
    [
      'a place in the far south-west',
      [
        [-54_000_000, -68_000_000],
        [-54_000_000, -67_990_000],
        [-53_990_000, -68_000_000],
      ],
    ],
  ] as [string, Polygon][])('is accepted: %s', (_, polygon) => {
    expect(refusal(polygon)).toBeNull()
  })

  test.each([
    ['two vertices', [at(0, 0), at(0, 10)]],
    ['65 vertices', star(65)],
    ['a bow tie', [at(0, 0), at(1000, 1000), at(1000, 0), at(0, 1000)]],
    ['a repeated vertex', [at(0, 0), at(0, 10), at(10, 0), at(0, 0)]],
    ['all vertices on one line', [at(0, 0), at(5, 5), at(10, 10)]],
    ['a spike that runs back', [at(0, 0), at(0, 1000), at(0, 500), at(500, 500)]],
    ['a spike back over the first edge', [at(0, 500), at(0, 1000), at(500, 500), at(0, 0), at(0, 700)]],
    ['a vertex on another edge', [at(0, 0), at(0, 1000), at(1000, 1000), at(0, 500), at(1000, 0)]],
    [
      'two halves that touch in a point',
      [at(0, 0), at(0, 1000), at(500, 500), at(1000, 1000), at(1000, 0), at(500, 501), at(499, 499)],
    ],
    ['a fraction', [at(0, 0), at(0, 10), at(10.5, 0)]],
    [
      'a pole',
      [
        [90_000_000, 0],
        [89_000_000, 10],
        [89_000_000, -10],
      ],
    ],
    [
      'beyond a pole',
      [
        [90_000_001, 0],
        [89_000_000, 10],
        [89_000_000, -10],
      ],
    ],
    [
      'the antimeridian',
      [
        [0, 179_990_000],
        [0, -179_990_000],
        [10_000, 179_990_000],
      ],
    ],
    [
      'a vertex at 180 degrees',
      [
        [0, 180_000_000],
        [0, 179_990_000],
        [10_000, 179_990_000],
      ],
    ],
    [
      'half the earth',
      [
        [0, -90_000_000],
        [0, 90_000_000],
        [10_000_000, 0],
      ],
    ],
    ['not a number', [[Number.NaN, 0], at(0, 10), at(10, 0)]],
    ['nothing', []],
  ])('is AREA_INVALID: %s', (_, polygon) => {
    expect(refusal(polygon)).toBe('AREA_INVALID')
  })
})

function star(count: number): Polygon {
  return Array.from({ length: count }, (_, i) => {
    const radius = i % 2 === 0 ? 10_000 : 4_000
    const angle = (2 * Math.PI * i) / (count % 2 === 0 ? count : count + 1)
    return at(Math.round(radius * Math.sin(angle)), Math.round(radius * Math.cos(angle)))
  })
}

describe('area', () => {
  test('of a small rectangle is width times height in metres', () => {
    const metresPerMicro = (EARTH_RADIUS_M * Math.PI) / 180 / 1e6
    const width = 1000 * metresPerMicro * Math.cos(((LAT + 500) * Math.PI) / 180e6)
    expect(areaM2Of(square)).toBe(Math.round(width * 1000 * metresPerMicro))
    expect(areaM2Of(square)).toBe(7523)
  })

  test('is within 0.1 % of the sphere for a square kilometre', () => {
    const polygon: Polygon = [at(0, 0), at(0, 14_770), at(8993, 14_770), at(8993, 0)]
    const sphere =
      EARTH_RADIUS_M ** 2 *
      ((14_770 * Math.PI) / 180e6) *
      (Math.sin(((LAT + 8993) * Math.PI) / 180e6) - Math.sin((LAT * Math.PI) / 180e6))
    expect(Math.abs(areaM2Of(polygon) / sphere - 1)).toBeLessThan(0.001)
  })

  test('is the same from every first vertex and in both directions', () => {
    const polygon = star(20)
    const turned = polygon.map((_, i) => [...polygon.slice(i), ...polygon.slice(0, i)])
    expect(new Set([...turned, ...turned.map((p) => p.toReversed())].map(areaM2Of)).size).toBe(1)
  })
})

describe('a place', () => {
  test('on a vertex or an edge is inside', () => {
    for (const vertex of square) expect(polygonContains(square, vertex)).toBe(true)
    expect(polygonContains(square, at(0, 500))).toBe(true)
    expect(polygonContains(square, at(1000, 999))).toBe(true)
    expect(polygonContains([at(0, 0), at(0, 1000), at(1000, 0)], at(500, 500))).toBe(true)
  })

  test('one microdegree off is outside', () => {
    for (const [north, east] of [
      [-1, 500],
      [1001, 500],
      [500, -1],
      [500, 1001],
      [-1, -1],
    ] as const)
      expect(polygonContains(square, at(north, east))).toBe(false)
    expect(polygonContains([at(0, 0), at(0, 1000), at(1000, 0)], at(500, 501))).toBe(false)
  })

  test('in the notch of a concave polygon is outside, level with its vertices', () => {
    const notched: Polygon = [at(0, 0), at(0, 1000), at(500, 500), at(1000, 1000), at(1000, 0)]
    expect(polygonContains(notched, at(500, 501))).toBe(false)
    expect(polygonContains(notched, at(500, 499))).toBe(true)
  })

  test('a hair beside an edge of half a continent is on the right side of it', () => {
    // The cross product is 1, where doubles already count in twos and would see a place on the edge.
    const a: MicroPoint = [-60_000_000, -82_000_000]
    const b: MicroPoint = [a[0] + 120_000_007, a[1] + 165_580_141]
    const place: MicroPoint = [a[0] + 65_013_588, a[1] + 89_707_987]
    const [north, south]: MicroPoint[] = [
      [70_000_000, -80_000_000],
      [-70_000_000, 80_000_000],
    ]
    const answers = [north!, south!].map((corner) => polygonContains([a, b, corner], place))
    expect(answers.toSorted()).toEqual([false, true])
  })

  test('is inside a triangle exactly when the three corner areas add up to the whole', () => {
    const micro = fc.integer({ min: -300, max: 300 })
    const point = fc.tuple(micro, micro)
    fc.assert(
      fc.property(point, point, point, point, (a, b, c, p) => {
        const twice = (u: MicroPoint, v: MicroPoint, w: MicroPoint) =>
          Math.abs((v[0] - u[0]) * (w[1] - u[1]) - (v[1] - u[1]) * (w[0] - u[0]))
        fc.pre(twice(a, b, c) > 0)
        const inside = twice(a, b, p) + twice(b, c, p) + twice(c, a, p) === twice(a, b, c)
        expect(polygonContains([a, b, c], p)).toBe(inside)
      }),
      { seed: 7, numRuns: 500 },
    )
  })

  test('outside is as far as the nearest edge or corner', () => {
    const metresPerMicro = (EARTH_RADIUS_M * Math.PI) / 180 / 1e6
    const metresEast = metresPerMicro * Math.cos((LAT * Math.PI) / 180e6)
    expect(distanceOutsideM(square, at(500, 500))).toBe(0)
    expect(distanceOutsideM(square, at(1900, 500))).toBeCloseTo(900 * metresPerMicro, 3)
    expect(distanceOutsideM(square, at(500, -300))).toBeCloseTo(300 * metresEast, 2)
    expect(distanceOutsideM(square, at(-400, -300))).toBeCloseTo(Math.hypot(400 * metresPerMicro, 300 * metresEast), 2)
  })
})
