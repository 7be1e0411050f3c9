import { type Keyset, keysetInForce, pendingKeyset, type Signed } from '@latchkey/shared'
import type { SettingsChoices } from '@latchkey/shared'
import { useState } from 'preact/hooks'
import { Alert, Button } from '../../kit/parts.tsx'
import { failureWords } from '../words/failure.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { changeHousehold, changesBetween } from './change-household.ts'
import { chainOf, type Home } from './home.ts'
import { roleOf, thumbprintOfMember } from './members.ts'
import { nameOfPhone } from './waiting-card.tsx'

/** What the recovery sheet alone signed, and what this phone has to do with it. */
export interface Takeover {
  readonly pending: Signed<Keyset>
  readonly fromMs: number
  /** This is the phone that it adds. */
  readonly isThisPhone: boolean
}

/** Null when nothing waits. @param own thumbprint of this phone */
export function takeoverOf(home: Home, own: string | null): Takeover | null {
  const pending = pendingKeyset(chainOf(home))
  if (pending === null) return null
  const { members, effectiveMs } = pending.payload.latchkey
  const isAdded = members.some((member) => thumbprintOfMember(member) === own)
  return { pending, fromMs: effectiveMs, isThisPhone: isAdded && roleOf(home, own) === null }
}

function linesOf(home: Home, { pending }: Takeover, choices: SettingsChoices | null): string[] {
  const say = words.restore.warning
  const inForce = keysetInForce(chainOf(home))
  const { added, removed, quorum } = changesBetween(inForce.payload, pending.payload)
  const isOtherSheet = inForce.payload.latchkey.recovery !== pending.payload.latchkey.recovery
  return [
    ...added.map(({ role }) => say.adds(words.household.roles[role])),
    ...removed.map((member) => say.removes(nameOfPhone(choices, thumbprintOfMember(member)))),
    ...(quorum === null ? [] : [quorum === 2 ? say.two : say.one]),
    ...(isOtherSheet ? [say.recovery] : []),
  ]
}

/** Above every page of a phone in force while the sheet alone changes the household: it can be stopped. */
function Warning(props: {
  home: Home
  own: string | null
  choices: SettingsChoices | null
  takeover: Takeover
  look: () => Promise<Home>
}) {
  const { home, takeover } = props
  const [busy, setBusy] = useState(false)
  const [waits, setWaits] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)
  const say = words.restore.warning
  async function object(): Promise<void> {
    setBusy(true)
    setFailure(null)
    try {
      // The household as it stands, behind what the sheet signed: by the owners in force, it voids that.
      setWaits((await changeHousehold(await props.look(), {})) === 'waits')
      await props.look()
    } catch (error) {
      setFailure(failureWords(error))
    }
    setBusy(false)
  }
  return (
    <section class="card asking" aria-labelledby="takeover">
      <h2 id="takeover">{say.title}</h2>
      <p>{say.text(momentWords(takeover.fromMs))}</p>
      <ul>
        {linesOf(home, takeover, props.choices).map((line, at) => (
          <li key={at}>{line}</li>
        ))}
      </ul>
      <p>{say.ask}</p>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      {waits && <p role="status">{say.waits}</p>}
      {roleOf(home, props.own) === 'owner' ? (
        <>
          <p class="soft small">{say.objectWhy}</p>
          <Button disabled={busy || waits} onClick={() => void object()}>
            {say.object}
          </Button>
        </>
      ) : (
        <p>{say.viewer}</p>
      )}
    </section>
  )
}

/** What every page says while the recovery sheet changes the household. */
export function TakeoverNotice(props: {
  home: Home
  own: string | null
  choices: SettingsChoices | null
  look: () => Promise<Home>
}) {
  const takeover = takeoverOf(props.home, props.own)
  if (takeover === null || props.own === null) return null
  if (!takeover.isThisPhone) return <Warning {...props} takeover={takeover} />
  const say = words.restore.waiting
  return (
    <section class="card" role="status">
      <h2>{say.title}</h2>
      <p>{say.text(momentWords(takeover.fromMs))}</p>
    </section>
  )
}
