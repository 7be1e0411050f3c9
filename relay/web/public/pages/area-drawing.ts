import { METRES_PER_MICRO, type Vertex } from '@latchkey/shared'
import { html, type Html } from '../html.ts'

const SIZE = 300
const MARGIN = 40
const RADIANS_PER_MICRO = Math.PI / 180e6
const SCALES_M = [50, 100, 200, 500, 1_000]

/** The outline on nothing, north up: no tile server learns what anybody reads. */
export function areaDrawing(area: readonly Vertex[]): Html {
  const lats = area.map(([lat]) => lat)
  const lons = area.map(([, lon]) => lon)
  const [south, north, west, east] = [Math.min(...lats), Math.max(...lats), Math.min(...lons), Math.max(...lons)]
  const squeeze = Math.cos(((south + north) / 2) * RADIANS_PER_MICRO)
  const unit = (SIZE - 2 * MARGIN) / Math.max(north - south, (east - west) * squeeze, 1)
  const points = area.map(([lat, lon]) => {
    const x = SIZE / 2 + (lon - (west + east) / 2) * squeeze * unit
    const y = SIZE / 2 - (lat - (south + north) / 2) * unit
    return `${x.toFixed(1)},${y.toFixed(1)}`
  })
  const pixelsPerMetre = unit / METRES_PER_MICRO
  const scale = SCALES_M.findLast((metres) => metres * pixelsPerMetre < SIZE / 3) ?? SCALES_M[0]!
  const label = `Outline of the area, ${area.length} corners, north up; its corners are listed below`
  return html`<svg class="outline" viewBox="0 0 ${SIZE} ${SIZE}" role="img" aria-label="${label}">
    <polygon points="${points.join(' ')}" />
    <path d="M12 ${SIZE - 12}h${(scale * pixelsPerMetre).toFixed(1)}" />
    <text x="12" y="${SIZE - 20}">${scale < 1000 ? `${scale} m` : `${scale / 1000} km`}</text>
    <text x="${SIZE - 44}" y="24">N ↑</text>
  </svg>`
}
