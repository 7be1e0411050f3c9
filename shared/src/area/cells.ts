import { LatchkeyError } from '../errors.ts'
import { cellBounds, cellIndexOf, encodeCell } from './geohash.ts'
import { edgesOf, type GridPoint, ringContains, segmentsTouch } from './plane.ts'
import type { Polygon } from './polygon.ts'

/** Precision of the cells that requests are routed by: about 24 km², far coarser than a street. */
export const ROUTING_PRECISION = 5
/** Above this a request is no request: about 6,000 km². */
export const MAX_CELLS = 256
/** At precision 5 a cell edge is a multiple of 1/16 microdegree: in this unit all is whole and exact. */
const SUBUNITS = 16

/**
 * Every geohash-5 cell that shares a point with the polygon, edges included, sorted. So whoever stands inside the
 * polygon finds the request in the cell of where they stand.
 * @param polygon passed `assertPolygon`
 * @throws AREA_TOO_LARGE when its bounding box has more than 256 cells
 */
export function cellsOfPolygon(polygon: Polygon): string[] {
  const lats = polygon.map(([lat]) => lat)
  const lons = polygon.map(([, lon]) => lon)
  // One more cell to the south and west: a polygon that ends on a cell's edge touches the cell beyond it too.
  const low = cellIndexOf(Math.min(...lats), Math.min(...lons), ROUTING_PRECISION)
  const high = cellIndexOf(Math.max(...lats), Math.max(...lons), ROUTING_PRECISION)
  const [firstRow, firstColumn] = [Math.max(0, low.row - 1), Math.max(0, low.column - 1)]
  const [rows, columns] = [high.row - firstRow + 1, high.column - firstColumn + 1]
  if ((rows - 1) * (columns - 1) > MAX_CELLS) throw new LatchkeyError('AREA_TOO_LARGE', 'area covers too many cells')
  const ring = polygon.map(([lat, lon]): GridPoint => [lat * SUBUNITS, lon * SUBUNITS])
  const touched: string[] = []
  for (let row = firstRow; row < firstRow + rows; row++)
    for (let column = firstColumn; column < firstColumn + columns; column++)
      if (touches(ring, cornersOf(row, column))) touched.push(encodeCell(row, column, ROUTING_PRECISION))
  return touched.sort()
}

function cornersOf(row: number, column: number): GridPoint[] {
  const { south, north, west, east } = cellBounds(row, column, ROUTING_PRECISION)
  return [
    [south * SUBUNITS, west * SUBUNITS],
    [south * SUBUNITS, east * SUBUNITS],
    [north * SUBUNITS, east * SUBUNITS],
    [north * SUBUNITS, west * SUBUNITS],
  ]
}

function touches(ring: readonly GridPoint[], cell: readonly GridPoint[]): boolean {
  // One inside the other, or edges that meet.
  if (ringContains(cell, ring[0]!) || ringContains(ring, cell[0]!)) return true
  return edgesOf(ring).some(([a, b]) => edgesOf(cell).some(([c, d]) => segmentsTouch(a, b, c, d)))
}
