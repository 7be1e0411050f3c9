/** The area as something that can be drawn by mouse, finger and keyboard. Nothing lies behind it: nobody learns where one looks. */
import type { Vertex } from '@latchkey/shared'
import { useRef, useState } from 'preact/hooks'
import { Button } from '../../kit/parts.tsx'
import { pointsOf, type Projection, projectionOf, scaleOf } from '../../kit/projection.ts'
import { words } from '../words/words.ts'
import { moved, placeText, withMidpoint } from './corners.ts'

const SIZE = 360
const MARGIN = 50
/** A corner nearer to the edge than this is no longer well in the picture. */
const EDGE = 14
/** Of the picture: an outline that fills less of it is drawn larger. */
const LEAST_SHARE = 0.3
const MOST_CORNERS = 64
const LEAST_CORNERS = 3

const STEP_M = 10
const FINE_STEP_M = 1
const ARROWS: Readonly<Record<string, readonly [north: number, east: number]>> = {
  ArrowUp: [1, 0],
  ArrowDown: [-1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
}

/** Is the outline well in this picture still? Then the picture stays, so that nothing jumps under the pointer. */
function shows(view: Projection, area: readonly Vertex[]): boolean {
  const points = area.map(view.at)
  const span = (axis: 0 | 1) =>
    Math.max(...points.map((point) => point[axis])) - Math.min(...points.map((point) => point[axis]))
  const isInside = points.every((point) => point.every((value) => value >= EDGE && value <= SIZE - EDGE))
  return isInside && Math.max(span(0), span(1)) >= SIZE * LEAST_SHARE
}

function Grid({ step }: { step: number }) {
  const count = Math.floor(SIZE / 2 / step)
  const at = Array.from({ length: 2 * count + 1 }, (_, i) => SIZE / 2 + (i - count) * step)
  return <path class="grid" d={at.map((value) => `M${value} 0V${SIZE}M0 ${value}H${SIZE}`).join('')} />
}

function Handle(props: {
  point: readonly [number, number]
  label: string
  onGrab: () => void
  onDrag: (clientX: number, clientY: number) => void
  onDrop: () => void
  onArrow: (northM: number, eastM: number) => void
}) {
  const [x, y] = props.point
  return (
    <g
      class="handle"
      tabindex={0}
      role="button"
      aria-label={props.label}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        props.onGrab()
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) props.onDrag(event.clientX, event.clientY)
      }}
      onLostPointerCapture={props.onDrop}
      onKeyDown={(event) => {
        const arrow = ARROWS[event.key]
        if (arrow === undefined) return
        event.preventDefault()
        const step = event.shiftKey ? FINE_STEP_M : STEP_M
        props.onArrow(arrow[0] * step, arrow[1] * step)
      }}
    >
      <circle class="reach" cx={x} cy={y} r="20" />
      <circle class="dot" cx={x} cy={y} r="8" />
    </g>
  )
}

/** @param props.area at least three corners */
export function AreaMap({ area, onArea }: { area: readonly Vertex[]; onArea: (area: readonly Vertex[]) => void }) {
  const svg = useRef<SVGSVGElement>(null)
  const view = useRef<Projection | null>(null)
  const isDragged = useRef(false)
  /** The corner that was moved last: going past others with the keyboard changes nothing. */
  const [chosen, setChosen] = useState(0)
  const say = words.ask
  if (view.current === null || (!isDragged.current && !shows(view.current, area)))
    view.current = projectionOf(area, { size: SIZE, margin: MARGIN })
  const projection = view.current
  const scale = scaleOf(projection, SIZE / 3)
  const last = Math.min(chosen, area.length - 1)
  const put = (index: number, place: Vertex): void => onArea(area.with(index, place))
  function drag(index: number, clientX: number, clientY: number): void {
    const matrix = svg.current?.getScreenCTM()
    if (!matrix) return
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(matrix.inverse())
    isDragged.current = true
    const [lat, lon] = projection.placeAt(x, y)
    put(index, [lat, lon])
  }
  return (
    <>
      <p class="soft small">{say.mapHow}</p>
      <svg ref={svg} class="map" viewBox={`0 0 ${SIZE} ${SIZE}`} role="group" aria-label={say.map}>
        <Grid step={scale.pixels} />
        <polygon points={pointsOf(area, projection)} />
        <path class="scale" d={`M12 ${SIZE - 10}h${scale.pixels.toFixed(1)}`} />
        <text x={20 + scale.pixels} y={SIZE - 6}>
          {scale.words}
        </text>
        <text x={SIZE - 44} y="26">
          N ↑
        </text>
        {area.map((place, index) => (
          <Handle
            key={index}
            point={projection.at(place)}
            label={say.corner(index + 1, placeText(place))}
            onGrab={() => setChosen(index)}
            onDrag={(x, y) => drag(index, x, y)}
            onDrop={() => {
              isDragged.current = false
              onArea([...area])
            }}
            onArrow={(north, east) => {
              setChosen(index)
              put(index, moved(place, north, east))
            }}
          />
        ))}
      </svg>
      <p class="row">
        <Button disabled={area.length >= MOST_CORNERS} onClick={() => onArea(withMidpoint(area, last))}>
          {say.add(last + 1)}
        </Button>
        <Button disabled={area.length <= LEAST_CORNERS} onClick={() => onArea(area.toSpliced(last, 1))}>
          {say.remove(last + 1)}
        </Button>
      </p>
    </>
  )
}
