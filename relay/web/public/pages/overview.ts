import { agencyRows, statusTotals } from '../agencies.ts'
import { html } from '../html.ts'
import { countsFromMs, rulesOf } from '../policies.ts'
import type { PublicRecord } from '../record.ts'
import { dayText, minuteText } from '../record-times.ts'
import { facts, type Page } from './page.ts'
import { requestTable } from './requests.ts'

const NEWEST = 10

/** What an agency can do here, what nobody can, and how many take part. */
export function overviewPage(record: PublicRecord, nowMs: number): Page {
  const totals = statusTotals(agencyRows(record))
  const taking = (totals.get('active') ?? 0) + (totals.get('pilot') ?? 0)
  const { accepted } = record.audit.tally
  const { announced } = rulesOf(record)
  const body = html`
    <p class="lead">
      A Latchkey doorbell is a surveillance camera. Its recordings are sealed to its owner before they are stored: this
      relay keeps them and cannot open them. An agency that wants one must ask here, in public. Only the owner can say
      yes; nobody is told of a no, or of silence.
    </p>
    ${facts([
      ['Agencies that may ask', html`<a href="/agencies">${taking}</a>`],
      ['Requests published', html`<a href="/requests">${record.requests.length}</a>`],
      ['Requests refused', html`<a href="/refusals">${record.refusals.length}</a>`],
      ['Texts removed by law', record.demands.filter(({ data }) => data.removes !== undefined).length],
      [
        'Answers judged again by this page',
        `${accepted.derived} of ${accepted.derived + accepted.open + accepted.contradicted} acceptances follow from the rules, ${accepted.contradicted} do not`,
      ],
      ['Read', record.lookedMs === null ? 'not yet' : minuteText(record.lookedMs)],
    ])}
    ${
      announced &&
      html`<p class="alert">
        Looser rules are announced. They cannot count before ${minuteText(countsFromMs(announced))}.
        <a href="/policy">What gets looser</a>
      </p>`
    }
    <h2>What an agency cannot do</h2>
    <ul>
      <li>See where cameras are, how many there are, or who owns one. There is no such map and no such list.</li>
      <li>Watch live, or ask for what has not happened yet.</li>
      <li>Search recordings. A request names one case, one area and one stretch of time.</li>
      <li>Learn who declined, or who did not answer.</li>
      <li>Write to anybody outside of a request.</li>
    </ul>
    <h2>The newest requests</h2>
    ${
      record.requests.length === 0
        ? html`<p>No agency has asked for anything yet.</p>`
        : requestTable('The newest requests', record.requests.slice(-NEWEST).reverse())
    }
    <h2>How many agencies took part on another day</h2>
    <form method="get" action="/agencies">
      <label for="at">Day (UTC)</label>
      <input id="at" name="at" type="date" required max="${dayText(nowMs)}" />
      <button>Show</button>
    </form>
  `
  return { section: '/', title: 'What agencies ask, for everyone to read', body }
}
