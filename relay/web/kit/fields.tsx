/** More kinds of labelled fields, without secrets. */
import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

/** What every field has. */
interface Labels {
  readonly label: string
  readonly hint?: string
  readonly wrong?: string | null
}

/** A label above and a hint, or what is wrong, below. */
function Labelled(props: Labels & { id: string; children: ComponentChildren }) {
  const { id, wrong } = props
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      {props.children}
      <span id={`${id}-hint`} class={wrong ? 'bad small' : 'soft small'}>
        {wrong ?? props.hint}
      </span>
    </div>
  )
}

const saying = (id: string, wrong: string | null | undefined) => ({
  id,
  'aria-describedby': `${id}-hint`,
  'aria-invalid': Boolean(wrong),
})

/** Several lines of text. */
export function TextArea(
  props: Labels & { value: string; rows: number; maxLength?: number; onInput: (value: string) => void },
) {
  const id = useId()
  return (
    <Labelled id={id} {...props}>
      <textarea
        {...saying(id, props.wrong)}
        rows={props.rows}
        value={props.value}
        {...(props.maxLength === undefined ? {} : { maxLength: props.maxLength })}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
    </Labelled>
  )
}

/** One of a closed list. @param props.empty shown while nothing is chosen */
export function Choice(
  props: Labels & {
    value: string
    options: readonly (readonly [value: string, text: string])[]
    empty?: string
    onChange: (value: string) => void
  },
) {
  const id = useId()
  return (
    <Labelled id={id} {...props}>
      <select
        {...saying(id, props.wrong)}
        value={props.value}
        onChange={(event) => props.onChange(event.currentTarget.value)}
      >
        {props.empty !== undefined && <option value="">{props.empty}</option>}
        {props.options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </Labelled>
  )
}

/** A day and a time of this computer's zone, `YYYY-MM-DDTHH:MM`; empty while it is not whole. */
export function Moment(props: Labels & { value: string; onInput: (value: string) => void }) {
  const id = useId()
  return (
    <Labelled id={id} {...props}>
      <input
        {...saying(id, props.wrong)}
        type="datetime-local"
        value={props.value}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
    </Labelled>
  )
}

/** A whole number. */
export function NumberField(
  props: Labels & { value: number; min: number; max: number; onInput: (value: number) => void },
) {
  const id = useId()
  return (
    <Labelled id={id} {...props}>
      <input
        {...saying(id, props.wrong)}
        type="number"
        min={props.min}
        max={props.max}
        step={1}
        value={Number.isNaN(props.value) ? '' : props.value}
        onInput={(event) => props.onInput(event.currentTarget.valueAsNumber)}
      />
    </Labelled>
  )
}
