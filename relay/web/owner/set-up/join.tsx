import type { JoinInvitation } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button, Digits, Title } from '../../kit/parts.tsx'
import { type Home, type Place } from '../household/home.ts'
import { type Application, applyToHousehold, atPlace } from '../household/join-household.ts'
import type { Database } from '../../kernel/database.ts'
import { sleep } from '../../kernel/clock.ts'
import { type Capability, probeBrowser } from '../../kernel/capability.ts'
import { createPhoneKeys } from '../keys/phone-keys.ts'
import { createSettingsStore } from '../settings/settings-store.ts'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import { ChoosePlace } from './choose-place.tsx'
import { Capabilities } from './welcome.tsx'

/** The owner's phone seals its settings to a new phone within seconds; then somebody closed it, and this one asks. */
const TRIES = 15
const POLL_MS = 2_000

/** Where the household's door is, as its settings say; null when nobody tells in time. */
async function placeOf(database: Database, home: Home, signal: AbortSignal): Promise<Place | null> {
  const store = createSettingsStore(database, home)
  for (let tries = 0; tries < TRIES && !signal.aborted; tries++) {
    const choices = await store.sync().catch(() => null)
    const place = choices?.doors.find((door) => door.place !== null)?.place
    if (place) return [place[0], place[1]]
    await sleep(POLL_MS, signal)
  }
  return null
}

/** A new phone's way into a household: browser, keys, six digits, the yes at the door, the place. */
export function Join(props: { invitation: JoinInvitation; database: Database; onHome: (home: Home) => void }) {
  const { invitation, database } = props
  const [found, setFound] = useState<readonly Capability[] | null>(null)
  const [application, setApplication] = useState<Application | null>(null)
  const [joined, setJoined] = useState<Home | null>(null)
  const [asksPlace, setAsksPlace] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)
  const say = words.household.join
  const fail = (error: unknown): void => setFailure(failureWords(error))
  useEffect(() => void probeBrowser().then(setFound), [])
  useEffect(() => {
    if (application === null) return
    const end = new AbortController()
    async function enter(): Promise<void> {
      const home = await application!.awaitMembership(database, end.signal)
      setJoined(home)
      const place = await placeOf(database, home, end.signal)
      if (place === null) setAsksPlace(true)
      else props.onHome(atPlace(home, place))
    }
    enter().catch((error: unknown) => end.signal.aborted || fail(error))
    return () => end.abort()
  }, [application])
  const able = found?.every(({ ok, needed }) => ok || !needed) ?? false
  if (joined !== null && asksPlace) return <ChoosePlace onPlace={(place) => props.onHome(atPlace(joined, place))} />
  return (
    <>
      <Title>{say.title}</Title>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      {application === null ? (
        <>
          <p>{say.lead}</p>
          <section class="card" aria-live="polite">
            {found === null ? <p>{words.welcome.probing}</p> : <Capabilities found={found} />}
          </section>
          {able && (
            <Button
              main
              onClick={() =>
                void createPhoneKeys()
                  .then((keys) => applyToHousehold(invitation, keys))
                  .then(setApplication, fail)
              }
            >
              {say.begin}
            </Button>
          )}
          {found !== null && !able && <Alert wrong>{words.welcome.falls}</Alert>}
        </>
      ) : (
        <section class="card">
          <p>{say.digits}</p>
          <Digits digits={application.digits} />
          <p role="status">{joined === null ? say.waiting : say.settings}</p>
        </section>
      )}
    </>
  )
}
