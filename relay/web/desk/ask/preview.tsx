import type { ClipRequest } from '@latchkey/shared'
import { useState } from 'preact/hooks'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import type { Database } from '../../kernel/database.ts'
import { type Investigator, parseCertificateFile } from '../who/investigator.ts'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import { FindingList } from './finding-words.tsx'
import { type Outcome, publish } from './publish.ts'
import { RequestFacts } from './request-facts.tsx'

type Refused = Extract<Outcome, { kind: 'refused' }>

function Refusal({ findings, retryAfterS }: Refused) {
  return (
    <section class="card" role="alert">
      <p>{words.ask.refused}</p>
      <FindingList findings={findings} />
      {retryAfterS !== null && <p>{words.ask.retryAfter(Math.ceil(retryAfterS / 60))}</p>}
    </section>
  )
}

/** Exactly what becomes public; what is signed here is what is shown here. */
export function Preview(props: {
  database: Database
  investigator: Investigator
  request: ClipRequest
  onBack: () => void
  onPublished: (outcome: Extract<Outcome, { kind: 'published' }>) => void
}) {
  const { database, investigator, request } = props
  const [busy, setBusy] = useState(false)
  const [refused, setRefused] = useState<Refused | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const say = words.ask.preview
  const { payload } = parseCertificateFile(investigator.certificate!)
  async function sign(): Promise<void> {
    setBusy(true)
    setFailure(null)
    try {
      const outcome = await publish(database, investigator, request)
      if (outcome.kind === 'published') props.onPublished(outcome)
      else setRefused(outcome)
    } catch (error) {
      setFailure(failureWords(error))
    }
    setBusy(false)
  }
  return (
    <>
      <Title>{say.title}</Title>
      <p>{say.lead}</p>
      <section class="card">
        <RequestFacts request={request} by={payload} />
        <p class="soft small">{say.certificate}</p>
      </section>
      <details>
        <summary>{say.exact}</summary>
        <pre class="exact">{JSON.stringify(request, null, 2)}</pre>
      </details>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      {refused !== null && <Refusal {...refused} />}
      <p class="row">
        <Button disabled={busy} onClick={props.onBack}>
          {say.back}
        </Button>
        <Button main disabled={busy || refused !== null} onClick={() => void sign()}>
          {busy ? say.signing : say.sign}
        </Button>
      </p>
    </>
  )
}
