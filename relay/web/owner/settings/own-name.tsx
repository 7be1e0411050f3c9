import { assertPlainText } from '@latchkey/shared'
import { useState } from 'preact/hooks'
import { Button, Field } from '../../kit/parts.tsx'
import { words } from '../words/words.ts'

/** As the settings hold it. */
const MAX_LENGTH = 60

/** A name as it is kept; `null` for what is none. */
export function nameOf(text: string): string | null {
  const name = text.normalize('NFC').trim().slice(0, MAX_LENGTH).trim()
  if (name === '') return null
  try {
    assertPlainText(name)
    return name
  } catch {
    return null
  }
}

/** Gives something of the household a name of one's own. @param props.what the name that it has */
export function OwnName(props: { what: string; onName: (name: string) => void }) {
  const [text, setText] = useState<string | null>(null)
  const say = words.ownName
  if (text === null)
    return (
      <p>
        <Button onClick={() => setText(props.what)}>{say.open(props.what)}</Button>
      </p>
    )
  const name = nameOf(text)
  return (
    <form
      class="asking"
      onSubmit={(event) => {
        event.preventDefault()
        if (name === null) return
        if (name !== props.what) props.onName(name)
        setText(null)
      }}
    >
      <Field
        label={say.field(props.what)}
        hint={say.hint}
        value={text}
        onInput={setText}
        wrong={name === null ? say.wrong : null}
      />
      <p class="row">
        <Button onClick={() => setText(null)}>{words.app.back}</Button>
        <Button main submit disabled={name === null}>
          {say.save}
        </Button>
      </p>
    </form>
  )
}
