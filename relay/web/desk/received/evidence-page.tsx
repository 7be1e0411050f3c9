import { clockLines, contentLines, type OpenedItem, type OwnerDetails, type Verdict } from '@latchkey/shared'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { Fact } from '../../kit/fact.tsx'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import type { Database } from '../../kernel/database.ts'
import { releasedOf } from '../shared-on/released.ts'
import { SharedOnCard } from '../shared-on/shared-on-card.tsx'
import type { Investigator } from '../who/investigator.ts'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import type { Download } from './bundle-store.ts'
import { Checklist } from './checklist.tsx'
import { Keeping } from './keeping.tsx'
import { type Evidence, openedFilesOf, openEvidence, sendReceipt } from './open-evidence.ts'
import { Recordings } from './recordings.tsx'
import { ReportPage } from './report-page.tsx'

/** When it was recorded, by whose clock, and what is missing: as the device and the owner signed it. */
function Facts({ verdict: { facts } }: { verdict: Verdict }) {
  if (facts === null) return null
  return (
    <section class="card">
      <h2>{words.evidence.facts}</h2>
      <ul>
        {[...clockLines(facts), ...contentLines(facts)].map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </section>
  )
}

function OwnerCard({ details }: { details: OwnerDetails }) {
  const say = words.evidence
  const told = (['name', 'email', 'phone', 'address'] as const).filter((name) => details[name] !== undefined)
  return (
    <section class="card">
      <h2>{say.owner}</h2>
      <p class="soft">{say.ownerWhy}</p>
      <dl class="facts">
        {told.map((name) => (
          <Fact key={name} name={say.details[name]}>
            {details[name]}
          </Fact>
        ))}
      </dl>
    </section>
  )
}

/** The investigator's word on what arrived. */
function Receipt(props: {
  isSent: boolean
  opened: readonly OpenedItem[] | null
  onSign: (opened: readonly OpenedItem[]) => Promise<void>
}) {
  const { isSent, opened } = props
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)
  const say = words.evidence.receipt
  async function sign(): Promise<void> {
    setBusy(true)
    setFailure(null)
    await props.onSign(opened!).catch((error: unknown) => setFailure(failureWords(error)))
    setBusy(false)
  }
  return (
    <section class="card">
      <h2>{say.title}</h2>
      <p>{say.why}</p>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      {isSent && (
        <p class="good" role="status">
          {say.sent}
        </p>
      )}
      {!isSent && opened === null && <p class="soft">{say.notYet}</p>}
      {!isSent && opened !== null && (
        <Button disabled={busy} onClick={() => void sign()}>
          {say.sign}
        </Button>
      )}
    </section>
  )
}

/** One bundle: watched, checked, kept and acknowledged. */
export function EvidencePage(props: {
  database: Database
  investigator: Investigator
  /** Of the consent. */
  digest: string
  download: Download
  onBack: () => void
}) {
  const { database, investigator, digest } = props
  const [download, setDownload] = useState(props.download)
  const [evidence, setEvidence] = useState<Evidence | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  useEffect(() => {
    openEvidence(database, investigator, props.download)
      .then(setEvidence)
      .catch((error: unknown) => setFailure(failureWords(error)))
  }, [])
  const files = useMemo(() => (evidence === null ? null : openedFilesOf(evidence.verdict)), [evidence])
  const [isReport, setReport] = useState(false)
  const say = words.evidence
  const facts = evidence?.verdict.facts ?? null
  const released = releasedOf(download)
  if (isReport && evidence !== null && facts !== null && files !== null)
    return (
      <ReportPage
        evidence={evidence}
        facts={facts}
        files={files}
        database={database}
        released={released}
        onBack={() => setReport(false)}
      />
    )
  return (
    <>
      <Title>{say.title}</Title>
      <p class="row">
        <Button onClick={props.onBack}>{say.back}</Button>
        {files !== null && <Button onClick={() => setReport(true)}>{words.report.open}</Button>}
      </p>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      {evidence === null && failure === null && <p role="status">{say.checking}</p>}
      {evidence !== null && (
        <>
          {files !== null && <Recordings originals={files.originals} />}
          <Facts verdict={evidence.verdict} />
          {files !== null && evidence.verdict.ownerDetails !== null && (
            <OwnerCard details={evidence.verdict.ownerDetails} />
          )}
          <Checklist verdict={evidence.verdict} from={evidence.from} />
          <Keeping zip={evidence.zip} files={files} />
          <Receipt
            isSent={download.receiptMs !== null}
            opened={files === null ? null : evidence.verdict.opened}
            onSign={async (opened) =>
              setDownload(await sendReceipt({ database, investigator, digest, download }, opened))
            }
          />
          {released !== null && (
            <section class="card">
              <h2>{words.sharedOn.section}</h2>
              <SharedOnCard database={database} investigator={investigator} released={released} when={null} />
            </section>
          )}
        </>
      )}
    </>
  )
}
