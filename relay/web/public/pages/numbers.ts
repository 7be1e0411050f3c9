import { type EntryOf, leafHourStartMs, monthEndMs, monthOf, OUTCOMES } from '@latchkey/shared'
import { html, type Html, type Piece } from '../html.ts'
import type { DisclosedEntry, PublicRecord } from '../record.ts'
import { hourText, monthText } from '../record-times.ts'
import { hostOf, type Page, table } from './page.ts'

type Month = DisclosedEntry<'statistics'>
type AgencyMonth = EntryOf<'statistics'>['agencies'][number]

const REPORTS: Readonly<Record<(typeof OUTCOMES)[number], string>> = {
  used: 'Used',
  'not-used': 'Not used',
  'no-clips': 'Nothing came',
  'charge-without': 'Charge without any',
}

const stepText = (step: AgencyMonth['releases']): string => step.replace('-', '–')
const stepsOf = ({ releases, outcomes }: AgencyMonth): Piece[] => [
  stepText(releases),
  ...OUTCOMES.map((word) => stepText(outcomes[word])),
]
const NUMBER_COLUMNS = ['Recordings given', ...OUTCOMES.map((word) => REPORTS[word])]

const ENTRY = ({ index }: Month): Html => html`<a href="/log/${index}">entry ${index}</a>`

function monthSection(record: PublicRecord, month: Month): Html {
  if (month.text === null)
    return html`<p class="alert bad">The relay does not show the numbers that ${ENTRY(month)} holds.</p>`
  const names = new Map(record.agencies.map(({ data }) => [data.uri, data.name]))
  const title = monthText(month.text.id)
  const rows = month.text.agencies.map((row): Piece[] => [
    html`<a href="/agencies/${hostOf(row.agency)}">${names.get(row.agency) ?? hostOf(row.agency)}</a>`,
    ...stepsOf(row),
  ])
  return html`<h2>${title}</h2>
    ${rows.length === 0 ? html`<p>0 of everything, for every agency.</p>` : table(title, ['Agency', ...NUMBER_COLUMNS], rows)}
    <p class="soft">Told ${hourText(month.hour)}, ${ENTRY(month)}.</p>`
}

/** Every month that has ended, the newest first. */
export function numbersPage(record: PublicRecord, nowMs: number): Page {
  const [first] = record.policies
  const body = html`
    <p class="lead">
      How often recordings were given to each agency, and what it reported of them, month by month. Of agencies that are
      not in a month's table, everything was 0.
    </p>
    <p>
      These are the relay's own numbers: what was given stands in the log too, but sealed, so nobody else can count it.
      Each month is told once, after it has ended, and its entry in the log keeps it from being changed. Numbers come in
      steps, never by request: an exact one beside a small area would point at who gave. “Recordings given” counts an
      owner's consents of which anything was downloaded, each once.
    </p>
    ${
      record.months.length === 0
        ? html`<p>
            No month has been told yet. ${monthText(monthOf(first === undefined ? nowMs : leafHourStartMs(first.hour)))}
            is the first; it is told when it has ended.
          </p>`
        : record.months.toReversed().map((month) => monthSection(record, month))
    }
  `
  return { section: '/numbers', title: 'Numbers', body }
}

/** An agency's months, for its own page; null where no month was told since it enrolled. */
export function agencyMonths(record: PublicRecord, uri: string, joinedHour: number): Html | null {
  const zeros = Object.fromEntries(OUTCOMES.map((word) => [word, '0'])) as AgencyMonth['outcomes']
  const rows = record.months.toReversed().flatMap(({ text }): Piece[][] => {
    if (text === null || monthEndMs(text.id) <= leafHourStartMs(joinedHour)) return []
    const row = text.agencies.find(({ agency }) => agency === uri) ?? { agency: uri, releases: '0', outcomes: zeros }
    return [[monthText(text.id), ...stepsOf(row)]]
  })
  return rows.length === 0 ? null : table('Given to it, and reported by it', ['Month', ...NUMBER_COLUMNS], rows)
}

const CSV_COLUMNS = ['month', 'agency', 'releases', ...OUTCOMES]

/** One line for each agency and month that has any. RFC 4180; no value needs quotes. */
export function numbersCsv({ months }: PublicRecord): string {
  const lines = months.flatMap(({ text }) =>
    (text?.agencies ?? []).map(({ agency, releases, outcomes }) =>
      [text!.id, agency, releases, ...OUTCOMES.map((word) => outcomes[word])].join(','),
    ),
  )
  return [CSV_COLUMNS.join(','), ...lines, ''].join('\r\n')
}
