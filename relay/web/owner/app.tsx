import {
  deviceCertificate,
  type JoinInvitation,
  type PairingInvitation,
  parseJoinUrl,
  parsePairingUrl,
  type SettingsChoices,
} from '@latchkey/shared'
import type { ComponentChildren } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { ClipsPage } from './clips/clips-page.tsx'
import { createOutbox } from './decide/outbox.ts'
import { Doorbells } from './doorbells/doorbells.tsx'
import { ErrorBoundary } from '../kit/error-boundary.tsx'
import { Alert, Button, Title } from '../kit/parts.tsx'
import { failureWords } from './words/failure.ts'
import { HomePage } from './home/home-page.tsx'
import { TrustCard } from './home/trust-card.tsx'
import { type Home, type PairedDoorbell, saveHome } from './household/home.ts'
import { useOwnThumbprint } from './household/household-card.tsx'
import { roleOf } from './household/members.ts'
import { StoppedNotice } from './household/stopped-notice.tsx'
import { takeoverOf, TakeoverNotice } from './household/takeover-notice.tsx'
import { endRestoration } from './household/restore-household.ts'
import { useOldClips } from './household/old-clips.ts'
import { useNews } from './household/use-news.ts'
import { type KeysetsState, useKeysets } from './household/use-keysets.ts'
import type { Database } from '../kernel/database.ts'
import { createLogKeeper } from './log/log-keeper.ts'
import { keepPush } from './push/browser-push.ts'
import { PushCard } from './push/push-card.tsx'
import { USUAL_HOUR } from './push/push-wish.ts'
import { QuestionsPage } from './questions/questions-page.tsx'
import { useConsentNews } from './shared-clips/news.ts'
import { SharedPage } from './shared-clips/shared-page.tsx'
import { createSettingsStore, type SettingsStore } from './settings/settings-store.ts'
import { AddDoorbell } from './set-up/doorbell-code.tsx'
import { Join } from './set-up/join.tsx'
import { Pairing } from './set-up/pairing.tsx'
import { Restore } from './set-up/restore.tsx'
import { SetUp } from './set-up/set-up.tsx'
import { words } from './words/words.ts'

const PAGES = ['clips', 'questions', 'shared', 'home'] as const
type PageName = (typeof PAGES)[number]

/** The code behind which this page was opened. */
type Arrival =
  | { readonly kind: 'pair'; readonly invitation: PairingInvitation }
  | { readonly kind: 'join'; readonly invitation: JoinInvitation }

/** It is taken out of the address at once, so that it is in no history. */
function takeArrival(): Arrival | null {
  const { pathname, href } = location
  if (pathname !== '/pair' && pathname !== '/join') return null
  try {
    return pathname === '/pair'
      ? { kind: 'pair', invitation: parsePairingUrl(href) }
      : { kind: 'join', invitation: parseJoinUrl(href) }
  } catch {
    return null
  } finally {
    history.replaceState(null, '', '/')
  }
}

const arrival = takeArrival()

const pageOf = (hash: string): PageName => PAGES.find((name) => hash === `#/${name}`) ?? 'clips'

