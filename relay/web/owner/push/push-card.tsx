import type { PushWish, SettingsChoices } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button, Heading, Select } from '../../kit/parts.tsx'
import type { Home } from '../household/home.ts'
import type { Database } from '../../kernel/database.ts'
import { failureWords } from '../words/failure.ts'
import { hourWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { endPush, type PushState, pushState, startPush } from './browser-push.ts'
import { USUAL_HOUR } from './push-wish.ts'

const HOURS = Array.from({ length: 24 }, (_, hour) => hour)
const WISHES: readonly PushWish['events'][] = [['ring'], ['motion', 'ring']]

const NEVER = -1
/** Where nobody chose an end yet. */
const MORNING_HOUR = 7
const MINUTES = 60

/** Hours in which a message makes no sound, on every phone of the household. */
function QuietHours({ choices, onChoices }: { choices: SettingsChoices; onChoices: (next: SettingsChoices) => void }) {
  const { quiet } = choices
  const say = words.push.quiet
  const [from, to] = [quiet?.fromMinute ?? null, quiet?.toMinute ?? MORNING_HOUR * MINUTES]
  const hours = HOURS.map((hour) => [hour, hourWords(hour)] as const)
  const choose = (fromHour: number, toMinute: number): void =>
    onChoices({ ...choices, quiet: fromHour === NEVER ? null : { fromMinute: fromHour * MINUTES, toMinute } })
  return (
    <>
      <Select
        label={say.from}
        value={from === null ? NEVER : Math.floor(from / MINUTES)}
        options={[[NEVER, say.never], ...hours]}
        onChange={(hour) => choose(hour, to)}
      />
      {from !== null && (
        <Select
          label={say.to}
          value={Math.floor(to / MINUTES)}
          options={hours}
          onChange={(hour) => choose(Math.floor(from / MINUTES), hour * MINUTES)}
        />
      )}
      {from === to && <p class="soft">{say.always}</p>}
      {from !== null && <p class="soft">{say.shown}</p>}
    </>
  )
}

/** Told when somebody rings, and once a day of the rest: on, off, and why not. */
export function PushCard(props: {
  database: Database
  home: Home
  choices: SettingsChoices
  onChoices: (next: SettingsChoices) => void
}) {
  const { database, home, choices, onChoices } = props
  const [state, setState] = useState<PushState | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const [switched, setSwitched] = useState(false)
  const say = words.push
  const hour = choices.pushHour ?? USUAL_HOUR
  useEffect(() => void pushState(database).then(setState), [])

  async function change(work: () => Promise<PushState>): Promise<void> {
    setBusy(true)
    setFailure(null)
    try {
      setState(await work())
    } catch (error) {
      setFailure(failureWords(error))
      setState(await pushState(database))
    }
    setBusy(false)
  }
  const start = (events: PushWish['events']) => change(() => startPush({ database, home }, { events, hour }))
  const end = () =>
    change(async () => {
      await endPush({ database, home })
      return { kind: 'off' }
    })

  /** The button that was pressed goes away with its state: the heading takes the focus. */
  const switchTo = (work: () => Promise<void>): void => void work().then(() => setSwitched(true))

  return (
    <section class="card" aria-busy={busy}>
      {switched ? <Heading key={state?.kind}>{say.title}</Heading> : <h2>{say.title}</h2>}
      {state?.kind === 'absent' && <p>{say.absent}</p>}
      {state?.kind === 'denied' && <Alert>{say.denied}</Alert>}
      {state?.kind === 'off' && (
        <>
          <p>{say.offer}</p>
          <p class="soft">{say.who}</p>
          <p>
            <Button main disabled={busy} onClick={() => switchTo(() => start(['ring']))}>
              {busy ? say.asking : say.start}
            </Button>
          </p>
        </>
      )}
      {state?.kind === 'on' && (
        <>
          {state.isTold ? <p class="good">{say.on}</p> : <Alert>{say.unheard}</Alert>}
          <Select
            label={say.what}
            value={state.events.length - 1}
            options={WISHES.map((_, at) => [at, say.wishes[at]!])}
            onChange={(at) => void start(WISHES[at]!)}
          />
          <QuietHours choices={choices} onChoices={onChoices} />
          <Select
            label={say.hour}
            value={hour}
            options={HOURS.map((one) => [one, hourWords(one)])}
            onChange={(pushHour) => onChoices({ ...choices, pushHour })}
          />
          <p class="soft">{say.daily}</p>
          <p class="soft">{say.who}</p>
          <Button disabled={busy} onClick={() => switchTo(end)}>
            {say.end}
          </Button>
        </>
      )}
      {state !== null && state.kind !== 'on' && <p class="soft">{say.open}</p>}
      {failure !== null && <Alert wrong>{failure}</Alert>}
    </section>
  )
}
