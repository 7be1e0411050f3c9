import type { ComponentChildren } from 'preact'
import { AreaOutline } from '../../kit/area-outline.tsx'
import type { Place } from '../household/home.ts'
import type { Question } from '../questions/load-questions.ts'
import { dayWords, momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { areaWords } from './area-words.ts'

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

/** Who asks, as far as signatures tell. Every word of it came from outside and is only ever shown as text. */
export function WhoAsks({ question }: { question: Question }) {
  const say = words.decide
  const { agency, certificate, request } = question
  const { name, role } = certificate.payload.latchkey
  return (
    <section class="card">
      <h2>{say.who}</h2>
      <dl class="facts">
        <Fact name={say.agency}>
          {agency.name}
          <br />
          <span class="good small">
            <span aria-hidden="true">✓ </span>
            {say.agencyLogged}
          </span>
        </Fact>
        <Fact name={say.domain}>
          <span class="mono">{agency.uri}</span>
        </Fact>
        <Fact name={say.kind}>{words.kinds[agency.kind] ?? agency.kind}</Fact>
        <Fact name={say.since}>{dayWords(agency.sinceMs)}</Fact>
        <Fact name={say.person}>{`${name}, ${role}`}</Fact>
        <Fact name={say.keyAge}>{dayWords(certificate.payload.iat * 1000)}</Fact>
        <Fact name={say.contact}>
          {request.payload.latchkey.contact}
          <br />
          <span class="soft small">{say.contactHint}</span>
        </Fact>
      </dl>
    </section>
  )
}

/** Which case, and what is said to have happened. */
export function TheCase({ question }: { question: Question }) {
  const say = words.decide
  const { caseNumber, incidentType, reason } = question.request.payload.latchkey
  return (
    <section class="card">
      <h2>{say.case}</h2>
      <dl class="facts">
        <Fact name={say.caseNumber}>{caseNumber}</Fact>
        <Fact name={say.happened}>{words.incidents[incidentType] ?? incidentType}</Fact>
        <Fact name={say.reason}>
          <blockquote>{reason}</blockquote>
        </Fact>
      </dl>
    </section>
  )
}

/** Where and when: an outline and words for the one, two times for the other. */
export function WhereAndWhen({ question, door }: { question: Question; door: Place }) {
  const say = words.decide
  const { area, window } = question.request.payload.authorization_details[0]!
  return (
    <section class="card">
      <h2>{say.where}</h2>
      <AreaOutline area={area} door={door} label={say.outline} />
      <p>{areaWords(area, door)}</p>
      <h2>{say.when}</h2>
      <p>{words.questions.window(momentWords(window.startMs), momentWords(window.endMs))}</p>
    </section>
  )
}
