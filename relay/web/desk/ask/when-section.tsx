import { areaM2Of, assertPolygon, type Policy } from '@latchkey/shared'
import { Moment } from '../../kit/fields.tsx'
import { momentOf } from '../words/field-text.ts'
import { utcWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { parseCorners } from './corners.ts'
import type { Draft } from './draft.ts'

const HOUR_MS = 3_600_000
const M2_PER_KM2 = 1e6

/** Square metres; null while there is no area. */
function areaOf(corners: string): number | null {
  const { area } = parseCorners(corners)
  if (area === null) return null
  try {
    assertPolygon(area)
  } catch {
    return null
  }
  return areaM2Of(area)
}

/** This computer's zone, as people name it. */
const zone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone

/** Which minutes: as this computer writes them, and beside it as the request will say. */
export function WhenSection(props: {
  draft: Draft
  policy: Policy
  wrong: string | null
  onWindow: (change: Partial<Pick<Draft, 'from' | 'to'>>) => void
}) {
  const { draft, policy, wrong, onWindow } = props
  const { window, areaTimeM2Hours } = policy
  const [startMs, endMs] = [momentOf(draft.from), momentOf(draft.to)]
  const lengthMs = endMs - startMs
  const m2 = areaOf(draft.corners)
  const say = words.ask
  const km2Hours = (value: number) => (value / M2_PER_KM2).toFixed(2)
  return (
    <section class="card">
      <h2>{say.sections.when}</h2>
      <div class="pair">
        <Moment label={say.from} wrong={wrong} value={draft.from} onInput={(from) => onWindow({ from })} />
        <Moment label={say.to} value={draft.to} onInput={(to) => onWindow({ to })} />
      </div>
      <div aria-live="polite">
        {lengthMs > 0 && (
          <>
            <p>
              {say.zone(zone())} <strong>{say.utc(utcWords(startMs), utcWords(endMs))}</strong>.{' '}
              {say.length(Math.round(lengthMs / 60_000))}
            </p>
            {m2 !== null && (
              <p class="soft small">{say.budget(km2Hours(m2 * (lengthMs / HOUR_MS)), km2Hours(areaTimeM2Hours))}</p>
            )}
          </>
        )}
      </div>
      <p class="soft small">
        {say.windowLimits(window.minimumMs / 60_000, window.maximumMs / HOUR_MS, window.maximumAgeMs / (24 * HOUR_MS))}
      </p>
    </section>
  )
}
