import { OUTCOMES, type RequestOutcomeWord } from '@latchkey/shared'
import { useId, useState } from 'preact/hooks'
import { Alert, Button } from '../../kit/parts.tsx'
import type { Database } from '../../kernel/database.ts'
import type { Investigator } from '../who/investigator.ts'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import type { Asked } from './asked.ts'
import { reportOutcome } from './report-outcome.ts'

/** What came of a request: owed once it has closed, and reported once. */
export function OutcomeCard(props: { database: Database; investigator: Investigator; asked: Asked; request: string }) {
  const [asked, setAsked] = useState(props.asked)
  const [word, setWord] = useState<RequestOutcomeWord | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const name = useId()
  const say = words.requests.outcome
  async function report(chosen: RequestOutcomeWord): Promise<void> {
    setBusy(true)
    setFailure(null)
    try {
      setAsked(await reportOutcome(props, asked, { request: props.request, word: chosen }))
    } catch (error) {
      setFailure(failureWords(error))
    }
    setBusy(false)
  }
  if (asked.report?.isTaken)
    return <p class="good" role="status">{`${say.reported} ${say.words[asked.report.word]}`}</p>
  return (
    <details>
      <summary>{say.title}</summary>
      <p>{say.why}</p>
      <fieldset class="choice">
        <legend class="unseen">{say.title}</legend>
        {OUTCOMES.map((outcome) => (
          <label key={outcome}>
            <input type="radio" name={name} checked={word === outcome} onChange={() => setWord(outcome)} />
            {say.words[outcome]}
          </label>
        ))}
      </fieldset>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      <p>
        <Button disabled={busy || word === null} onClick={() => void report(word!)}>
          {say.report}
        </Button>
      </p>
    </details>
  )
}
