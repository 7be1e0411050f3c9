import { type BundleFacts, clockLines, contentLines } from '@latchkey/shared'
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Fact } from '../../kit/fact.tsx'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import { nowMs } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import type { Released } from '../shared-on/released.ts'
import { utcWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { Checklist } from './checklist.tsx'
import { CustodyList } from './custody-list.tsx'
import type { Evidence, OpenedFiles } from './open-evidence.ts'
import { drawStills, type Still } from './stills.ts'

const Mono = ({ children }: { children: ComponentChildren }) => <span class="mono">{children}</span>

/** Who asked, who gave, which keys. */
function Parties({ facts }: { facts: BundleFacts }) {
  const say = words.report
  const { name, role } = facts.investigator
  const keys: readonly (readonly [string, string])[] = [
    [say.device, facts.device],
    [say.household, facts.household],
    [say.clip, facts.clip],
    [say.request, facts.request],
    [say.consent, facts.consent],
    [say.release, facts.release ?? say.none],
  ]
  return (
    <dl class="facts">
      <Fact name={words.ask.caseNumber}>{facts.caseNumber}</Fact>
      <Fact name={words.you.agency}>{`${facts.agencyName} (${facts.agency})`}</Fact>
      <Fact name={say.investigator}>{words.you.as(name, role)}</Fact>
      <Fact name={say.recordedBy}>{facts.software}</Fact>
      {keys.map(([name, value]) => (
        <Fact key={name} name={name}>
          <Mono>{value}</Mono>
        </Fact>
      ))}
    </dl>
  )
}

/** Pictures of each stretch of video; null until they are drawn. */
function useStills(files: OpenedFiles) {
  const [stills, setStills] = useState<readonly Still[] | null>(null)
  const [isUnplayable, setUnplayable] = useState(false)
  useEffect(() => {
    const videos = files.originals.filter(({ mediaType }) => mediaType === 'video/mp4')
    let drawn: readonly Still[] = []
    const drawing = (async () => {
      for (const file of videos) drawn = [...drawn, ...(await drawStills(file))]
    })()
    void drawing.catch(() => setUnplayable(true)).then(() => setStills(drawn))
    return () => void drawing.catch(() => {}).then(() => drawn.forEach(({ url }) => URL.revokeObjectURL(url)))
  }, [files])
  return { stills, isUnplayable }
}

function Stills({ files }: { files: OpenedFiles }) {
  const { stills, isUnplayable } = useStills(files)
  const say = words.report
  return (
    <section class="card">
      <h2>{say.stills}</h2>
      <p class="soft small">{say.stillsWhy}</p>
      {isUnplayable && <Alert wrong>{words.evidence.unplayable}</Alert>}
      {stills === null && <p role="status">{words.loading}</p>}
      <div class="stills">
        {stills?.map(({ url, atS }) => (
          <figure key={url}>
            <img src={url} alt={say.still(atS.toFixed(1))} />
            <figcaption class="small">{say.still(atS.toFixed(1))}</figcaption>
          </figure>
        ))}
      </div>
    </section>
  )
}

function Files({ files }: { files: OpenedFiles }) {
  return (
    <section class="card">
      <h2>{words.report.files}</h2>
      <ul class="files">
        {files.originals.map(({ path, sizeBytes, sha256 }) => (
          <li key={path}>
            <span>{words.report.file(path, sizeBytes)}</span>
            <span class="mono">{words.evidence.fingerprint(sha256)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Everything about one bundle on paper; the browser's print makes a PDF of it. */
export function ReportPage(props: {
  evidence: Evidence
  facts: BundleFacts
  files: OpenedFiles
  database: Database
  released: Released | null
  onBack: () => void
}) {
  const { evidence, facts, files, database, released } = props
  const say = words.report
  return (
    <>
      <Title>{say.title(facts.caseNumber)}</Title>
      <p class="row no-print">
        <Button onClick={props.onBack}>{words.back}</Button>
        <Button main onClick={() => print()}>
          {say.print}
        </Button>
      </p>
      <p>{say.made(utcWords(nowMs()))}</p>
      <section class="card">
        <h2>{say.parties}</h2>
        <Parties facts={facts} />
      </section>
      <section class="card">
        <h2>{say.times}</h2>
        <ul>
          {[...clockLines(facts), ...contentLines(facts)].map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      </section>
      <Stills files={files} />
      <Files files={files} />
      <Checklist verdict={evidence.verdict} from={evidence.from} />
      <CustodyList zip={evidence.zip} database={database} released={released} />
    </>
  )
}
