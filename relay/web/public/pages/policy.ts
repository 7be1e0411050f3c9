import type { Policy } from '@latchkey/shared'
import { html, type Html, type Piece } from '../html.ts'
import type { PublicRecord } from '../record.ts'
import { durationText, hourText } from '../record-times.ts'
import { areaText, type Page, table, wordOf } from './page.ts'

const list = (words: readonly string[]): string => words.map(wordOf).join(', ')
const seconds = (count: number): string => durationText(count * 1000)

/** Every limit, what it is, and why there is one. */
function limitsOf(policy: Policy): (readonly [string, Piece, string])[] {
  const { area, window, agencyLimits, consent, requestLifeSeconds, retentionDays } = policy
  return [
    [
      'Smallest area',
      areaText(area.minimumM2),
      'A smaller one would single out a home. Ring’s former rule for police requests had the same.',
    ],
    ['Largest area', areaText(area.maximumM2), 'A larger one is a dragnet. Ring’s former rule had the same.'],
    ['Shortest window', durationText(window.minimumMs), 'Clocks are never exact; a moment would single out a person.'],
    ['Longest window', durationText(window.maximumMs), 'One incident, not a day’s comings and goings.'],
    [
      'Area × time',
      `${(policy.areaTimeM2Hours / 1e6).toFixed(1)} km²·h`,
      'The largest area for the longest time would sweep in thousands of homes and whole demonstrations.',
    ],
    ['How far back', durationText(window.maximumAgeMs), 'Recordings are gone after that anyway.'],
    ['Into the future', 'never', 'There are no standing requests and no live view.'],
    [
      'Open for',
      `${seconds(requestLifeSeconds.default)}, at most ${seconds(requestLifeSeconds.maximum)}`,
      'A question that nobody answered is not asked for ever. Nobody is reminded.',
    ],
    ['Requests for one case', policy.requestsPerCase, 'Asking again and again is pressure.'],
    [
      'Requests of one agency',
      `${agencyLimits.perDay} a day, ${agencyLimits.per30Days} in 30 days, ${agencyLimits.open} open`,
      'Far above what the average department ever asked of a doorbell network.',
    ],
    [
      'Public notice of a new agency or key',
      durationText(policy.agencyNoticeMs),
      'The public learns of it before anyone is asked, and can object.',
    ],
    [
      'Report of the outcome',
      `due ${durationText(policy.outcomeDueMs)} after a request closes`,
      'Whether asking helped is measured, not claimed.',
    ],
    ['Who may take part', list(policy.agencyKinds), 'Local agencies, and the defence: evidence serves both sides.'],
    ['Who may not', list(policy.refusedAgencyKinds), 'Not theirs to ask here.'],
    ['What may be asked about', list(policy.incidentTypes), 'A closed list: one incident that has happened.'],
    ['What is refused', list(policy.refusedIncidentTypes), 'Lawful assembly, status and belief are nobody’s case.'],
    ['Undo of an owner’s yes', seconds(consent.undoSeconds), 'A yes can be taken back before it acts.'],
    [
      'Life of a yes',
      `${seconds(consent.lifeSeconds)}, ${consent.maxDownloads} downloads`,
      'It is for one request, one agency’s key, and not for ever.',
    ],
    [
      'How long recordings are kept',
      `${retentionDays.default} days; owners choose ${retentionDays.selectable.join(', ')}; never over ${retentionDays.maximum}`,
      'What does not exist cannot be demanded.',
    ],
  ]
}

function policyBody(record: PublicRecord, digest: string): Html | null {
  const enacted = record.policies.findLast(({ data }) => data.digest === digest)
  if (enacted === undefined) return null
  if (enacted.text === null) return html`<p class="alert">The relay does not show these rules.</p>`
  return html`
    <p class="lead">
      Rules “${enacted.text.region}”, version ${enacted.text.version}, in the log since ${hourText(enacted.hour)} (<a
        href="/log/${enacted.index}"
        >entry ${enacted.index}</a
      >).
    </p>
    ${table('Limits', ['What', 'Limit', 'Why'], limitsOf(enacted.text))}
    <p>
      The same as data, to the last number: <a href="${record.origin}/v1/policies/${digest}">policy as JSON</a>. The
      relay judges by it, <code>latchkey check-request</code> judges a draft by it, and this page judged every answer by
      it again.
    </p>
  `
}

/** @param digest null for the rules in force. @returns null for rules that are not in the log */
export function policyPage(record: PublicRecord, digest: string | null): Page | null {
  const newest = record.policies.at(-1)
  const shown = digest ?? newest?.data.digest
  const rules = shown === undefined ? null : policyBody(record, shown)
  if (digest !== null && rules === null) return null
  const isOld = newest !== undefined && shown !== newest.data.digest
  const body = html`
    ${isOld ? html`<p class="alert">These rules are no longer in force. <a href="/policy">The rules in force</a></p>` : null}
    ${rules ?? html`<p>No rules are in the log yet.</p>`}
    <h2>Every version</h2>
    <ol>
      ${record.policies.map(
        ({ data, hour, text }) =>
          html`<li>
            <a href="/policy/${data.digest}"
              >${text === null ? data.digest : `${text.region}, version ${text.version}`}</a
            >, since ${hourText(hour)}
          </li>`,
      )}
    </ol>
  `
  return { section: '/policy', title: 'The rules', body }
}
