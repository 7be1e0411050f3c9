import { findTemplate } from '@latchkey/shared'
import { html, type Html, type Piece } from '../html.ts'
import { reportDueMs } from '../agencies.ts'
import type { AskedRequest, PublicRecord } from '../record.ts'
import { durationText, hourText, minuteText } from '../record-times.ts'
import { areaDrawing } from './area-drawing.ts'
import { areaText, facts, hostOf, type Page, shortDigest, table, wordOf } from './page.ts'
import { templateChanges } from './templates.ts'

export const REQUESTS_PER_PAGE = 50

const windowText = (startMs: number, endMs: number): string =>
  `${minuteText(startMs)}, ${durationText(endMs - startMs)}`

function rowOf({ hour, data }: AskedRequest): Piece[] {
  return [
    html`<a href="/requests/${data.requestDigest}">${wordOf(data.incidentType)}</a>`,
    html`<a href="/agencies/${hostOf(data.agency)}">${hostOf(data.agency)}</a>`,
    hourText(hour),
    windowText(data.windowStartMs, data.windowEndMs),
    areaText(data.areaM2),
    data.cells.join(', '),
  ]
}

export function requestTable(caption: string, requests: readonly AskedRequest[]): Html {
  return table(
    caption,
    ['About', 'Asked by', 'Published', 'Minutes asked for', 'Area', 'Map cells'],
    requests.map(rowOf),
  )
}

/** @param before only entries below this log index */
export function requestsPage(record: PublicRecord, before: number): Page {
  const older = record.requests.filter(({ index }) => index < before)
  const shown = older.slice(-REQUESTS_PER_PAGE).reverse()
  const isMore = older.length > shown.length
  const body = html`
    <p class="lead">
      ${record.requests.length} requests, all that were ever accepted. Each is shown in full, as it was signed, unless
      the law removed its text; then its entry stays. They start from <a href="/templates">published texts</a>; each
      shows what its agency changed.
    </p>
    ${shown.length === 0 ? html`<p>No agency has asked for anything yet.</p>` : requestTable('Requests, the newest first', shown)}
    ${isMore ? html`<p><a rel="next" href="/requests?before=${shown.at(-1)!.index}">Older requests</a></p>` : null}
  `
  return { section: '/requests', title: 'Requests', body }
}

const degrees = (micro: number): string => (micro / 1e6).toFixed(6)

function textOf({ text, certificate }: AskedRequest, isOver: boolean): Html {
  if (text === null)
    return html`<p class="alert">
      The text of this request is not shown. Where the law removed it, <a href="/log">the log</a> has an entry that says
      so; where it did not, this page reports it as a finding.
    </p>`
  const [asked] = text.authorization_details
  const { caseNumber, reason, contact, retentionDays, template } = text.latchkey
  return html`
    <h2>What was asked, in full</h2>
    <blockquote>${reason}</blockquote>
    ${facts([
      ['Case number', caseNumber],
      ['Signed', minuteText(text.iat * 1000)],
      ['Open until', isOver ? 'its agency left: nobody can answer any more' : minuteText(text.exp * 1000)],
      ['Minutes asked for', windowText(asked!.window.startMs, asked!.window.endMs)],
      ['Asked by', certificate === null ? 'not shown' : `${certificate.latchkey.name}, ${certificate.latchkey.role}`],
      ['How to reach them', contact],
      ['Legal basis', 'voluntary: nobody has to answer'],
      ['Promise to delete after', `${retentionDays} days`],
      ['Template', findTemplate(template)?.title ?? template],
    ])}
    <h2>What the agency changed of the template</h2>
    ${templateChanges(template, reason)}
    <h2>Which area</h2>
    <p>The area is drawn around what happened, not around cameras: whoever asked does not know where any is.</p>
    ${areaDrawing(asked!.area)}
    <ol class="corners">
      ${asked!.area.map(([lat, lon]) => html`<li>${degrees(lat)}, ${degrees(lon)}</li>`)}
    </ol>
  `
}

/** Whether the agency reported, never what: beside a small area, that would point at who gave or did not. */
function reportText(record: PublicRecord, request: AskedRequest, nowMs: number): Piece {
  const reported = record.outcomes.find(({ data }) => data.requestDigest === request.data.requestDigest)
  if (reported !== undefined) return html`given (<a href="/log/${reported.index}">entry ${reported.index}</a>)`
  const dueMs = reportDueMs(record, request)
  if (dueMs === null) return 'not given'
  return dueMs < nowMs
    ? html`<strong>overdue since ${minuteText(dueMs)}</strong>: the agency can ask for nothing new`
    : `due by ${minuteText(dueMs)}`
}

