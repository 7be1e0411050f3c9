import { createValidator, Origin } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button, Field, Title } from '../../kit/parts.tsx'
import { type Capability, probeBrowser } from '../../kernel/capability.ts'
import { words } from '../words/words.ts'

const origin = createValidator(Origin)

/** How keys come into this browser. */
export type Beginning = 'make' | 'files'

/** “https://relay.example/” → “https://relay.example”; null for what is no origin. */
const parseRelay = (text: string): string | null => {
  const trimmed = text.trim().replace(/\/$/, '')
  return origin.check(trimmed) ? trimmed : null
}

function Capabilities({ found }: { found: readonly Capability[] }) {
  const { capability, remedy, yes, no } = words.welcome
  return (
    <ul class="steps">
      {found.map(({ name, ok, needed }) => (
        <li key={name}>
          <span class={`mark ${ok ? 'good' : needed ? 'bad' : 'note'}`} aria-hidden="true">
            {ok ? '✓' : needed ? '✗' : '!'}
          </span>
          <span>
            {capability[name]}: <strong>{ok ? yes : no}</strong>
            {!ok && <span class="soft"> {remedy[name]}</span>}
          </span>
        </li>
      ))}
    </ul>
  )
}

/** What this is, what the browser can do, which relay, and two ways to begin. */
export function Welcome(props: { proposedRelay: string; onBegin: (relay: string, beginning: Beginning) => void }) {
  const [found, setFound] = useState<readonly Capability[] | null>(null)
  const [relay, setRelay] = useState(props.proposedRelay)
  const [wrong, setWrong] = useState(false)
  useEffect(() => void probeBrowser().then(setFound), [])
  const able = found?.every(({ ok, needed }) => ok || !needed) ?? false
  const { welcome, setUp } = words
  function begin(beginning: Beginning): void {
    const parsed = parseRelay(relay)
    setWrong(parsed === null)
    if (parsed !== null) props.onBegin(parsed, beginning)
  }
  return (
    <>
      <Title>{welcome.title}</Title>
      <p>{welcome.lead}</p>
      <ul>
        {welcome.points.map((point) => (
          <li key={point}>{point}</li>
        ))}
      </ul>
      <section class="card" aria-live="polite">
        <h2>{found !== null && !able ? welcome.falls : welcome.probe}</h2>
        {found === null ? <p>{welcome.probing}</p> : <Capabilities found={found} />}
        {able && <p class="good">{welcome.fits}</p>}
      </section>
      {able && (
        <section class="card">
          <h2>{setUp.begin}</h2>
          <Field
            label={setUp.relay}
            hint={setUp.relayHint}
            wrong={wrong ? setUp.relayBad : null}
            value={relay}
            inputMode="url"
            onInput={(value) => {
              setRelay(value)
              setWrong(false)
            }}
          />
          <div class="choices">
            <div>
              <Button main onClick={() => begin('make')}>
                {setUp.make}
              </Button>
              <p class="soft">{setUp.makeWhy}</p>
            </div>
            <div>
              <Button onClick={() => begin('files')}>{setUp.files}</Button>
              <p class="soft">{setUp.filesWhy}</p>
            </div>
          </div>
        </section>
      )}
      {found !== null && !able && <Alert wrong>{welcome.falls}</Alert>}
    </>
  )
}
