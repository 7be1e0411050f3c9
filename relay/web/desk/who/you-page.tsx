import type { AgencyEntry, VerifierTrust } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Fact } from '../../kit/fact.tsx'
import { ChooseFiles } from '../../kit/files.tsx'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import { nowMs } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import { failureWords } from '../words/failure.ts'
import { dateWords, momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { type Investigator, parseCertificateFile } from './investigator.ts'
import { dropTrustFile, loadTrustFile, saveTrustFile } from './trust-file.ts'
import { useAgency } from './use-agency.ts'

function Standing({ agency }: { agency: AgencyEntry | null }) {
  const say = words.you
  if (agency === null) return <Alert wrong>{say.unknown}</Alert>
  const waits = agency.noticeUntilMs > nowMs()
  return (
    <>
      <p>{`${agency.name}. ${say.status[agency.status]}`}</p>
      {waits && <p>{say.notice(momentWords(agency.noticeUntilMs))}</p>}
    </>
  )
}

function TrustCard({ database }: { database: Database }) {
  const [file, setFile] = useState<VerifierTrust | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const say = words.you.trust
  const look = () => loadTrustFile(database).then(setFile)
  useEffect(() => void look(), [database])
  async function take(chosen: File): Promise<void> {
    setFailure(null)
    try {
      await saveTrustFile(database, await chosen.text())
      await look()
    } catch (error) {
      setFailure(failureWords(error))
    }
  }
  return (
    <section class="card">
      <h2>{say.title}</h2>
      <p>{file === null ? say.none : say.loaded(file.log?.logs.length ?? 0, file.agencies.size)}</p>
      <p class="soft">{say.why}</p>
      <ChooseFiles label={say.load} wrong={failure} onFiles={([chosen]) => void take(chosen!)} />
      {file !== null && <Button onClick={() => void dropTrustFile(database).then(look)}>{say.drop}</Button>}
    </section>
  )
}

/** Who asks from this desk, and whom it believes. */
export function YouPage({ database, investigator }: { database: Database; investigator: Investigator }) {
  const { payload } = parseCertificateFile(investigator.certificate!)
  const { agency, failure } = useAgency(investigator)
  const say = words.you
  return (
    <>
      <Title>{say.title}</Title>
      <section class="card">
        <h2>{say.as(payload.latchkey.name, payload.latchkey.role)}</h2>
        {failure !== null && <Alert wrong>{failure}</Alert>}
        {agency !== undefined && <Standing agency={agency} />}
        <dl class="facts">
          <Fact name={say.agency}>
            <span class="mono">{payload.iss}</span>
          </Fact>
          <Fact name={say.until}>{dateWords(payload.exp * 1000)}</Fact>
          <Fact name={say.relay}>
            <span class="mono">{investigator.relay}</span>
          </Fact>
          <Fact name={say.key}>
            <span class="mono">{payload.sub.slice(payload.sub.lastIndexOf(':') + 1)}</span>
          </Fact>
          <Fact name={say.recipient}>
            <span class="mono">{payload.latchkey.recipient}</span>
          </Fact>
        </dl>
      </section>
      <TrustCard database={database} />
      <p class="soft">{say.page}</p>
    </>
  )
}
