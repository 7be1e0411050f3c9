/** Small parts of every page, without secrets. */
import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'

/** A heading that takes the focus with its screen: a frame later it would take it from whoever is on the way already. */
function useFocus() {
  const heading = useRef<HTMLHeadingElement>(null)
  useLayoutEffect(() => heading.current?.focus(), [])
  return heading
}

/** A heading that takes the focus when its screen appears, so that a screen reader says where one is. */
export function Title({ children }: { children: ComponentChildren }) {
  const heading = useFocus()
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  )
}

/** A heading inside a page that takes the focus when what it heads appears. */
export function Heading({ children }: { children: ComponentChildren }) {
  const heading = useFocus()
  return (
    <h2 ref={heading} tabIndex={-1}>
      {children}
    </h2>
  )
}

/** A button; `main` for the one that goes on. */
export function Button(props: {
  children: ComponentChildren
  onClick?: () => void
  main?: boolean
  disabled?: boolean
  submit?: boolean
}) {
  return (
    <button
      type={props.submit ? 'submit' : 'button'}
      class={props.main ? 'button main' : 'button'}
      disabled={props.disabled ?? false}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  )
}

/** Said at once, to eyes and to screen readers. */
export function Alert({ children, wrong = false }: { children: ComponentChildren; wrong?: boolean }) {
  return (
    <p class={wrong ? 'alert wrong' : 'alert'} role="alert">
      {children}
    </p>
  )
}

/** A labelled line of text. */
export function Field(props: {
  label: string
  value: string
  onInput: (value: string) => void
  hint?: string
  wrong?: string | null
  autocomplete?: string
  inputMode?: 'text' | 'decimal' | 'url'
}) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        value={props.value}
        autocomplete={props.autocomplete ?? 'off'}
        autocapitalize="off"
        spellcheck={false}
        inputMode={props.inputMode ?? 'text'}
        aria-describedby={`${id}-hint`}
        aria-invalid={Boolean(props.wrong)}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      <span id={`${id}-hint`} class={props.wrong ? 'bad small' : 'soft small'} role={props.wrong ? 'alert' : undefined}>
        {props.wrong ?? props.hint}
      </span>
    </div>
  )
}

/** A labelled choice of one, by number. */
export function Select(props: {
  label: string
  value: number
  options: readonly (readonly [number, string])[]
  onChange: (value: number) => void
}) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <select
        id={id}
        value={String(props.value)}
        onChange={(event) => props.onChange(Number(event.currentTarget.value))}
      >
        {props.options.map(([value, text]) => (
          <option key={value} value={String(value)}>
            {text}
          </option>
        ))}
      </select>
    </div>
  )
}

/** Six digits to compare with another screen's: “123 456”, read aloud in two halves. */
export const Digits = ({ digits }: { digits: string }) => (
  <p class="digits">{`${digits.slice(0, 3)} ${digits.slice(3)}`}</p>
)

/** Steps of a piece of work, each with its state in words for those who do not see the mark. */
export function Steps({ steps }: { steps: readonly { text: string; state: 'done' | 'now' | 'later' }[] }) {
  const marks = { done: '✓', now: '…', later: '·' }
  return (
    <ol class="steps" aria-live="polite">
      {steps.map(({ text, state }) => (
        <li key={text} class={state === 'later' ? 'soft' : ''} aria-current={state === 'now' ? 'step' : undefined}>
          <span class="mark" aria-hidden="true">
            {marks[state]}
          </span>
          {text}
        </li>
      ))}
    </ol>
  )
}
