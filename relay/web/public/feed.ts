import { html } from './html.ts'
import type { PublicRecord } from './record.ts'
import { countsFromMs, type PolicyStep, policySteps } from './policies.ts'
import { hourEndMs, minuteText } from './record-times.ts'
import { hostOf, wordOf } from './pages/page.ts'

const NEWEST = 100

interface News {
  readonly index: number
  readonly hour: number
  readonly title: string
  readonly path: string
  readonly summary?: string
}

/** What a policy entry did, for people. */
function policyNews({ entry: { index, hour, data }, effect, state: { announced } }: PolicyStep): News {
  const news = { index, hour, path: `/policy/${data.digest}` }
  switch (effect) {
    case 'in-force':
      return { ...news, title: 'New rules are in force' }
    case 'announced':
      return {
        ...news,
        title: `Looser rules are announced, in force from ${minuteText(countsFromMs(announced!))} at the earliest`,
        summary: `${announced!.looser.map(({ words }) => words).join('; ')}.`,
      }
    case 'withdrawn':
      return { ...news, title: 'Looser rules that were announced are withdrawn' }
    case 'too-early':
    case 'repeated':
    case 'not-shown':
      return { ...news, title: 'An entry of rules that changes nothing' }
  }
}

function newsOf(record: PublicRecord): News[] {
  const news: News[] = [
    ...record.requests.map(({ index, hour, data }) => ({
      index,
      hour,
      title: `${hostOf(data.agency)} asks about ${wordOf(data.incidentType)}`,
      path: `/requests/${data.requestDigest}`,
    })),
    ...record.refusals.map(({ index, hour, data }) => ({
      index,
      hour,
      title: `A request of ${hostOf(data.agency)} was refused: ${data.code}`,
      path: `/log/${index}`,
    })),
    ...record.agencies.map(({ index, hour, data }) => ({
      index,
      hour,
      title: `${data.name}: ${data.status}`,
      path: `/agencies/${hostOf(data.uri)}`,
    })),
    ...policySteps(record).map(policyNews),
    ...record.demands.map(({ index, hour }) => ({ index, hour, title: 'A legal demand', path: '/legal' })),
    ...record.disclosures.map(({ index, hour }) => ({ index, hour, title: 'A disclosure', path: '/disclosures' })),
    ...record.months.map(({ index, hour }) => ({ index, hour, title: 'The numbers of a month', path: '/numbers' })),
  ]
  return news.sort((a, b) => b.index - a.index).slice(0, NEWEST)
}

/** The newest entries as Atom. @param origin where the record is served @see RFC 4287 */
export function feedOf(record: PublicRecord, origin: string): string {
  const news = newsOf(record)
  const at = (hour: number): string => new Date(hourEndMs(hour)).toISOString()
  const id = (index: number): string => `${record.origin}/log#${index}`
  return `<?xml version="1.0" encoding="utf-8"?>\n${
    html`<feed xmlns="http://www.w3.org/2005/Atom">
      <title>Public record of ${new URL(record.origin).host}</title>
      <id>${record.origin}/log</id>
      <link rel="self" href="${origin}/feed.atom" />
      <link rel="alternate" type="text/html" href="${origin}/" />
      <updated>${at(news[0]?.hour ?? 0)}</updated>
      <author><name>${new URL(record.origin).host}</name></author>
      ${news.map(
        ({ index, hour, title, path, summary }) =>
          html`<entry>
            <title>${title}</title>
            <id>${id(index)}</id>
            <link href="${origin}${path}" />
            <updated>${at(hour)}</updated>
            ${summary === undefined ? null : html`<summary>${summary}</summary>`}
          </entry>`,
      )}
    </feed>`.text
  }\n`
}