/** @returns null for a request that is not in the log */
export function requestPage(record: PublicRecord, digest: string, nowMs: number): Page | null {
  const request = record.requests.find(({ data }) => data.requestDigest === digest)
  if (request === undefined) return null
  const { index, hour, data } = request
  const same = record.requests.filter(
    (other) => other.data.caseHash === data.caseHash && other.data.agency === data.agency,
  )
  const isOver = record.audit.requests.some((asked) => asked.digest === digest && asked.isOver)
  const body = html`
    ${facts([
      ['Agency', html`<a href="/agencies/${hostOf(data.agency)}">${hostOf(data.agency)}</a>`],
      ['About', wordOf(data.incidentType)],
      ['Area', `${areaText(data.areaM2)}, in map cells ${data.cells.join(', ')}`],
      ['Published', hourText(hour)],
      ['In the log', html`<a href="/log/${index}">entry ${index}</a>`],
      ['Judged by the rules', html`<a href="/policy/${data.policy}">${shortDigest(data.policy)}…</a>`],
      ['Requests of this agency for this case', same.length],
      ['Report of what came of it', reportText(record, request, nowMs)],
    ])}
    ${textOf(request, isOver)}
    <h2>As it was signed</h2>
    <p>
      <a href="${record.origin}/v1/requests/${digest}">The signed bytes</a> and
      <a href="${record.origin}/v1/requests/${digest}/certificate">the certificate of who asked</a>, from the relay.
      Their SHA-256 is what the log holds: <code>${digest}</code>
    </p>
  `
  return { section: '/requests', title: `A request about ${wordOf(data.incidentType)}`, body }
}

/** Refusals by agency and code. */
export function refusalTotals(refusals: PublicRecord['refusals']): Html {
  const counts = new Map<string, { agency: string; code: string; times: number }>()
  for (const { data } of refusals) {
    const key = `${data.agency} ${data.code}`
    const known = counts.get(key) ?? { agency: data.agency, code: data.code, times: 0 }
    counts.set(key, { ...known, times: known.times + 1 })
  }
  const rows = [...counts.values()].sort((a, b) => b.times - a.times || (a.agency < b.agency ? -1 : 1))
  return table(
    'Refusals by agency and reason',
    ['Agency', 'Reason', 'Code', 'Times'],
    rows.map(({ agency, code, times }) => [
      html`<a href="/agencies/${hostOf(agency)}">${hostOf(agency)}</a>`,
      REASONS[code] ?? 'another rule',
      html`<code>${code}</code>`,
      times,
    ]),
  )
}

/** What each code means, for people. */
const REASONS: Readonly<{ [code: string]: string }> = {
  AGENCY_SUSPENDED: 'the agency was suspended or had left',
  AGENCY_NOTICE: 'the public notice of the agency was not over',
  POLICY_UNKNOWN: 'it named other rules than those in force',
  FIELD_MISSING: 'something required was left out',
  CASE_NUMBER_INVALID: 'no real case number',
  PURPOSE_REFUSED: 'a purpose that is not allowed',
  REQUEST_INVALID: 'it was not formed as it must be',
  REQUEST_EXPIRED: 'it had expired',
  AREA_INVALID: 'the area was not a simple outline',
  AREA_TOO_SMALL: 'the area was too small: it would single out a home',
  AREA_TOO_LARGE: 'the area was too large',
  AREA_TIME_BUDGET: 'too much area for so much time',
  WINDOW_TOO_SHORT: 'the stretch of time was too short',
  WINDOW_TOO_LONG: 'the stretch of time was too long',
  WINDOW_IN_FUTURE: 'it asked for what had not happened yet',
  WINDOW_TOO_OLD: 'it asked too far back',
  OUTCOME_DUE: 'the agency owed the report of an earlier request',
  CASE_LIMIT: 'the case had used its requests',
  AGENCY_LIMIT: 'the agency had used its requests',
}

export function refusalsPage(record: PublicRecord): Page {
  const body = html`
    <p class="lead">${record.refusals.length} requests were refused by the rules.</p>
    <p>
      Of a refusal the log holds the agency, the reason and a digest of the text, never the text: it may hold a victim's
      name. The agency and who asked have it, and can prove what it said.
    </p>
    ${record.refusals.length === 0 ? html`<p>Nothing was refused yet.</p>` : refusalTotals(record.refusals)}
  `
  return { section: '/refusals', title: 'Refusals', body }
}
