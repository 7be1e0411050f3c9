import { sharedOn as sharedOnMessage } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button } from '../../kit/parts.tsx'
import { failureWords } from '../words/failure.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { conflictsOf } from './conflicts.ts'
import { type KeptEntry, loadEntries, type Office, sendEntry, signEntry } from './entries.ts'
import { EntryForm } from './entry-form.tsx'
import type { Released } from './released.ts'

function EntryLine(props: { released: Released; entry: KeptEntry; onSend: () => void }) {
  const { released, entry } = props
  const said = sharedOnMessage.parse(entry.sharedOn).payload.latchkey
  const { atMs, receiver, reason } = said
  const say = words.sharedOn
  return (
    <li>
      <strong>{say.to(receiver.name)}</strong>
      {` (${say.kinds[receiver.kind]}), ${momentWords(atMs)}`}
      <blockquote>{reason}</blockquote>
      {conflictsOf(released, said).map((conflict) => (
        <p key={conflict} class="bad">
          {say.against[conflict]}
        </p>
      ))}
      {!entry.isTaken && (
        <>
          <p class="bad">{say.unsent}</p>
          <Button onClick={props.onSend}>{say.again}</Button>
        </>
      )}
    </li>
  )
}

/** Entries of one release, the newest state of them. */
function useEntries(office: Office, released: Released) {
  const [entries, setEntries] = useState<readonly KeptEntry[]>([])
  const [failure, setFailure] = useState<string | null>(null)
  const look = (): Promise<void> => loadEntries(office.database, released).then(setEntries)
  useEffect(() => void look(), [released.release])
  const act = (work: Promise<void>): Promise<void> => work.finally(look)
  const send = (entry: KeptEntry): void => {
    setFailure(null)
    void act(sendEntry(office, released, entry)).catch((error: unknown) => setFailure(failureWords(error)))
  }
  return { entries, failure, send, act }
}

/** Who got next what was released here, and the form that says so. @param props.when says which release it is, where there are several */
export function SharedOnCard(props: Office & { released: Released; when: string | null }) {
  const { released, when } = props
  const { entries, failure, send, act } = useEntries(props, released)
  const say = words.sharedOn
  return (
    <>
      {entries.length > 0 && (
        <>
          <h3>{when === null ? say.listed : say.listedOf(when)}</h3>
          <ul class="entries">
            {entries.map((entry) => (
              <EntryLine key={entry.sharedOn} released={released} entry={entry} onSend={() => send(entry)} />
            ))}
          </ul>
        </>
      )}
      {failure !== null && <Alert wrong>{failure}</Alert>}
      <details>
        <summary>{when === null ? say.title : say.titleOf(when)}</summary>
        <EntryForm released={released} onSign={(said) => act(signEntry(props, released, said))} />
      </details>
    </>
  )
}
