import type { SettingsChoices } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button } from '../../kit/parts.tsx'
import { phoneOf } from '../keys/phone-keys.ts'
import { words } from '../words/words.ts'
import { type Quorum, quorumOf, withoutMember } from './change-household.ts'
import type { AskedChange } from './change-page.tsx'
import type { Home } from './home.ts'
import { OwnName } from '../settings/own-name.tsx'
import { membersOf, roleOf, thumbprintOfMember } from './members.ts'
import type { RewrapProgress } from './rewrap-headers.ts'
import { nameOfPhone } from './waiting-card.tsx'

/** This phone's own thumbprint, null for a moment. */
export function useOwnThumbprint(home: Home): string | null {
  const [own, setOwn] = useState<string | null>(null)
  useEffect(() => void phoneOf(home.keys).then(({ signer }) => setOwn(signer.thumbprint)), [home.keys])
  return own
}

function quorumChange(quorum: Quorum): AskedChange {
  const say = words.household.quorum
  return quorum === 2
    ? {
        title: say.toOne,
        text: [say.toOneText, words.household.waiting.forOther],
        yes: say.toOne,
        change: () => ({ quorum: 1 }),
      }
    : { title: say.toTwo, text: [say.toTwoText], yes: say.toTwo, change: () => ({ quorum: 2 }) }
}

const withName = (choices: SettingsChoices, thumbprint: string, name: string): SettingsChoices => ({
  ...choices,
  members: [...choices.members.filter((member) => member.thumbprint !== thumbprint), { thumbprint, name }],
})

/** The phones in force, by the names that the household gave them, and what may be done about them. */
export function HouseholdCard(props: {
  home: Home
  choices: SettingsChoices | null
  oldClips: RewrapProgress | null
  onAdd: () => void
  onAsk: (asked: AskedChange) => void
  onChoices: (next: SettingsChoices) => void
}) {
  const { home, choices, oldClips } = props
  const own = useOwnThumbprint(home)
  const say = words.household
  const names = new Map(choices?.members.map(({ thumbprint, name }) => [thumbprint, name]))
  const members = membersOf(home).map((member) => {
    const thumbprint = thumbprintOfMember(member)
    const name = names.get(thumbprint) ?? (thumbprint === own ? say.thisPhone : say.unnamed)
    return { role: member.role, thumbprint, name }
  })
  const isOwner = roleOf(home, own) === 'owner'
  const owners = members.filter(({ role }) => role === 'owner').length
  const quorum = quorumOf(home)
  function removalOf(thumbprint: string): AskedChange {
    const name = nameOfPhone(choices, thumbprint)
    const rest = choices?.members.filter((member) => member.thumbprint !== thumbprint)
    return {
      title: say.remove.title(name),
      text: [say.remove.what, say.remove.keeps, ...(quorum === 2 ? [say.waiting.forOther] : [])],
      yes: say.remove.yes,
      change: (now) => withoutMember(now, thumbprint),
      after: () => choices !== null && props.onChoices({ ...choices, members: rest ?? [] }),
    }
  }
  return (
    <section class="card">
      <h2>{say.title}</h2>
      <ul class="plain">
        {members.map(({ role, thumbprint, name }) => (
          <li key={thumbprint} class="member">
            <span>
              {name}
              <span class="soft">
                {' '}
                ({[...(thumbprint === own && names.has(thumbprint) ? [say.thisPhone] : []), say.roles[role]].join(', ')}
                )
              </span>
            </span>
            {isOwner && choices !== null && (
              <OwnName what={name} onName={(next) => props.onChoices(withName(choices, thumbprint, next))} />
            )}
            {isOwner && thumbprint !== own && (
              <Button onClick={() => props.onAsk(removalOf(thumbprint))}>
                {say.remove.open(nameOfPhone(choices, thumbprint))}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {oldClips !== null && oldClips.done < oldClips.total && (
        <p role="status">{say.oldClips(oldClips.done, oldClips.total)}</p>
      )}
      {oldClips !== null && oldClips.failed > 0 && <Alert wrong>{say.oldClipsFailed(oldClips.failed)}</Alert>}
      {roleOf(home, own) === 'viewer' && <p>{say.viewerOnly}</p>}
      {isOwner && (
        <p class="row">
          <Button onClick={props.onAdd}>{say.add.open}</Button>
        </p>
      )}
      <h3>{say.lost}</h3>
      {isOwner && members.length > 1 && <p>{say.lostText}</p>}
      <p>{say.lostAll}</p>
      {isOwner && owners > 1 && (
        <>
          <h3>{say.quorum.title}</h3>
          <p>{quorum === 2 ? say.quorum.two : say.quorum.one}</p>
          <Button onClick={() => props.onAsk(quorumChange(quorum))}>
            {quorum === 2 ? say.quorum.toOne : say.quorum.toTwo}
          </Button>
        </>
      )}
    </section>
  )
}
