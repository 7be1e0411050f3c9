import { type AgencyEntry, type ClipRequest, clipRequest, codeOf } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import { nowMs } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import { cornersText } from '../ask/corners.ts'
import { EMPTY_DRAFT, saveDraft } from '../ask/draft.ts'
import { RequestFacts } from '../ask/request-facts.tsx'
import { loadReleased, type Released } from '../shared-on/released.ts'
import type { Investigator } from '../who/investigator.ts'
import { anyoneClient } from '../who/relay-clients.ts'
import { useAgency } from '../who/use-agency.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { type Asked, loadAsked } from './asked.ts'
import { OutcomeCard } from './outcome-card.tsx'
import { type Standing, useStanding } from './standing.ts'
import { SharedOnCards } from './shared-on-cards.tsx'

/** Does the relay say that the law took its text away? Nothing else is asked, as there is nothing else to know. */
function useRemoved(investigator: Investigator, digest: string): boolean {
  const [removed, setRemoved] = useState(false)
  useEffect(() => {
    anyoneClient(investigator)
      .bytes('GET', `/v1/requests/${digest}`)
      .catch((error: unknown) => setRemoved(codeOf(error) === 'NOT_FOUND'))
  }, [digest])
  return removed
}

/** The same words, to be asked again: place and minutes are chosen anew, on purpose. */
async function copyToDraft(database: Database, { authorization_details, latchkey }: ClipRequest): Promise<void> {
  const { caseNumber, incidentType, template, reason, retentionDays, contact } = latchkey
  const corners = cornersText(authorization_details[0]!.area)
  await saveDraft(database, {
    ...EMPTY_DRAFT,
    ...{ caseNumber, incidentType, template, reason, retentionDays, contact, corners },
  })
  location.hash = '#/ask'
}

/** Until when it is shown to people, or why it is not. */
function Open({ endMs, isRemoved, standing }: { endMs: number; isRemoved: boolean; standing: Standing }) {
  const say = words.requests
  const end = momentWords(endMs)
  if (endMs <= nowMs()) return <p class="soft">{say.closed(end)}</p>
  if (isRemoved) return null
  if (standing === 'left') return <p class="soft">{say.left}</p>
  if (standing === 'suspended') return <p class="bad">{say.suspended(end)}</p>
  return <p class="good">{say.openUntil(end)}</p>
}

function RequestCard({
  asked,
  investigator,
  database,
  agency,
  released: all,
}: {
  asked: Asked
  investigator: Investigator
  database: Database
  agency: AgencyEntry | null | undefined
  released: readonly Released[]
}) {
  const { digest, payload } = clipRequest.parse(asked.request)
  const released = all.filter(({ request }) => request === digest)
  const isRemoved = useRemoved(investigator, digest)
  const standing = useStanding(investigator, asked, agency)
  const say = words.requests
  return (
    <li class="card">
      <h2>{words.received.case(payload.latchkey.caseNumber)}</h2>
      <Open endMs={payload.exp * 1000} isRemoved={isRemoved} standing={standing} />
      <p class="soft small">{`${say.asked(momentWords(asked.askedMs))}. ${say.entry(asked.index)}.`}</p>
      {isRemoved && <Alert wrong>{say.removed}</Alert>}
      <details>
        <summary>{say.text}</summary>
        <RequestFacts request={payload} by={null} />
        <p class="mono small">{`${investigator.relay}/v1/requests/${digest}`}</p>
      </details>
      <OutcomeCard database={database} investigator={investigator} asked={asked} request={digest} />
      <SharedOnCards database={database} investigator={investigator} released={released} />
      <p>
        <Button onClick={() => void copyToDraft(database, payload)}>{say.copy}</Button>
      </p>
    </li>
  )
}

/** What was asked here. No count of anybody stands on this page, because there is none. */
export function RequestsPage({ database, investigator }: { database: Database; investigator: Investigator }) {
  const [list, setList] = useState<readonly Asked[] | null>(null)
  const [released, setReleased] = useState<readonly Released[]>([])
  useEffect(() => {
    void loadAsked(database).then(setList)
    void loadReleased(database).then(setReleased)
  }, [database])
  const { agency } = useAgency(investigator)
  const known = new Set(list?.map((asked) => clipRequest.parse(asked.request).digest))
  const elsewhere = list === null ? [] : released.filter(({ request }) => !known.has(request))
  const say = words.requests
  return (
    <>
      <Title>{say.title}</Title>
      <p>{say.lead}</p>
      {list?.length === 0 && <p>{say.none}</p>}
      {list !== null && list.length > 0 && (
        <ul class="plain">
          {list.map((asked) => (
            <RequestCard
              key={asked.request}
              asked={asked}
              investigator={investigator}
              database={database}
              agency={agency}
              released={released}
            />
          ))}
        </ul>
      )}
      {elsewhere.length > 0 && (
        <section class="card">
          <h2>{words.sharedOn.elsewhere}</h2>
          <SharedOnCards database={database} investigator={investigator} released={elsewhere} />
        </section>
      )}
    </>
  )
}
