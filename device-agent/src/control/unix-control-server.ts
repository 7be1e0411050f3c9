import { codeOf, LatchkeyError, problemOf, PROBLEM_MEDIA_TYPE } from '@latchkey/shared'
import { readJsonBody } from '../kernel/json-body.ts'
import { chmod, lstat, rm, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { isFileError } from '../kernel/atomic-file.ts'
import type { ControlDesk } from './control-desk.ts'
import type { ControlNews } from './control-message.ts'
import { type ControlAnswer, findControlRoute } from './control-route.ts'

/** The control socket, listening. */
export interface ControlServer extends AsyncDisposable {
  readonly path: string
}

/** Where, and what answers. */
export interface ControlServerOptions {
  /** Absolute; at most 107 bytes, which is Linux's limit for a socket's name. */
  readonly path: string
  readonly desk: ControlDesk
  readonly limits?: Partial<ControlLimits>
}

/** How much callers may ask of the agent. */
export interface ControlLimits {
  readonly bodyBytes: number
  readonly connections: number
  readonly streams: number
  /** News that a reader has not taken; a finding is some 200 bytes, five a second. */
  readonly unreadBytes: number
}

/** More than any of our own programs ask for; a caller beyond them loses the connection or gets 429. */
export const CONTROL_LIMITS: ControlLimits = {
  bodyBytes: 1_024,
  connections: 32,
  streams: 8,
  unreadBytes: 256 * 1024,
}
const HEADER_BYTES = 4_096
const REQUEST_TIMEOUT_MS = 5_000
const SOCKET_NAME_BYTES = 107
/** Owner and group; what the directory lets through decides who gets here at all. */
const SOCKET_MODE = 0o660
const OTHERS = 0o007

/** Is somebody listening there? */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** The name must be free or a socket that nobody serves any more; never removes anything else. */
async function clearName(path: string): Promise<void> {
  const known = await lstat(path).catch((error: unknown) => {
    if (isFileError(error, 'ENOENT')) return null
    throw error
  })
  if (known === null) return
  if (!known.isSocket()) throw new LatchkeyError('CONFLICT', 'control.socket names something that is not a socket')
  if (await answers(path)) throw new LatchkeyError('CONFLICT', 'another agent serves this control.socket')
  await rm(path)
}

async function assertPlace(path: string): Promise<void> {
  if (Buffer.byteLength(path) > SOCKET_NAME_BYTES)
    throw new LatchkeyError('CONFIG_INVALID', `control.socket must be at most ${SOCKET_NAME_BYTES} bytes long`)
  const directory = await stat(dirname(path)).catch((cause: unknown) => {
    throw new LatchkeyError('CONFIG_INVALID', 'the directory of control.socket is not there', { cause })
  })
  if ((directory.mode & OTHERS) !== 0)
    throw new LatchkeyError('CONFIG_INVALID', 'the directory of control.socket is open to everybody: chmod o-rwx it')
}

function refuse(response: ServerResponse, error: unknown): void {
  // What we did not foresee is told by its code alone: its message may quote anything.
  const problem = problemOf(codeOf(error), error instanceof LatchkeyError ? error.message : undefined)
  if (response.headersSent) return void response.destroy()
  response.writeHead(problem.status, { 'content-type': PROBLEM_MEDIA_TYPE, connection: 'close' })
  response.end(JSON.stringify(problem))
}

function send(response: ServerResponse, answer: Exclude<ControlAnswer, { kind: 'news' }>): void {
  const [type, body] =
    answer.kind === 'jpeg'
      ? ['image/jpeg', answer.bytes]
      : ['application/json', Buffer.from(JSON.stringify(answer.value))]
  response.writeHead(200, { 'content-type': type, 'content-length': body.length, 'cache-control': 'no-store' })
  response.end(body)
}

/** Streams of news, so many at most, each dropped when its reader falls behind. */
function createNewsStreams(desk: ControlDesk, limits: ControlLimits) {
  const open = new Set<ServerResponse>()
  return {
    open(response: ServerResponse): void {
      if (open.size >= limits.streams) throw new LatchkeyError('RATE_LIMITED', 'too many listen already')
      open.add(response)
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).flushHeaders()
      const stop = desk.observe((news: ControlNews) => {
        if (response.writableLength > limits.unreadBytes) response.destroy()
        else response.write(`data: ${JSON.stringify(news)}\n\n`)
      })
      response.once('close', () => {
        stop()
        open.delete(response)
      })
    },
    closeAll: () => open.forEach((response) => response.end()),
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
}

/**
 * Serves `desk` on a socket of this machine. Whoever may open the file may ask: mode 0660 in a directory that is closed
 * to others.
 * @throws CONFIG_INVALID | CONFLICT when the socket cannot be put there safely, and node's file system errors
 */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { path, desk } = options
  const limits = { ...CONTROL_LIMITS, ...options.limits }
  const streams = createNewsStreams(desk, limits)
  await assertPlace(path)
  await clearName(path)

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const route = findControlRoute(request.method ?? '', request.url ?? '')
      const body = route.method === 'POST' ? await readJsonBody(request, limits.bodyBytes) : undefined
      const answer = await route.answer(desk, body)
      if (answer.kind === 'news') streams.open(response)
      else send(response, answer)
    } catch (error) {
      refuse(response, error)
    }
  }

  const server = createServer(
    { maxHeaderSize: HEADER_BYTES, headersTimeout: REQUEST_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => void handle(request, response),
  )
  server.maxConnections = limits.connections
  await listen(server, path)
  await chmod(path, SOCKET_MODE)
  server.unref()
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      streams.closeAll()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
