import { Agent, type IncomingHttpHeaders, request as openRequest } from 'node:http'

/** A request exactly as it is to be sent: no normal form, no header of its own. */
export interface RawRequest {
  readonly method: string
  /** Path and query, as they stand on the request line. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body?: Uint8Array
}

export interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Sends what `fetch` would refuse to. */
export interface RawHttpClient extends Disposable {
  /** Rejects when the connection ends without an answer. */
  send(request: RawRequest): Promise<RawAnswer>
}

/** @param origin of the server, http */
export function createRawHttpClient(origin: string): RawHttpClient {
  const { hostname, port } = new URL(origin)
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  return {
    send: ({ method, path, headers, body }) =>
      new Promise((resolve, reject) => {
        const options = { agent, hostname, port, method, path, headers: { ...headers } as Record<string, string> }
        const outgoing = openRequest(options, (incoming) => {
          const chunks: Buffer[] = []
          // An answer without an end is taken at its head.
          if (incoming.headers['content-type']?.startsWith('application/x-ndjson')) {
            resolve({ status: incoming.statusCode!, headers: incoming.headers, body: Buffer.alloc(0) })
            incoming.destroy()
            return
          }
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
          incoming.on('error', reject)
          incoming.on('end', () =>
            resolve({ status: incoming.statusCode!, headers: incoming.headers, body: Buffer.concat(chunks) }),
          )
        })
        outgoing.on('error', reject)
        outgoing.end(body)
      }),
    [Symbol.dispose]: () => agent.destroy(),
  }
}
