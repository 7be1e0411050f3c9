import { useState } from 'preact/hooks'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import type { FoundHousehold, ListedPhone } from '../household/restore-household.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'

function PhoneChoice(props: {
  phone: ListedPhone
  count: number
  isLost: boolean | null
  onLost: (lost: boolean) => void
}) {
  const { phone, count, isLost } = props
  const say = words.restore.phones
  const roles = words.household.roles
  return (
    <fieldset class="choice">
      <legend>
        <strong>{say.name(count, momentWords(phone.sinceMs))}</strong> <span class="soft">({roles[phone.role]})</span>
      </legend>
      {[false, true].map((lost) => (
        <label key={String(lost)}>
          <input type="radio" name={phone.thumbprint} checked={isLost === lost} onChange={() => props.onLost(lost)} />
          {lost ? say.lost : say.kept}
        </label>
      ))}
    </fieldset>
  )
}

/** Asks of every phone whether it is lost; none is taken out unasked. */
export function LostPhones(props: {
  found: FoundHousehold
  onChosen: (lost: ReadonlySet<string>) => void
  onBack: () => void
}) {
  const { phones, isSearched } = props.found
  const [lost, setLost] = useState<ReadonlyMap<string, boolean>>(new Map())
  const [asks, setAsks] = useState(false)
  const say = words.restore.phones
  const keepsOwner = phones.some(({ role, thumbprint }) => role === 'owner' && lost.get(thumbprint) === false)
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (phones.some(({ thumbprint }) => !lost.has(thumbprint))) setAsks(true)
        else props.onChosen(new Set(phones.flatMap(({ thumbprint }) => (lost.get(thumbprint) ? [thumbprint] : []))))
      }}
    >
      <Title>{say.title}</Title>
      <p>{say.lead}</p>
      {!isSearched && <Alert wrong>{words.restore.look.unsearched}</Alert>}
      <section class="card">
        {phones.map((phone, at) => (
          <PhoneChoice
            key={phone.thumbprint}
            phone={phone}
            count={at + 1}
            isLost={lost.get(phone.thumbprint) ?? null}
            onLost={(isLost) => {
              setLost(new Map(lost).set(phone.thumbprint, isLost))
              setAsks(false)
            }}
          />
        ))}
        <p class="soft small">{say.lostWhy}</p>
        {keepsOwner && <Alert>{say.quicker}</Alert>}
        {asks && <Alert wrong>{say.ask}</Alert>}
        <p class="row">
          <Button onClick={props.onBack}>{words.app.back}</Button>
          <Button main submit>
            {words.app.next}
          </Button>
        </p>
      </section>
    </form>
  )
}
