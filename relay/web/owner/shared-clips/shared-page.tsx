import { approval, type OwnLeafState, type SettingsChoices } from '@latchkey/shared'
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { SaveLink } from '../../kit/files.tsx'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import type { Outbox } from '../decide/outbox.ts'
import type { Home } from '../household/home.ts'
import { useOwnThumbprint } from '../household/household-card.tsx'
import { roleOf } from '../household/members.ts'
import { revoke } from '../household/revoke.ts'
import { nameOfPhone } from '../household/waiting-card.tsx'
import type { Database } from '../../kernel/database.ts'
import type { LogKeeper } from '../log/log-keeper.ts'
import { failureWords } from '../words/failure.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { PassedOnList } from './passed-on.tsx'
import { receiptName, receiptText } from './receipt.ts'
import { SecondWord } from './second-word.tsx'
import { checkHistory, type GivenConsent, loadHistory, localHistory } from './history.ts'

const REFRESH_MS = 5_000

function stateWords({ kept, told, signed }: GivenConsent): string {
  const say = words.shared.states
  const { nbf, exp } = signed.payload
  if (told !== null) {
    if (told.state === 'waiting') return say.waiting(momentWords(nbf * 1000))
    if (told.state === 'live') return say.live(momentWords(exp * 1000))
    return say[told.state]
  }
  const state = kept?.state ?? 'sent'
  return state === 'sent' ? say.pending : say[state]
}

/** What may still be done about it. */
function actionOf({ kept, told }: GivenConsent): 'drop' | 'undo' | 'revoke' | null {
  if (told === null) return kept?.state === 'unsent' || kept?.state === 'stale' ? 'drop' : null
  if (told.state === 'revoked' || told.state === 'expired') return null
  return told.state === 'pending' || told.state === 'waiting' || told.state === 'awaiting-approval' ? 'undo' : 'revoke'
}

function InLog({ state }: { state: OwnLeafState['state'] }) {
  const text = words.shared.log[state]
  if (state === 'overdue' || state === 'contradicted') return <Alert wrong>{text}</Alert>
  return <p class="soft">{text}</p>
}

/** Which phones stand behind it, by the names that the household gave them. */
function Signers({ given, choices }: { given: GivenConsent; choices: SettingsChoices | null }) {
  const say = words.household
  const approvals = given.told?.approvals.map((entry) => approval.parse(entry.approval).kid) ?? []
  return (
    <>
      {given.kept === null && <p class="soft">{say.signedBy(nameOfPhone(choices, given.signed.kid))}</p>}
      {approvals.map((kid) => (
        <p key={kid} class="soft">
          {say.agreedBy(nameOfPhone(choices, kid))}
        </p>
      ))}
    </>
  )
}

function ConsentCard(props: {
  given: GivenConsent
  choices: SettingsChoices | null
  /** Asks for this phone's word where it may give one. */
  secondWord: ComponentChildren
  onTakeBack: () => Promise<void>
}) {
  const { given, choices } = props
  const [asked, setAsked] = useState(false)
  const [busy, setBusy] = useState(false)
  const say = words.shared
  const action = actionOf(given)
  const receipt = receiptText(given)
  const { aud, iat, latchkey } = given.signed.payload
  async function takeBack(): Promise<void> {
    setBusy(true)
    await props.onTakeBack()
    setBusy(false)
    setAsked(false)
  }
  return (
    <li class="card">
      <h2>{say.to(given.kept?.agencyName ?? aud[1])}</h2>
      <p class="soft small">{say.signed(momentWords(iat * 1000))}</p>
      <p role="status">{stateWords(given)}</p>
      {given.inLog !== null && <InLog state={given.inLog} />}
      {given.told !== null && given.told.downloads > 0 && (
        <p>{say.downloads(given.told.downloads, latchkey.maxDownloads)}</p>
      )}
      <PassedOnList given={given} />
      <Signers given={given} choices={choices} />
      {props.secondWord}
      {given.kept !== null && (
        <details>
          <summary>{say.notice}</summary>
          <pre class="notice small">{given.kept.notice}</pre>
        </details>
      )}
      {receipt !== null && (
        <p>
          <SaveLink parts={[receipt]} name={receiptName(given)} type="text/plain;charset=utf-8">
            {say.receipt.save}
          </SaveLink>
        </p>
      )}
      {given.kept?.state === 'stale' && given.told === null && (
        <p>
          <a class="button" href="#/questions">
            {say.signAgain}
          </a>
        </p>
      )}
      {action !== null && !asked && (
        <p>
          <Button onClick={() => setAsked(true)}>{action === 'revoke' ? say.revoke : say.undo}</Button>
        </p>
      )}
      {action !== null && asked && (
        <div role="group">
          <p>{action === 'revoke' ? say.revokeText : say.undoFree}</p>
          <p class="row">
            <Button disabled={busy} onClick={() => setAsked(false)}>
              {words.app.back}
            </Button>
            <Button main disabled={busy} onClick={() => void takeBack()}>
              {action === 'revoke' ? say.revoke : say.undo}
            </Button>
          </p>
        </div>
      )}
    </li>
  )
}

/** Everything this household ever gave, with taking back beside it. */
export function SharedPage(props: {
  home: Home
  database: Database
  outbox: Outbox
  log: LogKeeper
  choices: SettingsChoices | null
}) {
  const { home, outbox, log } = props
  const own = useOwnThumbprint(home)
  const isOwner = roleOf(home, own) === 'owner'
  const [history, setHistory] = useState<readonly GivenConsent[] | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const [isLogFalse, setLogFalse] = useState(false)
  async function refresh(): Promise<void> {
    const kept = await outbox.flush()
    try {
      setLogFalse((await log.look()).length > 0)
      setHistory(await checkHistory(await loadHistory(home, kept), log))
      setFailure(null)
    } catch (error) {
      setHistory(localHistory(kept))
      setFailure(failureWords(error))
    }
  }
  async function takeBack(given: GivenConsent): Promise<void> {
    try {
      if (given.told === null) await outbox.drop(given.digest)
      else await revoke(home, given.digest)
    } catch (error) {
      setFailure(failureWords(error))
      return
    }
    await refresh()
  }
  useEffect(() => {
    void refresh()
    const timer = setInterval(() => void refresh(), REFRESH_MS)
    return () => clearInterval(timer)
  }, [])
  return (
    <>
      <Title>{words.shared.title}</Title>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      {isLogFalse && <Alert wrong>{words.shared.distrust}</Alert>}
      {history?.length === 0 && <p>{words.shared.none}</p>}
      <ul class="plain">
        {history?.map((given) => (
          <ConsentCard
            key={given.digest}
            given={given}
            choices={props.choices}
            secondWord={
              isOwner &&
              given.told?.state === 'awaiting-approval' &&
              given.signed.kid !== own && (
                <SecondWord
                  log={log}
                  home={home}
                  database={props.database}
                  given={given}
                  onApproved={() => void refresh()}
                />
              )
            }
            onTakeBack={() => takeBack(given)}
          />
        ))}
      </ul>
    </>
  )
}
