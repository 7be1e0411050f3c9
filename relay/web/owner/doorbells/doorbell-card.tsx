import type { ClipVerdict, DayRecord, DeviceLine, OwnLeafState } from '@latchkey/shared'
import { useState } from 'preact/hooks'
import { Alert, Button, Heading } from '../../kit/parts.tsx'
import { OwnName } from '../settings/own-name.tsx'
import { nowMs } from '../../kernel/clock.ts'
import { failureWords } from '../words/failure.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { daySentences } from './day-words.ts'
import { clipsSentences, reachSentence, type StateSentence, stateSentences } from './doorbell-words.ts'
import type { KnownDoorbell } from './known-doorbells.ts'

/** One doorbell and all that is known of it. */
export interface DoorbellView {
  readonly doorbell: KnownDoorbell
  readonly name: string
  /** `null` when the relay says nothing of it. */
  readonly line: DeviceLine | null
  readonly verdicts: readonly ClipVerdict[]
  /** What it signed about its days; `null` until that was heard. */
  readonly days: readonly DayRecord[] | null
  /** Whether its papers stand in the log; `null` when that could not be looked up. */
  readonly inLog: OwnLeafState['state'] | null
}

function Sentences({ sentences }: { sentences: readonly StateSentence[] }) {
  return (
    <ul class="sentences">
      {sentences.map(({ text, wrong }) => (
        <li key={text}>{wrong ? <strong class="bad">{text}</strong> : text}</li>
      ))}
    </ul>
  )
}

/** The mark beside it says the same to eyes only. */
function Reach({ line }: { line: DeviceLine }) {
  const { text, wrong } = reachSentence(line)
  const look = wrong ? 'bad' : line.available === 'online' ? 'good' : 'soft'
  return (
    <p class={`reach ${look}`}>
      <span aria-hidden="true">{line.available === 'online' ? '●' : '○'} </span>
      {text}
    </p>
  )
}

/** Asks once, says what it means, and takes the trust back. */
function TakingBack({ onTakeBack }: { onTakeBack: () => Promise<void> }) {
  const [asking, setAsking] = useState(false)
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)
  const say = words.doorbells
  async function takeBack(): Promise<void> {
    setBusy(true)
    try {
      await onTakeBack()
      setAsking(false)
    } catch (error) {
      setFailure(failureWords(error))
    }
    setBusy(false)
  }
  if (!asking) return <Button onClick={() => setAsking(true)}>{say.revoke}</Button>
  return (
    <div class="asking">
      <Heading>{say.revokeTitle}</Heading>
      <p>{say.revokeWhy}</p>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      <p class="row">
        <Button disabled={busy} onClick={() => setAsking(false)}>
          {say.revokeNo}
        </Button>
        <Button main disabled={busy} onClick={() => void takeBack()}>
          {say.revokeYes}
        </Button>
      </p>
    </div>
  )
}

function Days({ doorbell, days }: Pick<DoorbellView, 'doorbell'> & { days: readonly DayRecord[] }) {
  const say = words.doorbells.days
  const sentences = daySentences(days, { pairedMs: doorbell.certificate.payload.iat * 1000, nowMs: nowMs() })
  return (
    <details>
      <summary>{say.title}</summary>
      {sentences.length === 0 ? <p>{say.none}</p> : <Sentences sentences={sentences} />}
      <p class="soft small">{say.why}</p>
    </details>
  )
}

function Papers({ doorbell, inLog }: Pick<DoorbellView, 'doorbell' | 'inLog'>) {
  const say = words.doorbells
  const paired = say.paired(momentWords(doorbell.certificate.payload.iat * 1000))
  if (inLog === 'overdue' || inLog === 'contradicted')
    return (
      <>
        <p class="soft small">{paired}</p>
        <Alert wrong>{say.log[inLog]}</Alert>
      </>
    )
  return <p class="soft small">{inLog === null ? paired : `${paired} ${say.log[inLog]}`}</p>
}

/** @param props.onTakeBack takes the trust in it back; `onName` is null for who may only look */
export function DoorbellCard(props: {
  view: DoorbellView
  onName: ((name: string) => void) | null
  onTakeBack: () => Promise<void>
}) {
  const { view, onName, onTakeBack } = props
  const { doorbell, name, line, verdicts, days, inLog } = view
  const say = words.doorbells
  if (doorbell.revokedMs !== null)
    return (
      <li class="card">
        <h3>{name}</h3>
        <p>{say.revoked(momentWords(doorbell.revokedMs))}</p>
      </li>
    )
  return (
    <li class="card">
      <h3>{name}</h3>
      {line === null ? <p>{say.untold}</p> : <Reach line={line} />}
      {line !== null && <Sentences sentences={stateSentences(line)} />}
      <Sentences sentences={clipsSentences(verdicts)} />
      {days !== null && <Days doorbell={doorbell} days={days} />}
      <Papers doorbell={doorbell} inLog={inLog} />
      {onName !== null && <OwnName what={name} onName={onName} />}
      <TakingBack onTakeBack={onTakeBack} />
    </li>
  )
}
