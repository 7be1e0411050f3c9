/** The public record as pages and files, from an origin of its own. No scripts, no cookies, nothing from anybody else. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { codeOf, digestOf, LatchkeyError, REQUEST_TEMPLATES, utf8 } from '@latchkey/shared'
import type { PublicRelay } from '@latchkey/shared/monitor'
import { listenForPages, type PageListener } from '../page-listener.ts'
import { agenciesCsv, agenciesGeoJson, agencyJson, agencyRows, statusTotals } from './agencies.ts'
import { exportRecord } from './export.ts'
import { feedOf } from './feed.ts'
import { html } from './html.ts'
import { proveConsistency, proveEntry } from './log-proofs.ts'
import { agenciesPage, agencyPage } from './pages/agencies.ts'
import { holdingsPage } from './pages/holdings.ts'
import { consistencyPage, entryPage, logPage } from './pages/log.ts'
import { overviewPage } from './pages/overview.ts'
import { documentOf, type Page } from './pages/page.ts'
import { policyPage } from './pages/policy.ts'
import { numbersCsv, numbersPage } from './pages/numbers.ts'
import { disclosuresPage, legalPage } from './pages/register.ts'
import { refusalsPage, requestPage, requestsPage } from './pages/requests.ts'
import { templateJson, templatesPage } from './pages/templates.ts'
import type { PublicRecord, RecordKeeper } from './record.ts'

const DAY_MS = 24 * 3_600_000

const COMMON = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** What a path leads to. */
type Found =
  | { readonly page: Page }
  | { readonly type: string; readonly text: string }
  | { readonly type: string; readonly bytes: AsyncIterable<Uint8Array>; readonly name: string }

/** What every answer is made of. */
interface Site {
  readonly record: PublicRecord
  readonly relay: PublicRelay
  readonly origin: string
  readonly styles: string
  readonly nowMs: number
}

const missing = (what: string) => new LatchkeyError('NOT_FOUND', what)
const page = (found: Page | null, what: string): Found => {
  if (found === null) throw missing(what)
  return { page: found }
}
const json = (value: unknown, type = 'application/json'): Found => ({
  type,
  text: `${JSON.stringify(value, null, 2)}\n`,
})

function whole(text: string | null, what: string, least = 0): number {
  const value = Number(text)
  if (text === null || !/^\d{1,15}$/.test(text) || value < least)
    throw new LatchkeyError('MESSAGE_INVALID', `${what} is a whole number from ${least}`)
  return value
}

/** The end of a day, UTC; null for no day: now. */
function dayOf(text: string | null): number | null {
  if (text === null || text === '') return null
  const startMs = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN
  if (Number.isNaN(startMs)) throw new LatchkeyError('MESSAGE_INVALID', 'at is a day as 2026-11-23')
  return startMs + DAY_MS - 1
}

function held(record: PublicRecord) {
  if (record.checkpoint === null) throw new LatchkeyError('UNAVAILABLE', 'the log has not been read yet')
  return record.checkpoint
}

function requestJson({ record }: Site): Found {
  const requests = record.requests.map(({ index, hour, data, text, certificate }) => ({
    index,
    hour,
    ...data,
    text,
    investigator: certificate === null ? null : { name: certificate.latchkey.name, role: certificate.latchkey.role },
  }))
  return json({ relay: record.origin, requests })
}

function registerJson({ origin, disclosures, demands }: PublicRecord): Found {
  const entries = [...disclosures, ...demands].map(({ index, hour, data, text }) => ({ index, hour, ...data, text }))
  return json({ relay: origin, entries: entries.sort((a, b) => a.index - b.index) })
}

function numbersJson({ origin, months }: PublicRecord): Found {
  return json({ relay: origin, months: months.map(({ index, data, text }) => ({ index, ...data, text })) })
}

