import type { OwnLeafState, SettingsChoices } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert } from '../../kit/parts.tsx'
import { type ClipsSession, clipsSessionOf } from '../clips/clips-session.ts'
import type { Home } from '../household/home.ts'
import { useNews } from '../household/use-news.ts'
import type { Database } from '../../kernel/database.ts'
import { useObservable } from '../../kernel/observable.ts'
import type { LogKeeper } from '../log/log-keeper.ts'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import { type DayRecords, loadDays } from './day-records.ts'
import { DoorbellCard } from './doorbell-card.tsx'
import { type KnownDoorbell, loadDoorbells, revokeDoorbell } from './known-doorbells.ts'

interface Parts {
  readonly home: Home
  readonly database: Database
  readonly log: LogKeeper
  /** `null` until they are read. */
  readonly choices: SettingsChoices | null
  /** Null for who may only look. */
  readonly onChoices: ((next: SettingsChoices) => void) | null
}

/** The door of this device under another name; where it is stays. */
function renamed(choices: SettingsChoices, device: string, name: string): SettingsChoices {
  const place = choices.doors.find((door) => door.device === device)?.place ?? null
  return { ...choices, doors: [...choices.doors.filter((door) => door.device !== device), { device, name, place }] }
}

type Looked = { readonly doorbell: KnownDoorbell; readonly inLog: OwnLeafState['state'] | null }

interface Found {
  readonly doorbells: readonly Looked[]
  /** `null` when the relay does not tell of them now. */
  readonly days: DayRecords | null
}

async function look({ home, database, log }: Parts): Promise<Found> {
  const doorbells = await loadDoorbells(home, database)
  // A log that cannot be read now says nothing either way.
  await log.look().catch(() => [])
  const inLog = (leaf: KnownDoorbell['leaf']) =>
    log.check(leaf).then(
      ({ state }) => state,
      () => null,
    )
  const days = await loadDays(home, doorbells).catch(() => null)
  const looked = doorbells.map(async (doorbell) => ({ doorbell, inLog: await inLog(doorbell.leaf) }))
  return { doorbells: await Promise.all(looked), days }
}

/** One card each; those that nobody trusts any more come last. */
function Cards(props: Parts & { session: ClipsSession; found: Found; onChange: () => void }) {
  const { home, database, session, choices, onChoices } = props
  const lines = useObservable(session.stream.doorbells)
  const isLive = useObservable(session.stream.isLive)
  const verdicts = [...useObservable(session.verdicts).values()]
  const nameOf = (device: string): string =>
    choices?.doors.find((door) => door.device === device)?.name ?? words.home.door
  const { days } = props.found
  const order = props.found.doorbells.toSorted((a, b) => (a.doorbell.revokedMs ?? 0) - (b.doorbell.revokedMs ?? 0))
  return (
    <>
      {days !== null && days.refused > 0 && <Alert wrong>{words.doorbells.days.refused(days.refused)}</Alert>}
      {!isLive && lines.size > 0 && <Alert>{words.doorbells.stale}</Alert>}
      <ul class="plain">
        {order.map(({ doorbell, inLog }) => {
          const { digest, payload } = doorbell.certificate
          const own = verdicts.filter(({ statement }) => statement?.certificate.digest === digest)
          const line = lines.get(digest) ?? null
          const view = {
            doorbell,
            inLog,
            name: nameOf(payload.latchkey.device),
            line,
            verdicts: own,
            days: days?.byDoorbell.get(digest) ?? null,
          }
          const takeBack = () => revokeDoorbell(home, database, digest).then(props.onChange)
          const onName =
            choices === null || onChoices === null
              ? null
              : (name: string) => onChoices(renamed(choices, payload.latchkey.device, name))
          return <DoorbellCard key={digest} view={view} onName={onName} onTakeBack={takeBack} />
        })}
      </ul>
      <p class="soft small">{words.doorbells.whose}</p>
    </>
  )
}

/** The household's doorbells: whether they are there, what they say of themselves, and whether they are still trusted. */
export function Doorbells(props: Parts) {
  const [session, setSession] = useState<ClipsSession | null>(null)
  const [found, setFound] = useState<Found>({ doorbells: [], days: null })
  const [failure, setFailure] = useState<string | null>(null)
  async function refresh(): Promise<void> {
    try {
      setFound(await look(props))
      setFailure(null)
    } catch (error) {
      setFailure(failureWords(error))
    }
  }
  useEffect(() => {
    void clipsSessionOf(props.home, props.database).then(setSession)
  }, [props.home])
  useEffect(() => void refresh(), [props.home])
  useNews(props.home, ['revocation'], () => void refresh())
  useEffect(() => {
    if (session === null) return undefined
    const { doorbells } = session.stream
    const known = new Set(doorbells.value.keys())
    return doorbells.listen(() => {
      const isNew = [...doorbells.value.keys()].filter((certificate) => !known.has(certificate))
      isNew.forEach((certificate) => known.add(certificate))
      // One that another phone of the household vouched for just now.
      if (isNew.length > 0) void refresh()
    })
  }, [session])
  return (
    <section class="doorbells" aria-labelledby="doorbells">
      <h2 id="doorbells">{words.home.doorbells}</h2>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      {session !== null && <Cards {...props} session={session} found={found} onChange={() => void refresh()} />}
    </section>
  )
}
