/** An area as an outline on nothing: no tile server learns where anybody looks. */
import { type Place, pointsOf, projectionOf, scaleOf } from './projection.ts'

const SIZE = 300
const MARGIN = 44

/**
 * @param door marked with a dot, where there is one
 * @param label what it shows, in words: the outline alone says nothing to a screen reader
 */
export function AreaOutline({ area, door, label }: { area: readonly Place[]; door?: Place; label: string }) {
  const projection = projectionOf(door === undefined ? area : [...area, door], { size: SIZE, margin: MARGIN })
  const scale = scaleOf(projection, SIZE / 3)
  const dot = door && projection.at(door)
  return (
    <svg class="outline" viewBox={`0 0 ${SIZE} ${SIZE}`} role="img" aria-label={label}>
      <polygon points={pointsOf(area, projection)} />
      {dot && <circle cx={dot[0]} cy={dot[1]} r="7" />}
      <path d={`M12 ${SIZE - 12}h${scale.pixels.toFixed(1)}`} />
      <text x="12" y={SIZE - 22}>
        {scale.words}
      </text>
      <text x={SIZE - 44} y="26">
        N ↑
      </text>
    </svg>
  )
}
