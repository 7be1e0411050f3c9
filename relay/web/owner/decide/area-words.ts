import { areaM2Of, METRES_PER_MICRO, type Polygon } from '@latchkey/shared'
import type { Place } from '../household/home.ts'
import { words } from '../words/words.ts'

/** Metres to two significant figures: more would claim more than an outline shows. */
function roughly(metres: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(metres, 1))) - 1)
  return Math.round(metres / step) * step
}

/** The area in words, for who sees no outline. */
export function areaWords(area: Polygon, door: Place): string {
  const lats = area.map(([lat]) => lat)
  const lons = area.map(([, lon]) => lon)
  const squeeze = Math.cos(((door[0] / 1e6) * Math.PI) / 180)
  const tall = (Math.max(...lats) - Math.min(...lats)) * METRES_PER_MICRO
  const wide = (Math.max(...lons) - Math.min(...lons)) * METRES_PER_MICRO * squeeze
  const farthest = Math.max(
    ...area.map(([lat, lon]) =>
      Math.hypot((lat - door[0]) * METRES_PER_MICRO, (lon - door[1]) * METRES_PER_MICRO * squeeze),
    ),
  )
  return words.decide.area({
    km2: (areaM2Of(area) / 1e6).toFixed(2),
    tall: roughly(tall),
    wide: roughly(wide),
    farthest: roughly(farthest),
  })
}
