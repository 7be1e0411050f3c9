import { type AgencyRow, agencyRows, overdueReports, statusTotals } from '../agencies.ts'
import { html, type Html, type Piece } from '../html.ts'
import type { PublicRecord } from '../record.ts'
import { dayText, durationText, hourText, minuteText } from '../record-times.ts'
import { areaText, facts, hostOf, type Page, table, wordOf } from './page.ts'
import { agencyMonths } from './numbers.ts'
import { refusalTotals, requestTable } from './requests.ts'

const STATUS: Readonly<{ [status: string]: string }> = {
  pilot: 'pilot',
  active: 'active',
  suspended: 'suspended',
  withdrawn: 'withdrawn',
}

function rowCells({ uri, now, joined, requests, refused, medianAreaM2, medianWindowMs }: AgencyRow): Piece[] {
  return [
    html`<a href="/agencies/${hostOf(uri)}">${now.data.name}</a><br /><span class="soft">${hostOf(uri)}</span>`,
    wordOf(now.data.kind),
    STATUS[now.data.status] ?? now.data.status,
    dayText(now.data.statusSinceMs),
    hourText(joined.hour),
    requests,
    refused,
    medianAreaM2 === null ? '–' : areaText(medianAreaM2),
    medianWindowMs === null ? '–' : durationText(medianWindowMs),
  ]
}

const COLUMNS = [
  ...['Agency', 'Kind', 'Status', 'Since', 'First entry', 'Requests', 'Refused', 'Median area', 'Median window'],
]

function totalsText(rows: readonly AgencyRow[]): string {
  const totals = statusTotals(rows)
  const told = Object.keys(STATUS).map((status) => `${totals.get(status) ?? 0} ${STATUS[status]!}`)
  return `${rows.length} ${rows.length === 1 ? 'agency' : 'agencies'}: ${told.join(', ')}.`
}

/** @param atMs the end of the asked day; null for now */
export function agenciesPage(record: PublicRecord, atMs: number | null): Page {
  const rows = agencyRows(record, atMs)
  const body = html`
    <p class="lead">
      ${atMs === null ? '' : `At the end of ${dayText(atMs)} (UTC): `}${totalsText(rows)}
      ${atMs === null ? null : html`<a href="/agencies">Now</a>`}
    </p>
    <p>
      Every agency that ever took part stands here, with those that left. A new agency, and a new key of a known one,
      wait in public before they may ask. Numbers are counted from the log each time this page is shown. How many
      recordings were given is not shown by request: beside a small area, it would point at the giver.
    </p>
    ${rows.length === 0 ? html`<p>No agency has enrolled.</p>` : table('Agencies', COLUMNS, rows.map(rowCells))}
  `
  return { section: '/agencies', title: 'Agencies', body }
}

function historyTable(record: PublicRecord, uri: string): Html {
  const rows = record.agencies
    .filter(({ data }) => data.uri === uri)
    .map(({ index, hour, data }): Piece[] => [
      hourText(hour),
      data.name,
      STATUS[data.status] ?? data.status,
      data.keys.length,
      minuteText(data.noticeUntilMs),
      html`<a href="/log/${index}">entry ${index}</a>`,
    ])
  return table('Every change of this agency', ['When', 'Name', 'Status', 'Keys', 'May ask from', 'In the log'], rows)
}

/** @returns null for an agency that is not in the log */
export function agencyPage(record: PublicRecord, uri: string, nowMs: number): Page | null {
  const row = agencyRows(record).find((one) => one.uri === uri)
  if (row === undefined) return null
  const { data } = row.now
  const asked = record.requests.filter((request) => request.data.agency === uri).reverse()
  const overdue = overdueReports(record, uri, nowMs).length
  const months = agencyMonths(record, uri, row.joined.hour)
  const refused = record.refusals.filter((refusal) => refusal.data.agency === uri)
  const body = html`
    ${facts([
      ['Address', hostOf(uri)],
      ['Kind', wordOf(data.kind)],
      ['Status', `${STATUS[data.status] ?? data.status} since ${dayText(data.statusSinceMs)}`],
      ['May ask from', minuteText(data.noticeUntilMs)],
      ['Requests published', asked.length],
      ['Requests refused', refused.length],
      [
        'Reports of what came of them',
        `${record.outcomes.filter((report) => report.data.agency === uri).length} given, ${overdue} overdue`,
      ],
      ['Median area', row.medianAreaM2 === null ? 'never asked' : areaText(row.medianAreaM2)],
      ['Median window', row.medianWindowMs === null ? 'never asked' : durationText(row.medianWindowMs)],
    ])}
    <h2>What it asked</h2>
    ${asked.length === 0 ? html`<p>Nothing yet.</p>` : requestTable('What it asked', asked)}
    ${
      months === null
        ? null
        : html`<h2>What was given, by month</h2>
            ${months}`
    }
    <h2>What was refused</h2>
    ${refused.length === 0 ? html`<p>Nothing yet.</p>` : refusalTotals(refused)}
    <h2>Its history here</h2>
    ${historyTable(record, uri)}
  `
  return { section: '/agencies', title: data.name, body }
}
