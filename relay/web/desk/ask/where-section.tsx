import { areaM2Of, assertPolygon, cellsOfPolygon, METRES_PER_MICRO, type Policy, type Vertex } from '@latchkey/shared'
import { useState } from 'preact/hooks'
import { Choice, TextArea } from '../../kit/fields.tsx'
import { Button, Field } from '../../kit/parts.tsx'
import { squeezeAt } from '../../kit/projection.ts'
import { words } from '../words/words.ts'
import { AreaMap } from './area-map.tsx'
import { blockAround, cornersText, parseCorners, parsePlace } from './corners.ts'

const USUAL_SIZE = '500'
const LEAST_CORNERS = 3
/** A narrow no-break space between thousands: 104 000. */
const grouped = (value: number): string => String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, '\u202f')

/** Two significant figures: more would claim more than an outline shows. */
const roughly = (metres: number): number => Number(metres.toPrecision(2))

function isArea(area: readonly Vertex[]): boolean {
  try {
    assertPolygon(area)
    return true
  } catch {
    return false
  }
}

/** The area in words: its size, its shape, and whose phones fetch the request. */
function AreaWords({ area, policy }: { area: readonly Vertex[]; policy: Policy }) {
  const say = words.ask
  if (!isArea(area)) return <p class="soft">{say.noArea}</p>
  const lats = area.map(([lat]) => lat)
  const lons = area.map(([, lon]) => lon)
  const span = (values: readonly number[]) => (Math.max(...values) - Math.min(...values)) * METRES_PER_MICRO
  const m2 = areaM2Of(area)
  // A request over so many cells is far beyond any policy: which they are matters no more.
  const cells = m2 > policy.area.maximumM2 ? [] : cellsOfPolygon(area)
  return (
    <>
      <p>
        {say.area({
          m2: grouped(m2),
          km2: (m2 / 1e6).toFixed(2),
          tall: roughly(span(lats)),
          wide: roughly(span(lons) * squeezeAt(lats[0]!)),
        })}
      </p>
      <p class="soft small">{say.areaLimits(grouped(policy.area.minimumM2), grouped(policy.area.maximumM2))}</p>
      {cells.length > 0 && <p class="soft small">{say.cells(cells.length, cells.join(', '))}</p>}
    </>
  )
}

/** A first block around a place, to be changed afterwards. */
function BlockFields({ onBlock }: { onBlock: (area: readonly Vertex[]) => void }) {
  const [text, setText] = useState('')
  const [size, setSize] = useState(USUAL_SIZE)
  const [wrong, setWrong] = useState(false)
  const say = words.ask
  function draw(): void {
    const place = parsePlace(text)
    setWrong(place === null)
    if (place !== null) onBlock(blockAround(place, Number(size)))
  }
  return (
    <>
      <div class="pair">
        <Field
          label={say.place}
          hint={say.placeHint}
          wrong={wrong ? say.placeBad : null}
          value={text}
          onInput={(value) => {
            setText(value)
            setWrong(false)
          }}
        />
        <Choice label={say.size} value={size} options={Object.entries(say.sizes)} onChange={setSize} />
      </div>
      <p>
        <Button onClick={draw}>{say.draw}</Button>
      </p>
    </>
  )
}

/** The area, drawn and written: both are the same corners. */
export function WhereSection(props: {
  corners: string
  policy: Policy
  wrong: string | null
  onCorners: (corners: string) => void
}) {
  const { corners, policy, onCorners } = props
  const { area, badLine } = parseCorners(corners)
  const say = words.ask
  const take = (next: readonly Vertex[]): void => onCorners(cornersText(next))
  return (
    <section class="card">
      <h2>{say.sections.where}</h2>
      <BlockFields onBlock={take} />
      {area !== null && area.length >= LEAST_CORNERS && <AreaMap area={area} onArea={take} />}
      <TextArea
        label={say.corners}
        hint={say.cornersHint}
        wrong={badLine === null ? props.wrong : say.cornersBad(badLine)}
        rows={5}
        value={corners}
        onInput={onCorners}
      />
      <div aria-live="polite">
        <AreaWords area={area ?? []} policy={policy} />
      </div>
    </section>
  )
}