function agencyFiles({ record }: Site, query: URLSearchParams, kind: 'json' | 'csv' | 'geojson'): Found {
  const rows = agencyRows(record, dayOf(query.get('at')))
  if (kind === 'csv') return { type: 'text/csv; charset=utf-8', text: agenciesCsv(rows) }
  if (kind === 'geojson') return json(agenciesGeoJson(rows), 'application/geo+json')
  const totals = Object.fromEntries(statusTotals(rows))
  return json({ relay: record.origin, totals, agencies: rows.map(agencyJson) })
}

type Answer = (site: Site, query: URLSearchParams, part: string) => Found | Promise<Found>

/** Exact paths, then those with one part of their own. */
const PATHS: ReadonlyMap<string, Answer> = new Map<string, Answer>([
  ['/', ({ record, nowMs }) => ({ page: overviewPage(record, nowMs) })],
  ['/agencies', ({ record }, query) => ({ page: agenciesPage(record, dayOf(query.get('at'))) })],
  ['/agencies.json', (site, query) => agencyFiles(site, query, 'json')],
  ['/agencies.csv', (site, query) => agencyFiles(site, query, 'csv')],
  ['/agencies.geojson', (site, query) => agencyFiles(site, query, 'geojson')],
  [
    '/requests',
    ({ record }, query) => {
      const before = query.has('before') ? whole(query.get('before'), 'before') : Infinity
      return { page: requestsPage(record, before) }
    },
  ],
  ['/requests.json', (site) => requestJson(site)],
  ['/templates', ({ record }) => ({ page: templatesPage(record) })],
  ['/templates.json', () => json({ templates: REQUEST_TEMPLATES.map(templateJson) })],
  ['/refusals', ({ record }) => ({ page: refusalsPage(record) })],
  ['/policy', ({ record }) => page(policyPage(record, null), 'no rules')],
  ['/disclosures', ({ record }) => ({ page: disclosuresPage(record) })],
  ['/legal', ({ record }) => ({ page: legalPage(record) })],
  ['/numbers', ({ record, nowMs }) => ({ page: numbersPage(record, nowMs) })],
  ['/numbers.csv', ({ record }) => ({ type: 'text/csv; charset=utf-8', text: numbersCsv(record) })],
  ['/numbers.json', ({ record }) => numbersJson(record)],
  ['/register.json', ({ record }) => registerJson(record)],
  ['/holdings', ({ record }) => ({ page: holdingsPage(record) })],
  ['/log', ({ record }) => ({ page: logPage(record) })],
  ['/log/entry', (site, query) => entryOf(site, query.get('index'))],
  [
    '/log/consistency',
    async ({ record, relay }, query) => {
      const noted = { size: whole(query.get('size'), 'size', 1), root: (query.get('root') ?? '').trim() }
      return { page: consistencyPage(record, await proveConsistency(noted, held(record), relay.readTile)) }
    },
  ],
  ['/record.css', ({ styles }) => ({ type: 'text/css; charset=utf-8', text: styles })],
  ['/robots.txt', () => ({ type: 'text/plain; charset=utf-8', text: 'User-agent: *\nAllow: /\n' })],
  [
    '/feed.atom',
    ({ record, origin }) => ({ type: 'application/atom+xml; charset=utf-8', text: feedOf(record, origin) }),
  ],
  [
    '/export.zip',
    ({ record, relay }) => ({
      type: 'application/zip',
      name: `record-${held(record).size}.zip`,
      bytes: exportRecord(record, relay.readTile),
    }),
  ],
])

async function entryOf({ record, relay }: Site, index: string | null): Promise<Found> {
  return { page: entryPage(record, await proveEntry(whole(index, 'index'), held(record), relay.readTile)) }
}

const PARTS: ReadonlyMap<string, Answer> = new Map<string, Answer>([
  [
    'agencies',
    ({ record, nowMs }, _query, host) => page(agencyPage(record, `https://${host}`, nowMs), 'no such agency'),
  ],
  ['requests', ({ record, nowMs }, _query, digest) => page(requestPage(record, digest, nowMs), 'no such request')],
  ['policy', ({ record }, _query, digest) => page(policyPage(record, digest), 'no such rules')],
  ['log', (site, _query, index) => entryOf(site, index)],
])

