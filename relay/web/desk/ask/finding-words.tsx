import { ERROR_CODES, type Finding } from '@latchkey/shared'
import { words } from '../words/words.ts'

/** What is wrong, for people; the code stands beside it. */
export const findingWords = ({ code }: Finding): string =>
  words.ask.findings[code] ?? words.failures[code] ?? ERROR_CODES[code].title

/** Names that people know for the members of a request. */
function fieldWords(field: string | undefined): string | null {
  const say = words.ask
  const names: Readonly<Record<string, string>> = {
    caseNumber: say.caseNumber,
    incidentType: say.incident,
    template: say.template,
    reason: say.sections.what,
    contact: say.contact,
    area: say.sections.where,
    window: say.sections.when,
    retentionDays: say.sections.keep,
  }
  return field === undefined ? null : (names[field] ?? null)
}

/** Every finding with its place, its words and its code. */
export function FindingList({ findings }: { findings: readonly Finding[] }) {
  return (
    <ul class="findings">
      {findings.map((finding) => {
        const field = fieldWords(finding.field)
        return (
          <li key={`${finding.code} ${finding.field ?? ''}`}>
            {field !== null && <strong>{field}: </strong>}
            {findingWords(finding)} <span class="code">{finding.code}</span>
          </li>
        )
      })}
    </ul>
  )
}
