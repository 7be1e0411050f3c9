import { LatchkeyError } from '@latchkey/shared'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Clock } from '../kernel/clock.ts'
import { problemAnswer } from './problem-answer.ts'

/** Eight megabytes from a Pi on half a megabit take two minutes; a slower peer is not uploading, it is holding a socket. */
const REQUEST_TIMEOUT_MS = 5 * 60_000
const HEADERS_TIMEOUT_MS = 20_000
const KEEP_ALIVE_MS = 75_000
/** Requests under way get this long once we stop. */
const DRAIN_MS = 10_000

/** A bound HTTP server that has no app yet: its port is known before anything that names the origin is built. */
export interface HttpListener extends AsyncDisposable {
  readonly server: Server
  readonly port: number
}

/** While there is no app: without it a request would get no answer at all, and its sender would wait for one. */
function answerUntilApp(server: Server): void {
  const { status, json, headers } = problemAnswer('UNAVAILABLE', { detail: 'the relay is starting' })
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (server.listenerCount('request') > ours) return
    request.resume()
    response.writeHead(status, { ...headers, connection: 'close' }).end(JSON.stringify(json))
  }
  server.on('request', answer)
  // Whoever listens after these is the app.
  const ours = server.listenerCount('request')
}

/**
 * Ends connections for good: one without a request under way at once, the others behind their answer. A server that closes
 * forgets those whose answer ends later (a stream, which has no end of its own), and waits until their keep-alive is over.
 */
function createConnectionEnder(server: Server): () => void {
  const sockets = new Set<Socket>()
  const busy = new WeakSet<Socket>()
  let ending = false
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    busy.add(socket)
    response.once('close', () => {
      busy.delete(socket)
      if (ending) socket.destroySoon()
    })
  })
  return () => {
    ending = true
    for (const socket of sockets) if (!busy.has(socket)) socket.destroy()
  }
}

/** @throws CONFIG_INVALID when the address cannot be bound */
export async function createHttpListener(address: { host: string; port: number }, clock: Clock): Promise<HttpListener> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: HEADERS_TIMEOUT_MS })
  server.keepAliveTimeout = KEEP_ALIVE_MS
  const endConnections = createConnectionEnder(server)
  answerUntilApp(server)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new LatchkeyError('CONFIG_INVALID', 'cannot listen for HTTP', { cause })))
    server.listen(address.port, address.host, resolve)
  })
  return {
    server,
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      endConnections()
      const waiting = new AbortController()
      await Promise.race([closed, clock.sleep(DRAIN_MS, waiting.signal)])
      waiting.abort()
      server.closeAllConnections()
      await closed
    },
  }
}