function answerOf(path: string): { answer: Answer; part: string } {
  const exact = PATHS.get(path)
  if (exact !== undefined) return { answer: exact, part: '' }
  const [, section, part] = /^\/([a-z]+)\/([A-Za-z0-9._-]{1,255})$/.exec(path) ?? []
  const answer = section === undefined ? undefined : PARTS.get(section)
  if (answer === undefined) throw missing('there is nothing at this address')
  return { answer, part: part! }
}

/** A page for what went wrong: the same frame, in words. */
function failed(error: unknown): { status: number; page: Page } {
  const code = codeOf(error)
  const [status, title, words] =
    code === 'NOT_FOUND'
      ? ([
          404,
          'There is nothing here',
          'The address may be mistyped. Nothing is ever removed from this record.',
        ] as const)
      : code === 'MESSAGE_INVALID' || code === 'ENCODING_INVALID'
        ? ([400, 'This cannot be looked up', (error as Error).message] as const)
        : ([
            503,
            'The relay does not answer',
            'This needs the relay’s log, which cannot be read now. Try again later.',
          ] as const)
  return {
    status,
    page: {
      section: '',
      title,
      body: html`<p>${words}</p>
        <p><a href="/">To the overview</a></p>`,
    },
  }
}

async function send(response: ServerResponse, site: Site, found: Found, status: number): Promise<void> {
  if ('bytes' in found) {
    const disposition = `attachment; filename="${found.name}"`
    response.writeHead(status, { ...COMMON, 'content-type': found.type, 'content-disposition': disposition })
    for await (const chunk of found.bytes)
      if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve))
    response.end()
    return
  }
  const isPage = 'page' in found
  const text = isPage ? documentOf(site.record, found.page) : found.text
  const etag = `"${digestOf(utf8(text))}"`
  const headers = { ...COMMON, 'cache-control': 'no-cache', etag }
  if (status === 200 && response.req.headers['if-none-match'] === etag) {
    response.writeHead(304, headers).end()
    return
  }
  response.writeHead(status, {
    ...headers,
    'content-type': isPage ? 'text/html; charset=utf-8' : found.type,
    'content-length': Buffer.byteLength(text),
  })
  response.end(response.req.method === 'HEAD' ? undefined : text)
}

async function respond(request: IncomingMessage, response: ServerResponse, site: Site): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { ...COMMON, allow: 'GET, HEAD', 'content-type': 'text/plain; charset=utf-8' })
    response.end('Only GET and HEAD.\n')
    return
  }
  try {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://record')
    const { answer, part } = answerOf(pathname)
    await send(response, site, await answer(site, searchParams, part), 200)
  } catch (error) {
    // What has begun to go out cannot become another answer.
    if (response.headersSent) return void response.destroy()
    const { status, page: shown } = failed(error)
    await send(response, site, { page: shown }, status)
  }
}

/** @param options.port 0 takes any free one; `publicOrigin` what links in the feed begin with, of this server unless told */
export async function serveRecord(options: {
  keeper: RecordKeeper
  relay: PublicRelay
  host: string
  port: number
  publicOrigin?: string
  nowMs: () => number
}): Promise<PageListener> {
  const { keeper, relay, nowMs } = options
  const sheets = ['../kit/palette.css', 'record.css'].map((path) => fileURLToPath(new URL(path, import.meta.url)))
  const styles = (await Promise.all(sheets.map((path) => readFile(path, 'utf8')))).join('')
  const server = createServer((request, response) => {
    const origin = options.publicOrigin ?? `http://${request.headers.host ?? 'localhost'}`
    const site = { record: keeper.record, relay, origin, styles, nowMs: nowMs() }
    respond(request, response, site).catch(() => response.destroy())
  })
  return listenForPages(server, options)
}