function usePage(): PageName {
  const [page, setPage] = useState(pageOf(location.hash))
  useEffect(() => {
    const follow = (): void => setPage(pageOf(location.hash))
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return page
}

function Bar({ page }: { page: PageName | null }) {
  return (
    <header class="bar">
      <span class="brand">
        <img src="/icon.svg" alt="" />
        Latchkey
      </span>
      {page !== null && (
        <nav class="tabs" aria-label={words.app.tabsLabel}>
          {PAGES.map((name) => (
            <a key={name} href={`#/${name}`} aria-current={name === page ? 'page' : undefined}>
              {words.app.tabs[name]}
            </a>
          ))}
        </nav>
      )}
    </header>
  )
}

function Frame({ page, children }: { page: PageName | null; children: ComponentChildren }) {
  return (
    <>
      <Bar page={page} />
      <main>
        <ErrorBoundary key={page} explain={(error) => <Alert wrong>{failureWords(error)}</Alert>}>
          {children}
        </ErrorBoundary>
      </main>
    </>
  )
}

/** Where a new doorbell's door is: where this household said that it is at home. */
async function addDoor(store: SettingsStore, home: Home, { certificate }: PairedDoorbell): Promise<void> {
  const { device } = deviceCertificate.parse(certificate).payload.latchkey
  const choices = await store.load()
  const doors = choices.doors.filter((door) => door.device !== device)
  const [lat, lon] = home.place
  await store.save({ ...choices, doors: [...doors, { device, name: words.home.door, place: [lat, lon] }] })
}

/** The household's choices, null until they are read; what is chosen counts here at once, and elsewhere when the relay has it. */
function useChoices(database: Database, home: Home): [SettingsChoices | null, (next: SettingsChoices) => void] {
  const store = useMemo(() => createSettingsStore(database, home), [home])
  const [choices, setChoices] = useState<SettingsChoices | null>(null)
  const sync = (): void => void store.sync().then(setChoices, () => {})
  useNews(home, ['settings'], sync)
  useEffect(() => {
    void store.load().then(setChoices).then(sync)
    addEventListener('online', sync)
    return () => removeEventListener('online', sync)
  }, [store])
  const choose = (next: SettingsChoices): void => {
    setChoices(next)
    void store.save(next).then(sync)
  }
  return [choices, choose]
}

/** What is wrong with the household's phones, above every page. */
function HouseholdAlerts({ evidence, isRefused, isStopped }: KeysetsState & { isStopped: boolean }) {
  const say = words.household
  const faults = [...new Set(evidence.map(({ fault }) => fault))]
  return (
    <>
      {isRefused && !isStopped && <Alert wrong>{say.refused}</Alert>}
      {faults.map((fault) => (
        <Alert key={fault} wrong>
          {say.distrust[fault]}
        </Alert>
      ))}
    </>
  )
}

/** Instead of questions, on a phone that may not answer them. */
function OnlyLooks({ role }: { role: ReturnType<typeof roleOf> }) {
  return (
    <>
      <Title>{words.questions.title}</Title>
      <p>{role === null ? words.restore.waiting.questions : words.household.viewerOnly}</p>
    </>
  )
}

/** The pages of a household. */
function Pages(props: {
  database: Database
  home: Home
  onHome: (home: Home) => Promise<void>
  onInvitation: (invitation: PairingInvitation) => void
}) {
  const { database, home } = props
  const page = usePage()
  const [choices, choose] = useChoices(database, home)
  const outbox = useMemo(() => createOutbox(database, home), [home])
  const log = useMemo(() => createLogKeeper(database, home), [home])
  const keysets = useKeysets({ database, home, log }, props.onHome)
  const oldClips = useOldClips(home, props.onHome)
  // What another phone changed counts before anything is done on the next page.
  useEffect(() => void keysets.look().catch(() => {}), [page])
  const news = useConsentNews(database, home, page === 'shared')
  const own = useOwnThumbprint(home)
  const isOwner = roleOf(home, own) === 'owner'
  const isStopped = keysets.isRefused && takeoverOf(home, own)?.isThisPhone === true
  useEffect(() => {
    // What was signed without a network goes out when there is one.
    const flush = (): void => void outbox.flush()
    flush()
    addEventListener('online', flush)
    return () => removeEventListener('online', flush)
  }, [outbox])
  const hour = choices === null ? null : (choices.pushHour ?? USUAL_HOUR)
  useEffect(() => {
    // Without a network it waits for the next time that the app is opened.
    if (hour !== null) void keepPush({ database, home }, hour).catch(() => {})
  }, [home.doorbells, hour])
  return (
    <Frame page={page}>
      <HouseholdAlerts {...keysets} isStopped={isStopped} />
      {isStopped && <StoppedNotice database={database} />}
      {!isStopped && <TakeoverNotice home={home} own={own} choices={choices} look={keysets.look} />}
      {page !== 'shared' && news.given + news.passedOn > 0 && (
        <p class="alert" role="status">
          {news.given > 0 && `${words.household.news(news.given)} `}
          {news.passedOn > 0 && `${words.household.passedOn(news.passedOn)} `}
          <a href="#/shared">{words.household.newsLook}</a>
        </p>
      )}
      {page === 'clips' && <ClipsPage home={home} database={database} />}
      {page === 'questions' && own !== null && !isOwner && <OnlyLooks role={roleOf(home, own)} />}
      {page === 'questions' && isOwner && choices !== null && (
        <QuestionsPage
          home={home}
          outbox={outbox}
          database={database}
          log={log}
          choices={choices}
          onChoices={choose}
          onShared={() => (location.hash = '#/shared')}
        />
      )}
      {page === 'shared' && <SharedPage home={home} database={database} outbox={outbox} log={log} choices={choices} />}
      {page === 'home' && (
        <HomePage
          home={home}
          choices={choices}
          onChoices={choose}
          keysets={keysets}
          oldClips={oldClips}
          doorbells={
            <Doorbells
              home={home}
              database={database}
              log={log}
              choices={choices}
              onChoices={isOwner ? choose : null}
            />
          }
        >
          <AddDoorbell onCode={props.onInvitation} />
          {choices !== null && <PushCard database={database} home={home} choices={choices} onChoices={choose} />}
          <TrustCard home={home} log={log} />
        </HomePage>
      )}
    </Frame>
  )
}

/** The phone app. */
export function App({ database, home: kept }: { database: Database; home: Home | null }) {
  const [home, setHome] = useState(kept)
  const [invitation, setInvitation] = useState(arrival?.kind === 'pair' ? arrival.invitation : null)
  const [joining, setJoining] = useState(arrival?.kind === 'join' ? arrival.invitation : null)
  const [restoring, setRestoring] = useState(false)
  async function keep(next: Home): Promise<void> {
    await saveHome(database, next)
    setHome(next)
  }
  if (joining !== null)
    return (
      <Frame page={null}>
        {home === null ? (
          <Join
            invitation={joining}
            database={database}
            onHome={(joined) => void keep(joined).then(() => setJoining(null))}
          />
        ) : (
          <>
            <Alert wrong>{words.household.join.belongs}</Alert>
            <Button onClick={() => setJoining(null)}>{words.app.back}</Button>
          </>
        )}
      </Frame>
    )
  if (home === null)
    return (
      <Frame page={null}>
        {restoring ? (
          <Restore
            database={database}
            onHome={async (restored) => {
              await keep(restored)
              await endRestoration(database)
            }}
            onBack={() => setRestoring(false)}
          />
        ) : (
          <SetUp
            invitation={invitation}
            onHome={(founded, code) => void keep(founded).then(() => setInvitation(code))}
            onRestore={() => setRestoring(true)}
          />
        )}
      </Frame>
    )
  if (invitation !== null)
    return (
      <Frame page={null}>
        <Pairing
          home={home}
          invitation={invitation}
          onPaired={async (doorbell) => {
            await keep({ ...home, doorbells: [...home.doorbells, doorbell] })
            await addDoor(createSettingsStore(database, home), home, doorbell)
          }}
          onDone={() => setInvitation(null)}
        />
      </Frame>
    )
  return <Pages database={database} home={home} onHome={keep} onInvitation={setInvitation} />
}
