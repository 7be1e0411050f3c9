import { DEMAND_KINDS, DISCLOSURE_KINDS, type EntryOf } from '@latchkey/shared'
import { html, type Html, type Piece } from '../html.ts'
import type { DisclosedEntry, PublicRecord } from '../record.ts'
import { hourText } from '../record-times.ts'
import { facts, type Page, table, wordOf } from './page.ts'

type Version = DisclosedEntry<'disclosure'> | DisclosedEntry<'legal'>

/** Matters, the newest first, each with its versions, the newest first. */
function mattersOf<T extends Version>(entries: readonly T[]): T[][] {
  const matters = new Map<string, T[]>()
  for (const entry of entries) {
    const id = entry.text?.id ?? entry.data.digest
    matters.set(id, [entry, ...(matters.get(id) ?? [])])
  }
  return [...matters.values()].sort(([a], [b]) => b!.index - a!.index)
}

const KINDS: Readonly<{ [kind: string]: string }> = {
  'data-feed': 'feed of data',
  'joint-operation': 'joint operation',
  'court-order': 'court order',
  'national-security': 'national-security letter or order',
  emergency: '“emergency” demand without a court',
  removal: 'demand to remove a text',
}
const kindOf = (kind: string): string => KINDS[kind] ?? wordOf(kind)

function countTable(
  caption: string,
  kinds: readonly string[],
  entries: readonly (EntryOf<'disclosure' | 'legal'> | null)[],
): Html {
  const rows = kinds.map((kind): Piece[] => [kindOf(kind), entries.filter((entry) => entry?.kind === kind).length])
  return table(caption, ['Kind', 'Matters'], rows)
}

function versionsOf(versions: readonly Version[]): Html {
  return html`<p class="soft">
    ${versions.map(
      ({ index, hour, text }) =>
        html`Version ${text?.version ?? '?'}: ${hourText(hour)}, <a href="/log/${index}">entry ${index}</a>. `,
    )}
  </p>`
}

const hidden = (index: number): Html =>
  html`<p class="alert bad">The relay does not show what <a href="/log/${index}">entry ${index}</a> says.</p>`

function disclosureText([newest, ...older]: readonly DisclosedEntry<'disclosure'>[]): Html {
  const { text, index } = newest!
  if (text === null) return hidden(index)
  return html`<article>
    <h3>${kindOf(text.kind)}: ${text.giver} to ${text.receiver}${text.isResolved ? ' (resolved)' : ''}</h3>
    ${facts([
      ['Value', text.value],
      ['Date', text.date],
      ['Terms', text.terms],
      ...(text.link === undefined
        ? []
        : ([['Document', html`<a rel="noreferrer" href="${text.link}">${text.link}</a>`]] as const)),
    ])}
    ${versionsOf([newest!, ...older])}
  </article>`
}

/** Who gave what to whom. */
export function disclosuresPage({ disclosures }: PublicRecord): Page {
  const matters = mattersOf(disclosures)
  const body = html`
    <p class="lead">
      Every gift, loan, subsidy, training, feed of data, joint operation and contract between an agency and whoever runs
      this relay. Nothing here can be taken out; a matter that has ended is marked as resolved, and a change is another
      version.
    </p>
    ${countTable(
      'Disclosures by kind',
      DISCLOSURE_KINDS,
      matters.map(([newest]) => newest!.text),
    )}
    <h2>Every disclosure</h2>
    ${matters.length === 0 ? html`<p>The operator has disclosed nothing: that is the operator’s word.</p>` : matters.map(disclosureText)}
  `
  return { section: '/disclosures', title: 'Money and favours', body }
}

const NOTIFIED: Readonly<{ [answer: string]: string }> = {
  yes: 'yes',
  no: 'no',
  prohibited: 'the law forbade it',
  'nobody-concerned': 'no owner was concerned',
}

function demandText([newest, ...older]: readonly DisclosedEntry<'legal'>[]): Html {
  const { text, index } = newest!
  if (text === null) return hidden(index)
  return html`<article>
    <h3>${kindOf(text.kind)} from ${text.from}</h3>
    ${facts([
      ['Received', text.date],
      ['What was demanded', text.asked],
      ['What was answered', text.answered],
      ['Recordings disclosed', text.contentDisclosed],
      ['Owner told', NOTIFIED[text.ownerNotified] ?? text.ownerNotified],
      ...(text.removes === undefined
        ? []
        : ([['Text removed', html`<a href="/requests/${text.removes}">the request that it was of</a>`]] as const)),
    ])}
    ${versionsOf([newest!, ...older])}
  </article>`
}

/** What the law demanded, and where to serve process. */
export function legalPage({ demands, origin }: PublicRecord): Page {
  const matters = mattersOf(demands)
  const body = html`
    <p class="lead">
      Every legal demand that the operator of ${new URL(origin).host} received, with those that could not be met.
      Recordings disclosed: 0, of every kind. The relay holds no key that opens one.
    </p>
    ${countTable(
      'Legal demands by kind',
      DEMAND_KINDS,
      matters.map(([newest]) => newest!.text),
    )}
    <h2>To whoever would serve process here</h2>
    <ul>
      <li>
        Recordings belong to the owner of the doorbell and are sealed to the owner’s keys. Serve the owner: only they
        can open them, and only they can say no.
      </li>
      <li>
        This relay cannot name owners, list cameras, or tell who has a camera near a place. It knows keys, sizes and
        times of sealed parts, and a map cell of about 24 km² for each household.
      </li>
      <li>There is no emergency procedure: no urgency makes a key that does not exist.</li>
      <li>
        What was demanded and answered is published here. An owner who is concerned is told unless the law forbids it.
      </li>
      <li>
        A recording is kept for days, then deleted. To have one kept, ask its owner by a request, in public, through an
        enrolled agency.
      </li>
    </ul>
    <h2>Every demand</h2>
    ${matters.length === 0 ? html`<p>None so far: that is the operator’s word.</p>` : matters.map(demandText)}
  `
  return { section: '/legal', title: 'Legal demands', body }
}
