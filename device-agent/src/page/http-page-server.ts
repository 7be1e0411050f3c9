import {
  codeOf,
  createValidator,
  Exact,
  LatchkeyError,
  parseWith,
  problemOf,
  PROBLEM_MEDIA_TYPE,
} from '@latchkey/shared'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Type } from 'typebox'
import { readJsonBody } from '../kernel/json-body.ts'
import type { Clock } from '../kernel/clock.ts'
import type { OneTimeCode } from './one-time-code.ts'
import { loadPageFile } from './page-files.ts'
import { assertVisit, cookieOf, SECURITY_HEADERS } from './page-guard.ts'
import type { PageHost } from './page-host.ts'
import { createPageSessions } from './page-sessions.ts'
import { regionChange } from './region.ts'

/** The page, being served. */
export interface PageServer extends AsyncDisposable {
  /** `http://host:port` of each address, in their order. */
  readonly origins: readonly string[]
  /** Monotonic ms of the latest use by somebody who was let in. */
  readonly usedMs: () => number
}

/** Where and for whom. */
export interface PageServerOptions {
  readonly host: PageHost
  readonly code: OneTimeCode
  readonly clock: Clock
  /** Addresses to listen on, one at least. */
  readonly addresses: readonly string[]
  /** 0 for any free one. */
  readonly port: number
  /** Other names for them under which a browser may come. */
  readonly names: readonly string[]
  /** Too many wrong codes: the page must end. */
  readonly onSpent: () => void
}

const MAX_BODY_BYTES = 64 * 1024
const HEADER_BYTES = 8_192
const REQUEST_TIMEOUT_MS = 10_000
const MAX_CONNECTIONS = 64
const MAX_STREAMS = 4
const UNREAD_BYTES = 256 * 1024
const loginRequest = createValidator(Exact({ code: Type.String({ maxLength: 64 }) }))

/** What a route of the page answers with. */
type Answer =
  | { readonly kind: 'json'; readonly value: unknown; readonly cookie?: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly type: string }
  | { readonly kind: 'news' }

/** One call of the page's own API. */
interface PageRoute {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  readonly answer: (host: PageHost, body: unknown) => Promise<Answer>
}

const json = (value: unknown): Answer => ({ kind: 'json', value })

/** What only a browser with a session is answered. */
export const PAGE_ROUTES: readonly PageRoute[] = [
  { method: 'GET', path: '/api/status', answer: async (host) => json(await host.status()) },
  {
    method: 'GET',
    path: '/api/still',
    answer: async (host) => ({ kind: 'bytes', bytes: await host.still(), type: 'image/jpeg' }),
  },
  { method: 'GET', path: '/api/news', answer: async () => ({ kind: 'news' }) },
  { method: 'GET', path: '/api/regions', answer: async (host) => json(await host.regions()) },
  {
    method: 'POST',
    path: '/api/preview',
    answer: async (host, body) => json(await host.preview(parseWith(regionChange, body, 'request'))),
  },
  {
    method: 'PUT',
    path: '/api/regions',
    answer: async (host, body) => json(await host.save(parseWith(regionChange, body, 'request'))),
  },
]

function refuse(response: ServerResponse, error: unknown): void {
  const problem = problemOf(codeOf(error), error instanceof LatchkeyError ? error.message : undefined)
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(problem.status, { ...SECURITY_HEADERS, 'content-type': PROBLEM_MEDIA_TYPE, connection: 'close' })
  response.end(JSON.stringify(problem))
}

function send(response: ServerResponse, answer: Exclude<Answer, { kind: 'news' }>): void {
  const [type, bytes] =
    answer.kind === 'bytes'
      ? [answer.type, answer.bytes]
      : ['application/json', Buffer.from(JSON.stringify(answer.value))]
  const cookie = answer.kind === 'json' && answer.cookie !== undefined ? { 'set-cookie': answer.cookie } : {}
  response.writeHead(200, { ...SECURITY_HEADERS, ...cookie, 'content-type': type, 'content-length': bytes.length })
  response.end(bytes)
}

