import type { Holdings } from '@latchkey/shared'
import { html, type Html, type Piece } from '../html.ts'
import type { PublicRecord } from '../record.ts'
import { minuteText } from '../record-times.ts'
import { facts, type Page, table } from './page.ts'

type Table = Holdings['tables'][number]

const NOT_DESCRIBED = 'Nobody described it'

const batchText = (ms: number): string => (ms < 1_000 ? 'less than a second' : `${Math.round(ms / 1_000)} s`)
/** Comments of a database go on after a colon; here each begins a sentence. */
const sentence = (words: string | null): string =>
  words === null ? NOT_DESCRIBED : words.charAt(0).toUpperCase() + words.slice(1)

/** What it cannot do, and what keeps it from it. */
function cannots({ retentionDays, log }: Holdings['running']): Html {
  const { witnesses, quorum } = log
  const facts: readonly (readonly [what: string, why: string])[] = [
    [
      'Open a recording.',
      'Each piece is sealed by the doorbell to keys that are on the household’s phones and on a printed sheet. None of them was ever here.',
    ],
    [
      'Hand a recording to anybody.',
      'To the police, to a court or to a thief it could give what lies here: sealed pieces. Only an owner’s phone can seal the key of a piece to somebody else.',
    ],
    [
      'Say where a camera is.',
      'The finest place that it has of a household is a map square about five kilometres wide.',
    ],
    ['Say who said no.', 'A no, a look and silence send nothing; there is no column for them below.'],
    ['Show a household to its operator.', 'No address of this relay has anything of a household for its operator.'],
    [
      `Keep a recording for more than ${retentionDays.usual} days.`,
      `${retentionDays.kept} where an owner wants it. One that an owner shares is held until that is over.`,
    ],
    [
      'Change what was published.',
      `Every entry of the log is under a signature, and whoever read it before would see it. ${
        witnesses.length === 0
          ? 'Nobody else signs this log yet: whether two readers are shown the same, they can tell only by comparing.'
          : `${quorum} of ${witnesses.length} witnesses sign too before anything is published.`
      }`,
    ],
  ]
  return html`<ul>
    ${facts.map(([what, why]) => html`<li><strong>${what}</strong> ${why}</li>`)}
  </ul>`
}

function runningFacts({ running, sinceMs }: Holdings): Html {
  const { database, enrolment, retentionDays, log, pushServices, appOrigins, policy, announced } = running
  return facts([
    ['Running since', minuteText(sinceMs)],
    ['Judges by', html`<a href="/policy/${policy}">the rules with this digest</a>`],
    [
      'Looser rules announced',
      announced === null
        ? 'none'
        : html`<a href="/policy/${announced.digest}">these</a>, not before ${minuteText(announced.fromMs)}`,
    ],
    ['Recordings are kept for', `${retentionDays.usual} days, ${retentionDays.kept} at an owner’s wish`],
    ['Who may enrol a household', enrolment === 'open' ? 'anybody' : 'whoever has an invitation'],
    ['Database', database === 'own' ? 'its own, beside it' : 'one that somebody else may run'],
    ['Agencies are administered', running.hasOperatorKey ? 'with one operator’s key' : 'by nobody'],
    ['Key of the log', html`<code>${log.vkey}</code>`],
    ['Witnesses', log.witnesses.length === 0 ? 'none' : log.witnesses.map((key) => html`<code>${key}</code> `)],
    ['Entries of households are published together every', batchText(log.batchMs)],
    ['Push services that it may write to', pushServices.join(', ')],
    ['Web apps that may call it', appOrigins.length === 0 ? 'none' : appOrigins.join(', ')],
  ])
}

function columnsOf({ table: name, columns }: Table): Html {
  const rows = columns.map(({ column, type, what }): Piece[] => [html`<code>${column}</code>`, type, sentence(what)])
  return html`<details>
    <summary><code>${name}</code>, ${columns.length} columns</summary>
    ${table(`Columns of ${name}`, ['Column', 'Form', 'What it is'], rows)}
  </details>`
}

const keptRow = (name: Piece, { what, readBy, kept }: Pick<Table, 'what' | 'readBy' | 'kept'>): Piece[] => [
  name,
  sentence(what),
  sentence(readBy),
  sentence(kept),
]

function bodyOf(held: Holdings): Html {
  const columns = ['Where', 'What it is', 'Who can read it', 'For how long']
  const tables = held.tables.map((one) => keptRow(html`<code>${one.table}</code>`, one))
  const places = held.places.map((one) => keptRow(one.place, one))
  return html`
    <p class="lead">
      Everything that this relay stores: ${tables.length} tables of a database, and ${places.length} other places. It
      reads this list from its own database and settings each time it starts. Unlike the rest of this record, this page
      is the relay’s word: only its operator sees its database. What the program stores can be read in the program
      itself, which is public.
    </p>
    <h2>What it cannot do, and why</h2>
    ${cannots(held.running)}
    <h2>How it runs</h2>
    ${runningFacts(held)}
    <h2>What it holds</h2>
    ${table('Tables of its database', columns, tables)} ${table('Other places', columns, places)}
    <h2>Every column</h2>
    ${held.tables.map(columnsOf)}
  `
}

/** What the relay says that it holds, and what follows for what it can do. */
export function holdingsPage({ origin, told }: PublicRecord): Page {
  const held = told?.holdings ?? null
  const body = html`
    ${
      held === null
        ? html`<p class="alert">This relay does not say what it holds, or not in a form that this page can read.</p>`
        : bodyOf(held)
    }
    <p>The same as data: <a href="${origin}/v1/holdings">holdings as JSON</a>.</p>
  `
  return { section: '/holdings', title: 'What this relay holds, and what it cannot do', body }
}
