import { codeOf, type SheetRelay } from '@latchkey/shared'
import type { RecoverySheet } from '@latchkey/shared/recovery'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import type { Home, Place } from '../household/home.ts'
import { atPlace } from '../household/join-household.ts'
import { type FoundHousehold, findHousehold, restoreHousehold, takesOverMs } from '../household/restore-household.ts'
import type { Database } from '../../kernel/database.ts'
import { failureWords } from '../words/failure.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { ChoosePlace } from './choose-place.tsx'
import { LostPhones } from './lost-phones.tsx'
import { type ReadSheet, ReadSheetPage } from './read-sheet.tsx'
import { SheetPlace } from './sheet-place.tsx'

const lookWords = (error: unknown): string => words.restore.look.failures[codeOf(error)] ?? failureWords(error)

/** Nobody needs it any more: what of it is in this page's memory is overwritten. */
function forgetSheet({ secret, rootSeed, recoverySecret }: RecoverySheet): void {
  for (const bytes of [secret, rootSeed, recoverySecret]) bytes.fill(0)
}

/** Follows the household from the root, or says why not. */
function Looking(props: {
  database: Database
  read: { readonly sheet: RecoverySheet; readonly at: SheetRelay }
  onFound: (found: FoundHousehold) => void
  onBack: () => void
}) {
  const [failure, setFailure] = useState<string | null>(null)
  const say = words.restore.look
  function look(): void {
    setFailure(null)
    findHousehold(props.database, props.read)
      .then((found) => {
        if (found.otherFromMs === null) props.onFound(found)
        else setFailure(say.waits(momentWords(found.otherFromMs)))
      })
      .catch((error: unknown) => setFailure(lookWords(error)))
  }
  useEffect(look, [])
  if (failure === null) return <Title key="looking">{say.title}</Title>
  return (
    <>
      <Title key="failed">{say.failed}</Title>
      <Alert wrong>{failure}</Alert>
      <p class="row">
        <Button onClick={props.onBack}>{words.app.back}</Button>
        <Button main onClick={look}>
          {words.app.again}
        </Button>
      </p>
    </>
  )
}

/** Says what it means, and does it. */
function Confirm(props: { found: FoundHousehold; lost: number; onYes: () => Promise<void>; onBack: () => void }) {
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)
  const [until] = useState(takesOverMs)
  const say = words.restore.confirm
  const lines = props.found.isDone
    ? [say.done, say.forget]
    : [
        `${say.adds} ${say.removes(props.lost)}`,
        say.until(momentWords(until)),
        say.others,
        ...(props.found.opensClips ? [say.look, say.forget] : [say.noClips]),
        say.names,
      ]
  async function confirm(): Promise<void> {
    setBusy(true)
    setFailure(null)
    try {
      await props.onYes()
    } catch (error) {
      setFailure(codeOf(error) === 'KEYSET_INVALID' ? say.clock : failureWords(error))
      setBusy(false)
    }
  }
  return (
    <>
      <Title>{say.title}</Title>
      <section class="card">
        {lines.map((line) => (
          <p key={line}>{line}</p>
        ))}
        {failure !== null && <Alert wrong>{failure}</Alert>}
        <p role="status">{busy ? say.busy : ''}</p>
        <p class="row">
          <Button disabled={busy} onClick={props.onBack}>
            {words.app.back}
          </Button>
          <Button main disabled={busy} onClick={() => void confirm()}>
            {say.yes}
          </Button>
        </p>
      </section>
    </>
  )
}

/** From a sheet to a phone that waits to take over: sheet, relay, what was found, lost phones, the place, the words, the root's signature. */
export function Restore(props: { database: Database; onHome: (home: Home) => Promise<void>; onBack: () => void }) {
  const [read, setRead] = useState<ReadSheet | null>(null)
  const [at, setAt] = useState<SheetRelay | null>(null)
  const [found, setFound] = useState<FoundHousehold | null>(null)
  const [lost, setLost] = useState<ReadonlySet<string> | null>(null)
  const [place, setPlace] = useState<Place | null>(null)
  function again(): void {
    setRead(null)
    setAt(null)
    setFound(null)
  }
  if (read === null)
    return (
      <ReadSheetPage
        onRead={(next) => {
          setRead(next)
          setAt(next.at)
        }}
        onBack={props.onBack}
      />
    )
  const { sheet } = read
  if (at === null) return <SheetPlace onPlace={setAt} onBack={again} />
  if (found === null)
    return <Looking database={props.database} read={{ sheet, at }} onFound={setFound} onBack={again} />
  if (lost === null && !found.isDone) return <LostPhones found={found} onChosen={setLost} onBack={again} />
  if (place === null) return <ChoosePlace onPlace={setPlace} />
  return (
    <Confirm
      found={found}
      lost={lost?.size ?? 0}
      onBack={() => {
        setPlace(null)
        setLost(null)
      }}
      onYes={async () => {
        const home = await restoreHousehold(props.database, found, { sheet, lost: lost ?? new Set() })
        await props.onHome(atPlace(home, place))
        forgetSheet(sheet)
      }}
    />
  )
}
