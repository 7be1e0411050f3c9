import { useState } from 'preact/hooks'
import { Alert, Button, Field, Title } from '../../kit/parts.tsx'
import type { Place } from '../household/home.ts'
import { words } from '../words/words.ts'
import { parsePlace, placeOf, placeText } from './place-text.ts'

const LOCATING = { enableHighAccuracy: true, timeout: 20_000, maximumAge: 60_000 }

function askThisPhone(): Promise<Place | null> {
  return new Promise((resolve) => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => resolve(placeOf(coords.latitude, coords.longitude)),
      () => resolve(null),
      LOCATING,
    )
  })
}

/** Where the door is, for matching on the phone. */
export function ChoosePlace({ onPlace }: { onPlace: (place: Place) => void }) {
  const [text, setText] = useState('')
  const [state, setState] = useState<'idle' | 'asking' | 'denied' | 'bad'>('idle')
  const say = words.place
  const place = parsePlace(text)
  async function locate(): Promise<void> {
    setState('asking')
    const found = await askThisPhone()
    setState(found === null ? 'denied' : 'idle')
    if (found !== null) setText(placeText(found))
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (place === null) setState('bad')
        else onPlace(place)
      }}
    >
      <Title>{say.title}</Title>
      <p>{say.why}</p>
      <p class="soft">{say.relay}</p>
      <section class="card">
        <p>
          <Button disabled={state === 'asking'} onClick={() => void locate()}>
            {state === 'asking' ? say.asking : say.use}
          </Button>
        </p>
        {state === 'denied' && <Alert>{say.denied}</Alert>}
        <Field
          label={say.label}
          hint={place === null ? say.hint : say.found(placeText(place))}
          value={text}
          wrong={state === 'bad' ? say.bad : null}
          onInput={(value) => {
            setText(value)
            setState('idle')
          }}
        />
        <Button main submit>
          {words.app.next}
        </Button>
      </section>
    </form>
  )
}
