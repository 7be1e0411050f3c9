import {
  digestOfJson,
  findTemplate,
  REQUEST_TEMPLATES,
  type RequestTemplate,
  type WordChange,
  wordChanges,
} from '@latchkey/shared'
import { html, type Html, type Piece } from '../html.ts'
import type { PublicRecord } from '../record.ts'
import { facts, type Page } from './page.ts'

/** A screen reader seldom says that words are struck out; colour alone says nothing to many. */
function marked({ kind, text }: WordChange): Piece {
  if (kind === 'added') return html`<ins><span class="unseen">Added: </span>${text}</ins> `
  if (kind === 'left-out') return html`<del><span class="unseen">Left out: </span>${text}</del> `
  return html`${text} `
}

/** How the words of a request differ from the published text that they name. */
export function templateChanges(template: string, reason: string): Html {
  const published = findTemplate(template)
  if (published === null)
    return html`<p>The request names the template “${template}”. No text is published under this name.</p>`
  const link = html`<a href="/templates#${published.id}">${published.title}</a>`
  const changes = wordChanges(published.text, reason)
  if (changes.every(({ kind }) => kind === 'kept')) return html`<p>Nothing: word for word the template “${link}”.</p>`
  return html`
    <p>
      From the template “${link}” to what was asked. Struck out: words of the template that were left out. Underlined:
      words that the agency added.
    </p>
    <blockquote class="changes">${changes.map(marked)}</blockquote>
  `
}

/** What stands for a template in the files. */
export const templateJson = (template: RequestTemplate) => ({ ...template, digest: digestOfJson({ ...template }) })

function sectionOf(record: PublicRecord, template: RequestTemplate): Html {
  const uses = record.requests.filter(({ text }) => text?.latchkey.template === template.id).length
  return html`<section id="${template.id}">
    <h2>${template.title}</h2>
    <blockquote>${template.text}</blockquote>
    ${facts([
      ['Name', template.id],
      ['Requests that start from it', uses],
      ['SHA-256', html`<code>${templateJson(template).digest}</code>`],
    ])}
  </section>`
}

/** Every text in full. */
export function templatesPage(record: PublicRecord): Page {
  const body = html`
    <p class="lead">
      Agencies start from these texts. Each request shows what its agency changed of the one that it names.
    </p>
    <p>
      A text never changes under its name: another text gets another name. None promises what recordings achieve, urges
      anybody or describes anybody. The same as data: <a href="/templates.json">templates as JSON</a>.
    </p>
    ${REQUEST_TEMPLATES.map((template) => sectionOf(record, template))}
  `
  return { section: '/requests', title: 'Templates of requests', body }
}
