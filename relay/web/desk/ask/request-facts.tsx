import { type ClipRequest, findTemplate, type InvestigatorCertificate } from '@latchkey/shared'
import { AreaOutline } from '../../kit/area-outline.tsx'
import { Fact } from '../../kit/fact.tsx'
import { INCIDENT_WORDS } from '../../kit/incident-words.ts'
import { momentWords, utcWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { TemplateChanges } from './template-changes.tsx'

/** A request as everybody reads it. */
export function RequestFacts({ request, by }: { request: ClipRequest; by: InvestigatorCertificate | null }) {
  const { authorization_details, latchkey, iss, exp } = request
  const { window, area } = authorization_details[0]!
  const say = words.ask
  return (
    <dl class="facts">
      {by !== null && (
        <Fact name={say.preview.who}>
          {words.you.as(by.latchkey.name, by.latchkey.role)}
          <br />
          <span class="mono">{iss}</span>
        </Fact>
      )}
      <Fact name={say.caseNumber}>{latchkey.caseNumber}</Fact>
      <Fact name={say.incident}>{INCIDENT_WORDS[latchkey.incidentType] ?? latchkey.incidentType}</Fact>
      <Fact name={say.reason}>
        <blockquote>{latchkey.reason}</blockquote>
      </Fact>
      <Fact name={say.sections.where}>
        <AreaOutline area={area} label={say.map} />
      </Fact>
      <Fact name={say.sections.when}>{say.utc(utcWords(window.startMs), utcWords(window.endMs))}</Fact>
      <Fact name={say.sections.keep}>{`${latchkey.retentionDays} ${say.days.toLowerCase()}`}</Fact>
      <Fact name={say.contact}>{latchkey.contact}</Fact>
      <Fact name={say.template}>
        {findTemplate(latchkey.template)?.title ?? latchkey.template}
        <TemplateChanges template={latchkey.template} reason={latchkey.reason} />
      </Fact>
      <Fact name={say.preview.until}>{momentWords(exp * 1000)}</Fact>
    </dl>
  )
}
