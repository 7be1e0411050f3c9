import type { ItemDescriptor } from '@latchkey/shared'
import { useId } from 'preact/hooks'
import { clockWords } from '../words/times.ts'
import { words } from '../words/words.ts'

/** First and last of the offered pieces, by their place in the offer. */
export type Trim = readonly [first: number, last: number]

function End(props: { label: string; value: number; max: number; time: string; onInput: (value: number) => void }) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>
        {props.label} <strong>{props.time}</strong>
      </label>
      <input
        id={id}
        type="range"
        min={0}
        max={props.max}
        step={1}
        value={props.value}
        aria-valuetext={props.time}
        onInput={(event) => props.onInput(Number(event.currentTarget.value))}
      />
    </div>
  )
}

/** Where what is sent begins and ends, piece by piece: a piece is about two seconds and is never cut. */
export function TrimStrip(props: { pieces: readonly ItemDescriptor[]; trim: Trim; onTrim: (trim: Trim) => void }) {
  const { pieces, trim, onTrim } = props
  const [first, last] = trim
  const max = pieces.length - 1
  const endOf = ({ startMs, durationMs }: ItemDescriptor): number => startMs + durationMs
  if (max === 0) return <p class="soft">{words.decide.onePiece}</p>
  return (
    <>
      <div class="strip" aria-hidden="true">
        {pieces.map(({ index }, at) => (
          <span key={index} class={at >= first && at <= last ? 'chosen' : ''} />
        ))}
      </div>
      <End
        label={words.decide.from}
        value={first}
        max={max}
        time={clockWords(pieces[first]!.startMs)}
        onInput={(value) => onTrim([value, Math.max(value, last)])}
      />
      <End
        label={words.decide.to}
        value={last}
        max={max}
        time={clockWords(endOf(pieces[last]!))}
        onInput={(value) => onTrim([Math.min(first, value), value])}
      />
    </>
  )
}
