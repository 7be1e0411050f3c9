import type { Vertex } from '@latchkey/shared'
import { pointsOf, projectionOf, scaleOf } from '../../kit/projection.ts'
import { html, type Html } from '../html.ts'

const SIZE = 300
const MARGIN = 40

/** The outline on nothing, north up: no tile server learns what anybody reads. */
export function areaDrawing(area: readonly Vertex[]): Html {
  const projection = projectionOf(area, { size: SIZE, margin: MARGIN })
  const scale = scaleOf(projection, SIZE / 3)
  const label = `Outline of the area, ${area.length} corners, north up; its corners are listed below`
  return html`<svg class="outline" viewBox="0 0 ${SIZE} ${SIZE}" role="img" aria-label="${label}">
    <polygon points="${pointsOf(area, projection)}" />
    <path d="M12 ${SIZE - 12}h${scale.pixels.toFixed(1)}" />
    <text x="12" y="${SIZE - 20}">${scale.words}</text>
    <text x="${SIZE - 44}" y="24">N ↑</text>
  </svg>`
}
