import {
  digestOfTemplate,
  findTemplate,
  type Policy,
  REQUEST_TEMPLATES,
  type RequestTemplate,
  strayTemplates,
  templateEntry,
  type WordChange,
  wordChanges,
} from '@latchkey/shared'
import { html, type Html, type Piece } from '../html.ts'
import { rulesOf } from '../policies.ts'
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
export const templateJson = (template: RequestTemplate) => ({ ...template, digest: digestOfTemplate(template) })

/** What the rules in force say of a text. */
function boundBy(policy: Policy | null, template: RequestTemplate): Piece {
  const entry = policy?.templates.map(templateEntry).find(({ id }) => id === template.id)
  if (policy === null || entry === undefined) return 'the rules in force take no request that starts from it'
  const rules = html`<a href="/policy">rules in force</a>, version ${policy.version}`
  if (entry.digest === null) return html`${rules}: by its name alone`
  if (entry.digest === digestOfTemplate(template)) return html`${rules}: by its name and this digest`
  return html`${rules}: <strong>by another digest, so its words may not be these</strong>`
}

/** Texts that the rules name and nobody can read here. */
function strayNotice(policy: Policy | null): Piece {
  const stray = policy === null ? [] : strayTemplates(policy)
  if (stray.length === 0) return ''
  return html`<p class="alert">
    The rules in force name texts that are not the ones on this page: ${stray.join(', ')}. What agencies start from
    there cannot be shown.
  </p>`
}

function sectionOf(record: PublicRecord, policy: Policy | null, template: RequestTemplate): Html {
  const uses = record.requests.filter(({ text }) => text?.latchkey.template === template.id).length
  return html`<section id="${template.id}">
    <h2>${template.title}</h2>
    <blockquote>${template.text}</blockquote>
    ${facts([
      ['Name', template.id],
      ['Requests that start from it', uses],
      ['SHA-256', html`<code>${templateJson(template).digest}</code>`],
      ['Named by the', boundBy(policy, template)],
    ])}
  </section>`
}

/** Every text in full. */
export function templatesPage(record: PublicRecord): Page {
  const policy = rulesOf(record).inForce?.policy ?? null
  const body = html`
    <p class="lead">
      Agencies start from these texts. Each request shows what its agency changed of the one that it names.
    </p>
    <p>
      A text never changes under its name: another text gets another name, and the rules name each by its digest, so
      that a change would be one of the rules: announced in <a href="/log">the log</a> before it counts. None promises
      what recordings achieve, urges anybody or describes anybody. The same as data:
      <a href="/templates.json">templates as JSON</a>.
    </p>
    ${strayNotice(policy)} ${REQUEST_TEMPLATES.map((template) => sectionOf(record, policy, template))}
  `
  return { section: '/requests', title: 'Templates of requests', body }
}
