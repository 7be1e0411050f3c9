import type { SettingsChoices } from '@latchkey/shared'
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Title } from '../../kit/parts.tsx'
import { AddPhonePage } from '../household/add-phone-page.tsx'
import { type AskedChange, ChangePage } from '../household/change-page.tsx'
import type { Home } from '../household/home.ts'
import { HouseholdCard, useOwnThumbprint } from '../household/household-card.tsx'
import { roleOf } from '../household/members.ts'
import type { RewrapProgress } from '../household/rewrap-headers.ts'
import type { KeysetsState } from '../household/use-keysets.ts'
import { WaitingCard } from '../household/waiting-card.tsx'
import { placeText } from '../set-up/place-text.ts'
import { words } from '../words/words.ts'

/** The household as this phone knows it. */
export function HomePage(props: {
  home: Home
  choices: SettingsChoices | null
  onChoices: (next: SettingsChoices) => void
  keysets: KeysetsState
  oldClips: RewrapProgress | null
  doorbells: ComponentChildren
  /** Other cards of this page. */
  children: ComponentChildren
}) {
  const { home, choices } = props
  const [adding, setAdding] = useState(false)
  const [asked, setAsked] = useState<AskedChange | null>(null)
  const own = useOwnThumbprint(home)
  const isOwner = roleOf(home, own) === 'owner'
  const say = words.home
  if (adding && choices !== null && own !== null)
    return (
      <AddPhonePage
        home={home}
        own={own}
        choices={choices}
        onChoices={props.onChoices}
        look={props.keysets.look}
        onDone={() => setAdding(false)}
      />
    )
  if (asked !== null) return <ChangePage asked={asked} look={props.keysets.look} onDone={() => setAsked(null)} />
  return (
    <>
      <Title>{say.title}</Title>
      {own !== null && isOwner && (
        <WaitingCard home={home} own={own} choices={choices} onChanged={props.keysets.look} />
      )}
      {props.doorbells}
      <HouseholdCard
        home={home}
        choices={choices}
        oldClips={props.oldClips}
        onAdd={() => setAdding(true)}
        onAsk={setAsked}
        onChoices={props.onChoices}
      />
      <section class="card">
        <h2>{say.phone}</h2>
        <dl>
          <dt class="soft small">{say.relay}</dt>
          <dd>{home.relay}</dd>
          <dt class="soft small">{say.cell}</dt>
          <dd class="mono">{home.cell}</dd>
          <dt class="soft small">{say.place}</dt>
          <dd class="mono">{placeText(home.place)}</dd>
        </dl>
      </section>
      {props.children}
    </>
  )
}
