import { type AnnouncedRules, NO_RULES, type Policy, type PolicyEffect, policyNoticeMsOf } from '@latchkey/shared'
import { html, type Html, type Piece } from '../html.ts'
import { countsFromMs, type PolicyStep, policySteps } from '../policies.ts'
import type { EnactedPolicy, PublicRecord } from '../record.ts'
import { durationText, hourText, minuteText } from '../record-times.ts'
import { areaText, type Page, shortDigest, table, wordOf } from './page.ts'

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
      'Public notice of looser rules',
      durationText(policyNoticeMsOf(policy)),
      'Nobody is judged by them before. Stricter rules count at once.',
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

/** What gets looser, and what it is compared with. */
function looserList({ looser }: AnnouncedRules): Html {
  return html`<ul>
    ${looser.map(({ key, words }) => html`<li>${words[0]!.toUpperCase() + words.slice(1)}. <code>${key}</code></li>`)}
  </ul>`
}

/** Rules that wait: since when, until when, and what they loosen. */
function announcement(announced: AnnouncedRules, noticeMs: number): Html {
  const { digest, index, hour, policy } = announced
  return html`<section>
    <h2>Looser rules are announced</h2>
    <p>
      <a href="/policy/${digest}">“${policy.region}”, version ${policy.version}</a>, announced ${hourText(hour)} (<a
        href="/log/${index}"
        >entry ${index}</a
      >). Nobody is judged by them yet: they cannot count before ${minuteText(countsFromMs(announced))}, and only once a
      second entry says so. Looser rules wait ${durationText(noticeMs)} in public; stricter ones count at once.
    </p>
    <h3>What gets looser</h3>
    ${looserList(announced)}
  </section>`
}

function limitsSection(record: PublicRecord, { data, text }: EnactedPolicy): Html {
  if (text === null) return html`<p class="alert">The relay does not show these rules, so they do not count.</p>`
  return html`
    ${table('Limits', ['What', 'Limit', 'Why'], limitsOf(text))}
    <p>
      The same as data, to the last number: <a href="${record.origin}/v1/policies/${data.digest}">policy as JSON</a>.
      The relay judges by the rules in force, <code>latchkey check-request</code> judges a draft by them, and this page
      judged every answer by them again.
    </p>
  `
}

const EFFECTS: Readonly<Record<PolicyEffect, (hour: string) => string>> = {
  'in-force': (hour) => `in force since ${hour}`,
  announced: (hour) => `looser: announced ${hour}`,
  withdrawn: (hour) => `went on ${hour}: the looser rules that had been announced were withdrawn`,
  'too-early': (hour) => `entered again ${hour}, before their time: that changes nothing`,
  repeated: (hour) => `entered again ${hour}: that changes nothing`,
  'not-shown': (hour) => `entered ${hour}, not shown: they do not count`,
}

function history(steps: readonly PolicyStep[]): Html {
  return html`<h2>Every entry</h2>
    <ol>
      ${steps.map(
        ({ entry: { data, hour, index, text }, effect }) =>
          html`<li>
            <a href="/policy/${data.digest}"
              >${text === null ? shortDigest(data.digest) : `“${text.region}”, version ${text.version}`}</a
            >, ${EFFECTS[effect](hourText(hour))} (<a href="/log/${index}">entry ${index}</a>)
          </li>`,
      )}
    </ol>`
}

/** Where the shown rules stand: in force, announced, or neither any more. */
function standing({ data, text }: EnactedPolicy, steps: readonly PolicyStep[]): Html {
  const { inForce, announced } = steps.at(-1)!.state
  if (data.digest === inForce?.digest)
    return html`<p class="lead">
      Rules “${inForce.policy.region}”, version ${inForce.policy.version}, in force since ${hourText(inForce.hour)} (<a
        href="/log/${inForce.index}"
        >entry ${inForce.index}</a
      >).
    </p>`
  if (data.digest === announced?.digest)
    return html`<p class="alert">
        Rules “${announced.policy.region}”, version ${announced.policy.version}, are announced and do not count yet: not
        before ${minuteText(countsFromMs(announced))}.
        <a href="/policy">The rules in force</a>
      </p>
      <h2>What gets looser</h2>
      ${looserList(announced)}`
  const everCounted = steps.some(({ entry, effect }) => entry.data.digest === data.digest && effect === 'in-force')
  return html`<p class="alert">
    Rules “${text?.region ?? '?'}”, version ${text?.version ?? '?'}.
    ${everCounted ? 'They are no longer in force.' : 'They never came into force.'}
    <a href="/policy">The rules in force</a>
  </p>`
}

/** @param digest null for the rules in force. @returns null for rules that are not in the log */
export function policyPage(record: PublicRecord, digest: string | null): Page | null {
  const steps = policySteps(record)
  const { inForce, announced } = steps.at(-1)?.state ?? NO_RULES
  const shown = record.policies.findLast(({ data }) => data.digest === (digest ?? inForce?.digest))
  if (digest !== null && shown === undefined) return null
  const isMain = digest === null || digest === inForce?.digest
  const body = html`
    ${shown === undefined ? html`<p>No rules are in force yet.</p>` : standing(shown, steps)}
    ${isMain && inForce && announced && announcement(announced, policyNoticeMsOf(inForce.policy))}
    ${
      shown === undefined
        ? null
        : html`<h2>The limits</h2>
            ${limitsSection(record, shown)}`
    }
    ${history(steps)}
  `
  return { section: '/policy', title: 'The rules', body }
}
