import type { SettingsChoices } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button } from '../../kit/parts.tsx'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import { agreeToChange, loadWaitingChange, type WaitingChange, withdrawChange } from './change-household.ts'
import type { Home } from './home.ts'
import { thumbprintOfMember } from './members.ts'

const LOOK_MS = 5_000

/** How the household calls a phone. */
export const nameOfPhone = (choices: SettingsChoices | null, thumbprint: string): string =>
  choices?.members.find((member) => member.thumbprint === thumbprint)?.name ?? words.household.unnamed

function linesOf({ added, removed, quorum }: WaitingChange, choices: SettingsChoices | null): string[] {
  const say = words.household.waiting
  const name = (member: (typeof added)[number]): string => nameOfPhone(choices, thumbprintOfMember(member))
  if (added.length + removed.length === 0 && quorum === null) return [say.objects]
  return [
    ...added.map(({ role }) => say.adds(words.household.roles[role])),
    ...removed.map((member) => say.removes(name(member))),
    ...(quorum === null ? [] : [quorum === 2 ? say.two : say.one]),
  ]
}

/** What one owner signed and another must agree to, or the door. */
export function WaitingCard(props: {
  home: Home
  own: string
  choices: SettingsChoices | null
  onChanged: () => Promise<unknown>
}) {
  const { home, own, choices } = props
  const [waiting, setWaiting] = useState<WaitingChange | null>(null)
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)
  const say = words.household.waiting
  useEffect(() => {
    const look = (): void => void loadWaitingChange(home).then(setWaiting, () => {})
    look()
    const timer = setInterval(look, LOOK_MS)
    return () => clearInterval(timer)
  }, [home])
  if (waiting === null) return null
  async function act(work: Promise<void>): Promise<void> {
    setBusy(true)
    try {
      await work
      setWaiting(null)
      await props.onChanged()
    } catch (error) {
      setFailure(failureWords(error))
    }
    setBusy(false)
  }
  const isOwn = waiting.by === own
  const needsDoor = waiting.added.length > 0
  return (
    <section class="card asking">
      <h2>{say.title}</h2>
      <p>{isOwn ? say.byYou : say.by(nameOfPhone(choices, waiting.by))}</p>
      <ul>
        {linesOf(waiting, choices).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      {needsDoor ? <p>{words.household.add.pressText}</p> : isOwn && <p>{say.forOther}</p>}
      {failure !== null && <Alert wrong>{failure}</Alert>}
      <p class="row">
        <Button disabled={busy} onClick={() => void act(withdrawChange(home))}>
          {isOwn ? say.withdraw : say.no}
        </Button>
        {!isOwn && !needsDoor && (
          <Button disabled={busy} onClick={() => void act(agreeToChange(home, waiting))}>
            {say.agree}
          </Button>
        )}
      </p>
    </section>
  )
}
