import type { PairingInvitation } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import { type Capability, probeBrowser } from '../../kernel/capability.ts'
import { words } from '../words/words.ts'
import { DoorbellCode } from './doorbell-code.tsx'

/** What the browser can do, and what helps where it cannot. */
export function Capabilities({ found }: { found: readonly Capability[] }) {
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

/** First screen of a phone that belongs to nobody yet. */
export function Welcome(props: {
  invitation: PairingInvitation | null
  onCode: (invitation: PairingInvitation) => void
  onBegin: () => void
  onRestore: () => void
}) {
  const [found, setFound] = useState<readonly Capability[] | null>(null)
  useEffect(() => void probeBrowser().then(setFound), [])
  const { title, lead, points, probe, probing, fits, falls, begin, needCode } = words.welcome
  const able = found?.every(({ ok, needed }) => ok || !needed) ?? false
  return (
    <>
      <Title>{title}</Title>
      <p>{lead}</p>
      <ul>
        {points.map((point) => (
          <li key={point}>{point}</li>
        ))}
      </ul>
      <section class="card" aria-live="polite">
        <h2>{found !== null && !able ? falls : probe}</h2>
        {found === null ? <p>{probing}</p> : <Capabilities found={found} />}
        {able && <p class="good">{fits}</p>}
      </section>
      {able && props.invitation !== null && (
        <p>
          <Button main onClick={props.onBegin}>
            {begin}
          </Button>
        </p>
      )}
      {able && props.invitation === null && (
        <section class="card">
          <DoorbellCode lead={needCode} onCode={props.onCode} />
        </section>
      )}
      {able && (
        <section class="card">
          <h2>{words.restore.openTitle}</h2>
          <p>{words.restore.openWhy}</p>
          <Button onClick={props.onRestore}>{words.restore.open}</Button>
        </section>
      )}
      {found !== null && !able && <Alert wrong>{falls}</Alert>}
    </>
  )
}
