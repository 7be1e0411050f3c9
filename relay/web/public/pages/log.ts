import { encodeBase64, type Leaf, toHex } from '@latchkey/shared'
import { AUDIT_CODES, NOT_JUDGED } from '@latchkey/shared/monitor'
import { html, type Html, type Piece } from '../html.ts'
import type { ProvenConsistency, ProvenEntry } from '../log-proofs.ts'
import type { PublicRecord } from '../record.ts'
import { hourText, minuteText } from '../record-times.ts'
import { facts, type Page, table } from './page.ts'

/** What each type of entry says, for people. */
const TYPES: { readonly [T in Leaf['type'] | 'unreadable']: string } = {
  request: 'a request that was accepted',
  refusal: 'a request that was refused',
  outcome: 'an agency reported what came of a request',
  agency: 'an agency enrolled, or changed',
  policy: 'rules came into force, or looser ones were announced',
  app: 'a version of a web app was published',
  disclosure: 'a benefit, contract or training was disclosed',
  feed: 'a public feed was added or changed',
  legal: 'a legal demand, or a text removed by law',
  statistics: 'the relay’s monthly numbers',
  keyset: 'keys of a household: only its members can tell whose',
  sealed: 'something between an owner and who asked, or filling: only the parties can tell which',
  unreadable: 'an entry without a form that the log allows',
}

function findingsSection({ findings, audit }: PublicRecord): Html {
  const { accepted, refused, open } = audit.tally
  return html`
    <h2 id="findings">What this page found</h2>
    ${
      findings.length === 0
        ? html`<p>Nothing that should not be.</p>`
        : html`<ul>
            ${findings.map(
              ({ code, index, message }) =>
                html`<li class="bad">
                  <strong>${AUDIT_CODES[code]}</strong>
                  (<code>${code}</code>${index === null ? '' : html`, <a href="/log/${index}">entry ${index}</a>`}):
                  ${message}
                </li>`,
            )}
          </ul>`
    }
    <p>
      ${accepted.derived} of ${accepted.derived + accepted.open + accepted.contradicted} acceptances and
      ${refused.derived} of ${refused.derived + refused.open + refused.contradicted} refusals follow from the published
      rules; the others are not contradicted unless they are listed above.
    </p>
    ${
      open.size === 0
        ? null
        : html`<ul>
            ${[...open].map(([why, times]) => html`<li>${times} ×: ${why}</li>`)}
          </ul>`
    }
    <p>What nobody can judge from the public record:</p>
    <ul>
      ${NOT_JUDGED.map((line) => html`<li>${line}</li>`)}
    </ul>
  `
}

function checkpointSection({ checkpoint, lookedMs }: PublicRecord): Html {
  if (checkpoint === null) return html`<p>No checkpoint that can be believed was read yet.</p>`
  const witnesses = checkpoint.witnesses.map(({ key }) => key.name)
  return html`
    ${facts([
      ['Log', html`<code>${checkpoint.origin}</code>`],
      ['Entries', checkpoint.size],
      ['Root', html`<code>${encodeBase64(checkpoint.root)}</code>`],
      ['Cosigned by', witnesses.length === 0 ? 'no witness' : witnesses.join(', ')],
      ['Read', lookedMs === null ? 'not yet' : minuteText(lookedMs)],
    ])}
    <details>
      <summary>The signed checkpoint</summary>
      <pre>${new TextDecoder().decode(checkpoint.raw)}</pre>
    </details>
  `
}

