import type { SettingsChoices } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button } from '../../kit/parts.tsx'
import { phoneOf } from '../keys/phone-keys.ts'
import { words } from '../words/words.ts'
import type { Home } from './home.ts'
import { membersOf, thumbprintOfMember } from './members.ts'
import type { RewrapProgress } from './rewrap-headers.ts'

/** This phone's own thumbprint, null for a moment. */
export function useOwnThumbprint(home: Home): string | null {
  const [own, setOwn] = useState<string | null>(null)
  useEffect(() => void phoneOf(home.keys).then(({ signer }) => setOwn(signer.thumbprint)), [home.keys])
  return own
}

/** The phones in force, by the names that the household gave them, and what may be done about them. */
export function HouseholdCard(props: {
  home: Home
  choices: SettingsChoices | null
  oldClips: RewrapProgress | null
  onAdd: () => void
}) {
  const { home, choices, oldClips } = props
  const own = useOwnThumbprint(home)
  const say = words.household
  const names = new Map(choices?.members.map(({ thumbprint, name }) => [thumbprint, name]))
  const members = membersOf(home).map((member) => ({ role: member.role, thumbprint: thumbprintOfMember(member) }))
  const isOwner = members.some(({ role, thumbprint }) => thumbprint === own && role === 'owner')
  return (
    <section class="card">
      <h2>{say.title}</h2>
      <ul>
        {members.map(({ role, thumbprint }) => (
          <li key={thumbprint}>
            {names.get(thumbprint) ?? (thumbprint === own ? say.thisPhone : say.unnamed)}
            <span class="soft">
              {' '}
              ({[...(thumbprint === own && names.has(thumbprint) ? [say.thisPhone] : []), say.roles[role]].join(', ')})
            </span>
          </li>
        ))}
      </ul>
      {oldClips !== null && oldClips.done < oldClips.total && (
        <p role="status">{say.oldClips(oldClips.done, oldClips.total)}</p>
      )}
      {oldClips !== null && oldClips.failed > 0 && <Alert wrong>{say.oldClipsFailed(oldClips.failed)}</Alert>}
      {own !== null && !isOwner && <p>{say.viewerOnly}</p>}
      {isOwner && (
        <p class="row">
          <Button onClick={props.onAdd}>{say.add.open}</Button>
        </p>
      )}
    </section>
  )
}