/** Listens; disposed, it ends every connection. */
async function listenAt(
  address: string,
  port: number,
  listener: RequestListener,
): Promise<AsyncDisposable & { readonly port: number }> {
  const limits = { maxHeaderSize: HEADER_BYTES, headersTimeout: REQUEST_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS }
  const server = createServer(limits, listener)
  server.maxConnections = MAX_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

/**
 * Serves the page until it is disposed: its files to whoever may come at all, everything else to browsers that showed a
 * right code.
 * @throws node's network errors when an address cannot be listened on
 */
export async function startPageServer(options: PageServerOptions): Promise<PageServer> {
  const { host, code, clock } = options
  const sessions = createPageSessions(clock)
  const hosts = new Set<string>()
  const streams = new Set<ServerResponse>()
  let cookieName = ''

  const addressOf = (request: IncomingMessage): string => request.socket.remoteAddress ?? ''
  const tokenOf = (request: IncomingMessage): string | undefined => cookieOf(request.headers.cookie, cookieName)

  function login(address: string, body: unknown): Answer {
    const verdict = code.check(parseWith(loginRequest, body, 'request').code)
    if (verdict === 'spent') options.onSpent()
    if (verdict !== 'right') throw new LatchkeyError('CALLER_REFUSED', 'That is not the code at the terminal.')
    const cookie = `${cookieName}=${sessions.open(address)}; Path=/; HttpOnly; SameSite=Strict`
    return { kind: 'json', value: { done: true }, cookie }
  }

  function logout(token: string | undefined): Answer {
    sessions.close(token)
    return { ...json({ done: true }), cookie: `${cookieName}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0` } as Answer
  }

  async function stream(response: ServerResponse): Promise<void> {
    if (streams.size >= MAX_STREAMS) throw new LatchkeyError('RATE_LIMITED', 'too many browsers watch already')
    streams.add(response)
    const ending = new AbortController()
    response.once('close', () => {
      streams.delete(response)
      ending.abort()
    })
    response.writeHead(200, { ...SECURITY_HEADERS, 'content-type': 'text/event-stream' }).flushHeaders()
    for await (const news of host.news(ending.signal)) {
      if (response.writableLength > UNREAD_BYTES) response.destroy()
      else response.write(`data: ${JSON.stringify(news)}\n\n`)
    }
    response.end()
  }

  async function answerApi(request: IncomingMessage, path: string): Promise<Answer> {
    const method = request.method ?? ''
    if (path === '/api/login' && method === 'POST')
      return login(addressOf(request), await readJsonBody(request, MAX_BODY_BYTES))
    if (!sessions.isOpen(tokenOf(request), addressOf(request)))
      throw new LatchkeyError('CALLER_REFUSED', 'enter the code first')
    if (path === '/api/logout' && method === 'POST') return logout(tokenOf(request))
    const here = PAGE_ROUTES.filter((route) => route.path === path)
    const route = here.find((candidate) => candidate.method === method)
    if (route === undefined)
      throw new LatchkeyError(here.length > 0 ? 'METHOD_NOT_ALLOWED' : 'NOT_FOUND', 'no such call of the page')
    return route.answer(host, method === 'GET' ? undefined : await readJsonBody(request, MAX_BODY_BYTES))
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { method = '', url: path = '', headers } = request
      assertVisit({ method, headers, address: addressOf(request), hosts })
      const file = method === 'GET' ? await loadPageFile(path) : null
      if (file !== null) {
        send(response, { kind: 'bytes', ...file })
        return
      }
      const answer = await answerApi(request, path)
      if (answer.kind === 'news') await stream(response)
      else send(response, answer)
    } catch (error) {
      refuse(response, error)
    }
  }

  await using stack = new AsyncDisposableStack()
  let { port } = options
  // A port that the system chose for the first is that of all.
  for (const address of options.addresses) {
    const server = stack.use(await listenAt(address, port, (request, response) => void handle(request, response)))
    port = server.port
  }
  for (const name of [...options.addresses, ...options.names]) hosts.add(`${name}:${port}`)
  // Cookies know no ports: two pages on one machine must not overwrite each other's.
  cookieName = `latchkey_page_${port}`
  stack.defer(() => streams.forEach((response) => response.destroy()))
  const whole = stack.move()
  return {
    origins: options.addresses.map((address) => `http://${address}:${port}`),
    usedMs: () => sessions.usedMs,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  }
}
