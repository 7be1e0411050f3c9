/** A source of updates over TLS, with an authority of its own: as it should be, and as it should not be. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:https'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { join, normalize } from 'node:path'

/** What its addresses begin with. */
export interface UpdateServer extends AsyncDisposable {
  /** Serves the folder; `/cut/…` the same, but a package breaks off half-way; `/away/…` points to the folder over http. */
  readonly origin: string
  /** Serves the folder without TLS: nobody may ever ask it. */
  readonly plainOrigin: string
  /** Requests that came without TLS. */
  readonly plainRequests: number
  /** PEM of the authority that signed the server's certificate. */
  readonly caFile: string
}

const openssl = (...args: readonly string[]): void => {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc']

/** An authority, and a certificate of it, in `folder`. @param name as openssl has it: `IP:127.0.0.1`, `DNS:police.example` */
export function makeCertificates(folder: string, name = 'IP:127.0.0.1'): { caFile: string; key: Buffer; cert: Buffer } {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const at = (name: string) => join(folder, name)
  const authority = ['-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=trial authority']
  openssl('req', '-x509', ...NEW_KEY, ...authority, '-days', '2', '-addext', 'basicConstraints=critical,CA:TRUE')
  openssl('req', ...NEW_KEY, '-keyout', at('server.key'), '-out', at('server.csr'), '-subj', '/CN=updates')
  writeFileSync(at('names'), `subjectAltName=${name}\n`)
  const signing = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-days', '2', '-extfile', at('names')]
  openssl('x509', '-req', '-in', at('server.csr'), '-out', at('server.pem'), ...signing)
  return { caFile: at('ca.pem'), key: readFileSync(at('server.key')), cert: readFileSync(at('server.pem')) }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** The file of a path, or null: only what lies in `folder`. */
function load(folder: string, path: string): Buffer | null {
  try {
    return readFileSync(join(folder, normalize(`/${path}`)))
  } catch {
    return null
  }
}

function send(response: ServerResponse, bytes: Buffer | null, isCut: boolean): void {
  if (bytes === null) return void response.writeHead(404).end()
  response.writeHead(200, { 'content-length': bytes.length })
  if (!isCut) return void response.end(bytes)
  // What was written is on its way before the line is cut.
  response.write(bytes.subarray(0, bytes.length >> 1), () => response.socket?.destroy())
}

/**
 * Starts one on `127.0.0.1`.
 * @param options.folder what is served
 * @param options.secrets where keys and certificates are made
 */
export async function startUpdateServer(options: { folder: string; secrets: string }): Promise<UpdateServer> {
  const { caFile, key, cert } = makeCertificates(options.secrets)
  let plainRequests = 0
  const serve =
    (onAway: (path: string) => string): RequestListener =>
    (request: IncomingMessage, response: ServerResponse) => {
      const [, special, path] = /^\/(?:(cut|away)\/)?(.*)$/.exec(request.url ?? '/')!
      if (special === 'away') return void response.writeHead(302, { location: onAway(path!) }).end()
      send(response, load(options.folder, path!), special === 'cut' && path!.endsWith('.deb'))
    }
  const plain = createHttpServer((request, response) => {
    plainRequests++
    serve((path) => `/${path}`)(request, response)
  })
  const plainOrigin = `http://127.0.0.1:${await listen(plain)}`
  const server = createServer(
    { key, cert },
    serve((path) => `${plainOrigin}/${path}`),
  )
  const origin = `https://127.0.0.1:${await listen(server)}`
  return {
    origin,
    plainOrigin,
    caFile,
    get plainRequests() {
      return plainRequests
    },
    async [Symbol.asyncDispose]() {
      for (const each of [server, plain]) {
        each.closeAllConnections()
        each.close()
        await once(each, 'close')
      }
    },
  }
}
