import { codeOf, consent as consentMessage, indexesOf } from '@latchkey/shared'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Alert, Button } from '../../kit/parts.tsx'
import { nowMs } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import type { Investigator } from '../who/investigator.ts'
import { investigatorClient } from '../who/relay-clients.ts'
import { failureWords } from '../words/failure.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { forgetDownload } from './bundle-store.ts'
import { fetchBundle, newDownload } from './fetch-bundle.ts'
import type { Given } from './inbox.ts'

const MEGABYTE = 1_000_000
const megabytes = (bytes: number): string => (bytes / MEGABYTE).toFixed(1)

interface Amount {
  readonly done: number
  /** Null while the relay writes the release into the log. */
  readonly of: number | null
}

function Progress({ done, of }: Amount) {
  const say = words.received
  if (of === null) return <p role="status">{say.logging}</p>
  return (
    <p>
      <progress aria-label={say.progressLabel} value={done} max={of} />{' '}
      <span>{say.progress(megabytes(done), megabytes(of))}</span>
    </p>
  )
}

/** A fetch that can be paused, and ends with the page. */
function useFetch(database: Database, investigator: Investigator, onChanged: () => void) {
  const [amount, setAmount] = useState<Amount | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const controller = useRef<AbortController | null>(null)
  useEffect(() => () => controller.current?.abort(), [])
  async function start({ consent, request, download }: Given): Promise<void> {
    const { signal } = (controller.current = new AbortController())
    setFailure(null)
    setAmount({ done: 0, of: null })
    const onProgress = (done: number, of: number | null): void => setAmount({ done, of })
    try {
      const client = await investigatorClient(investigator)
      await fetchBundle({ database, client, signal, onProgress }, download ?? newDownload({ consent, request }))
    } catch (error) {
      if (!signal.aborted) setFailure(codeOf(error) === 'UNAVAILABLE' ? words.received.broke : failureWords(error))
    }
    setAmount(null)
    onChanged()
  }
  return { amount, failure, start, stop: () => controller.current?.abort() }
}

/** What can be done with it next. */
function NextStep(props: { given: Given; onFetch: () => void; onOpen: () => void; onForget: () => void }) {
  const { download, taken } = props.given
  const say = words.received
  if (download?.isWhole)
    return (
      <>
        <p class="soft small">{say.kept}</p>
        <p class="row">
          <Button main onClick={props.onOpen}>
            {say.open}
          </Button>
          <Button onClick={props.onForget}>{say.forget}</Button>
        </p>
        <p class="soft small">{say.forgetWhy}</p>
      </>
    )
  if (taken === null && download === null) return null
  return (
    <>
      <p class="row">
        <Button main onClick={props.onFetch}>
          {download === null ? say.download : say.goOn}
        </Button>
        {download !== null && <Button onClick={props.onForget}>{say.forget}</Button>}
      </p>
      <p class="soft small">{say.counts}</p>
    </>
  )
}

/** One thing that was given: what it is, and the next thing to do with it. */
export function GivenCard(props: {
  database: Database
  investigator: Investigator
  given: Given
  onOpen: () => void
  onChanged: () => void
}) {
  const { database, investigator, given, onChanged } = props
  const { amount, failure, start, stop } = useFetch(database, investigator, onChanged)
  const say = words.received
  const { latchkey, exp, authorization_details } = consentMessage.parse(given.consent).payload
  const ends = momentWords(exp * 1000)
  return (
    <li class="card">
      <h2>{given.caseNumber === null ? say.unknownCase : say.case(given.caseNumber)}</h2>
      <p>
        {say.purposes[latchkey.purpose] ?? latchkey.purpose} {say.keep(latchkey.retentionDays)}
      </p>
      <p class="soft small">
        {`${say.pieces(indexesOf(authorization_details[0]!.items).length)}. `}
        {exp * 1000 > nowMs() ? say.until(ends) : say.ended(ends)}
        {given.taken !== null && ` ${say.downloads(given.taken, latchkey.maxDownloads)}`}
      </p>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      {amount === null ? (
        <NextStep
          given={given}
          onFetch={() => void start(given)}
          onOpen={props.onOpen}
          onForget={() => void forgetDownload(database, given.digest, given.download!).then(onChanged)}
        />
      ) : (
        <>
          <Progress {...amount} />
          <Button onClick={stop}>{say.stop}</Button>
        </>
      )}
    </li>
  )
}
