import { Html, html, type Piece } from '../html.ts'
import type { PublicRecord } from '../record.ts'

/** Every page that the header leads to. */
const SECTIONS: readonly (readonly [path: string, name: string])[] = [
  ['/', 'Overview'],
  ['/agencies', 'Agencies'],
  ['/requests', 'Requests'],
  ['/refusals', 'Refusals'],
  ['/numbers', 'Numbers'],
  ['/policy', 'Rules'],
  ['/disclosures', 'Money'],
  ['/legal', 'Law'],
  ['/holdings', 'Holdings'],
  ['/log', 'Log'],
]

/** One page: its place, its title, what stands on it. */
export interface Page {
  /** Path of the section that it belongs to. */
  readonly section: string
  readonly title: string
  readonly body: Piece
}

/** What follows from the newest look, on every page: a record that nobody could check must say so. */
function healthOf({ failure, findings, checkpoint, isWhole }: PublicRecord): Html | null {
  if (findings.length > 0)
    return html`<p class="alert bad" role="status">
      <strong>Something is wrong with this relay's record.</strong> This page found ${findings.length}
      ${findings.length === 1 ? 'thing' : 'things'} that should not be. <a href="/log#findings">What was found</a>
    </p>`
  if (checkpoint === null)
    return html`<p class="alert" role="status">
      The record has not been read yet${failure === null ? '.' : html`: ${failure}`}. Numbers below are not complete.
    </p>`
  if (failure !== null)
    return html`<p class="alert" role="status">
      The relay does not answer (${failure}). What you see is as of the last time it did.
    </p>`
  if (!isWhole)
    return html`<p class="alert" role="status">The record is still being read. Numbers below are not complete.</p>`
  return null
}

/** A whole document, readable without scripts: there are none. */
export function documentOf(record: PublicRecord, { section, title, body }: Page): string {
  const host = new URL(record.origin).host
  const links = SECTIONS.map(
    ([path, name]) => html`<a href="${path}" ${path === section ? new Html('aria-current="page"') : null}>${name}</a> `,
  )
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Public record of ${host}</title>
        <link rel="stylesheet" href="/record.css" />
        <link rel="alternate" type="application/atom+xml" title="New entries" href="/feed.atom" />
      </head>
      <body>
        <a class="skip" href="#content">To the content</a>
        <header>
          <p class="brand">Latchkey <span>public record of ${host}</span></p>
          <nav aria-label="Sections">${links}</nav>
        </header>
        <main id="content">
          ${healthOf(record)}
          <h1>${title}</h1>
          ${body}
        </main>
        <footer>
          <p>
            Latchkey doorbells are surveillance cameras in private hands. Agencies can ask their owners, in public. They
            cannot look, search or list cameras.
          </p>
          <p>
            <a href="/agencies.csv">Agencies as CSV</a> · <a href="/agencies.geojson">as GeoJSON</a> ·
            <a href="/requests.json">Requests as JSON</a> · <a href="/numbers.csv">Numbers as CSV</a> ·
            <a href="/feed.atom">Feed</a> ·
            <a href="/export.zip">Everything, in one file</a>
          </p>
        </footer>
      </body>
    </html>`.text
}

/** A table with a caption, which scrolls by itself where the screen is too narrow for it. */
export function table(caption: string, columns: readonly string[], rows: readonly (readonly Piece[])[]): Html {
  return html`<div class="wide" role="region" aria-label="${caption}" tabindex="0">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map((column) => html`<th scope="col">${column}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((cell, i) => (i === 0 ? html`<th scope="row">${cell}</th>` : html`<td>${cell}</td>`))}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

/** Facts by name. */
export function facts(rows: readonly (readonly [name: string, value: Piece])[]): Html {
  return html`<dl>
    ${rows.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`
}

/** Enough of a digest to tell it from others on a page. */
export const shortDigest = (digest: string): string => digest.slice(0, 10)

export const hostOf = (uri: string): string => uri.slice('https://'.length)

/** `72,000 m²`, `0.72 km²` from a tenth on. */
export function areaText(areaM2: number): string {
  return areaM2 >= 100_000 ? `${(areaM2 / 1e6).toFixed(2)} km²` : `${Math.round(areaM2).toLocaleString('en-GB')} m²`
}

const KINDS: Readonly<{ [kind: string]: string }> = {
  police: 'police',
  sheriff: 'sheriff',
  fire: 'fire department',
  'public-defender': 'public defender',
  'defence-investigator': 'defence investigator',
}

/** A word of a closed list, for people: what is not known is shown as it is. */
export const wordOf = (listed: string): string => KINDS[listed] ?? listed.replaceAll('-', ' ')
