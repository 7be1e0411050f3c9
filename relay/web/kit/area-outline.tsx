/** An area as an outline on nothing: no tile server learns where anybody looks. */
import { METRES_PER_MICRO } from '@latchkey/shared'

/** [latitude, longitude] in integer microdegrees. */
type Vertex = readonly [number, number]

const SIZE = 300
const MARGIN = 44
const RADIANS_PER_MICRO = Math.PI / 180e6
const SCALES_M = [50, 100, 200, 500, 1_000, 2_000]

/** North up, metres the same both ways, everything inside the frame. */
function fit(points: readonly Vertex[]) {
  const lats = points.map(([lat]) => lat)
  const lons = points.map(([, lon]) => lon)
  const [south, north, west, east] = [Math.min(...lats), Math.max(...lats), Math.min(...lons), Math.max(...lons)]
  const squeeze = Math.cos(((south + north) / 2) * RADIANS_PER_MICRO)
  const span = Math.max(north - south, (east - west) * squeeze, 1)
  const unit = (SIZE - 2 * MARGIN) / span
  const at = ([lat, lon]: Vertex): readonly [number, number] => [
    SIZE / 2 + (lon - (west + east) / 2) * squeeze * unit,
    SIZE / 2 - (lat - (south + north) / 2) * unit,
  ]
  return { at, pixelsPerMetre: unit / METRES_PER_MICRO }
}

/** @param label what it shows, in words: the outline alone says nothing to a screen reader */
export function AreaOutline({ area, door, label }: { area: readonly Vertex[]; door: Vertex; label: string }) {
  const { at, pixelsPerMetre } = fit([...area, door])
  const [x, y] = at(door)
  const scale = SCALES_M.findLast((metres) => metres * pixelsPerMetre < SIZE / 3) ?? SCALES_M[0]!
  return (
    <svg class="outline" viewBox={`0 0 ${SIZE} ${SIZE}`} role="img" aria-label={label}>
      <polygon
        points={area
          .map((vertex) =>
            at(vertex)
              .map((value) => value.toFixed(1))
              .join(','),
          )
          .join(' ')}
      />
      <circle cx={x} cy={y} r="7" />
      <path d={`M12 ${SIZE - 12}h${(scale * pixelsPerMetre).toFixed(1)}`} />
      <text x="12" y={SIZE - 22}>
        {scale < 1_000 ? `${scale} m` : `${scale / 1_000} km`}
      </text>
      <text x={SIZE - 44} y="26">
        N ↑
      </text>
    </svg>
  )
}