export function logPage(record: PublicRecord): Page {
  const size = record.checkpoint?.size ?? 0
  const counts = [...record.counts].sort(([, a], [, b]) => b - a)
  const body = html`
    <p class="lead">
      Everything that agencies and the relay do stands in one list that only grows. The relay signs the whole list each
      time. It cannot change or drop an entry without every reader who kept an older signature noticing.
    </p>
    ${checkpointSection(record)}
    <h2>Look up an entry</h2>
    <form method="get" action="/log/entry">
      <label for="index">Entry, 0 to ${Math.max(0, size - 1)}</label>
      <input id="index" name="index" inputmode="numeric" pattern="[0-9]{1,15}" required />
      <button>Show and prove</button>
    </form>
    <h2>Compare with what you kept</h2>
    <p>Whoever noted number of entries and root on an earlier day can have it proved that nothing since was changed.</p>
    <form method="get" action="/log/consistency">
      <label for="size">Entries on that day</label>
      <input id="size" name="size" inputmode="numeric" pattern="[1-9][0-9]{0,14}" required />
      <label for="root">Root on that day</label>
      <input id="root" name="root" autocomplete="off" required />
      <button>Prove</button>
    </form>
    ${findingsSection(record)}
    <h2>What is in it</h2>
    ${table(
      'Entries by type',
      ['Type', 'What it is', 'Entries'],
      counts.map(([type, count]): Piece[] => [html`<code>${type}</code>`, TYPES[type], count]),
    )}
    <h2>Do not believe this page</h2>
    <p>
      It is run by whoever runs it. The same reading, on your own machine, with the key of the log that you chose to
      trust:
    </p>
    <pre>latchkey monitor --log ${record.origin} --trust trust.json</pre>
  `
  return { section: '/log', title: 'The log', body }
}

const hashList = (hashes: readonly Uint8Array[]): Html =>
  html`<ol class="hashes">
    ${hashes.map((hash) => html`<li><code>${toHex(hash)}</code></li>`)}
  </ol>`

function readMore({ index, leaf }: ProvenEntry): Html | null {
  if (leaf.type === 'request')
    return html`<p><a href="/requests/${leaf.data.requestDigest}">The request that it names</a></p>`
  if (leaf.type === 'agency')
    return html`<p><a href="/agencies/${leaf.data.uri.slice('https://'.length)}">The agency</a></p>`
  if (leaf.type === 'policy') return html`<p><a href="/policy/${leaf.data.digest}">The rules that it names</a></p>`
  return index === 0 ? html`<p>This is the first entry.</p>` : null
}

/** One entry, and the way from it to the signed root. */
export function entryPage(record: PublicRecord, entry: ProvenEntry): Page {
  const { index, leaf, bytes, hashes } = entry
  const size = record.checkpoint!.size
  const step = (to: number, name: string): Piece =>
    to >= 0 && to < size ? html`<a href="/log/${to}">${name}</a> ` : null
  const body = html`
    <p class="lead">${TYPES[leaf.type][0]!.toUpperCase() + TYPES[leaf.type].slice(1)}.</p>
    ${facts([
      ['Logged', hourText(leaf.hour)],
      ['Type', html`<code>${leaf.type}</code>`],
    ])}
    ${readMore(entry)}
    <h2>The entry, byte for byte</h2>
    <pre>${new TextDecoder().decode(bytes)}</pre>
    <h2>Proof that it stands under the signed root</h2>
    <p>
      This page hashed the entry, joined it with these ${hashes.length} hashes in turn, and came to the root of the
      checkpoint of ${size} entries. Anyone can do the same (RFC 6962, section 2.1.1).
    </p>
    ${hashList(hashes)}
    <p>${step(index - 1, 'Entry before')}${step(index + 1, 'Entry after')}</p>
  `
  return { section: '/log', title: `Entry ${index} of the log`, body }
}

/** What somebody kept, against the log of today. */
export function consistencyPage(record: PublicRecord, { size, isSame, hashes }: ProvenConsistency): Page {
  const now = record.checkpoint!.size
  const body = html`
    ${
      isSame
        ? html`<p class="alert good" role="status">
            The log of ${now} entries begins with exactly the ${size} entries that you noted. Nothing was changed or
            dropped.
          </p>`
        : html`<p class="alert bad" role="status">
            The log of ${now} entries does not begin with what you noted. Either the root was mistyped, or the log was
            changed: keep your note, and the signed checkpoint if you have it. Together they are evidence.
          </p>`
    }
    <p>The hashes that lead from the one root to the other (RFC 6962, section 2.1.2):</p>
    ${hashList(hashes)}
    <p><a href="/log">Back to the log</a></p>
  `
  return { section: '/log', title: 'Compared with what you kept', body }
}
