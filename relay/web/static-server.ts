/** Serves an app's files from an origin of its own, with the strictest policy a page can run under. */
import { createServer, type ServerResponse } from 'node:http'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, type BrotliOptions, constants } from 'node:zlib'
import { listenForPages, type PageListener } from './page-listener.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
}

/** Paths that show the app itself: what a pairing code opens, and the start. */
const PAGES = new Set(['/', '/pair', '/join'])

const compress = promisify(brotliCompress) as (bytes: Uint8Array, options: BrotliOptions) => Promise<Uint8Array>

/** Files whose name is a digest of their bytes never change. */
const IMMUTABLE = /^\/assets\//

/** What a page may do: its own files, these relays, and nothing from anybody else. @see CSP level 3 */
export function contentSecurityPolicy(relayOrigins: readonly string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    'media-src blob:',
    "manifest-src 'self'",
    "worker-src 'self'",
    `connect-src 'self' ${relayOrigins.join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types latchkey',
  ].join('; ')
}

/** One file as it is sent. */
interface ServedFile {
  readonly type: string
  readonly bytes: Uint8Array
  /** The same, smaller, for who takes it: every browser of the last years does. @see RFC 7932 */
  readonly brotli: Uint8Array
}

/** Once, at the start: a phone on a bad line waits for every byte. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }

const accepts = (header: string | string[] | undefined, coding: string): boolean =>
  String(header ?? '')
    .split(',')
    .some((one) => one.trim().split(';')[0] === coding && !/;\s*q=0(\.0*)?$/.test(one.trim()))

async function loadFiles(folder: string): Promise<ReadonlyMap<string, ServedFile>> {
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const paths = entries.map((entry) => join(entry.parentPath, entry.name))
  const loaded = await Promise.all(
    paths.map(async (path) => {
      const type = TYPES[extname(path)]
      if (type === undefined) return null
      const bytes = await readFile(path)
      return [`/${relative(folder, path)}`, { bytes, type, brotli: await compress(bytes, BROTLI) }] as const
    }),
  )
  return new Map(loaded.filter((entry) => entry !== null))
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
  response.end(status === 405 ? 'Only GET and HEAD.\n' : 'There is nothing here.\n')
}

/**
 * Serves the files of `folder`, read once; nothing else of the disk can be asked for.
 * @param options.port 0 takes any free one
 * @param options.relayOrigins relays that the page may call
 */
export async function serveApp(options: {
  folder: string
  host: string
  port: number
  relayOrigins: readonly string[]
}): Promise<PageListener> {
  const files = await loadFiles(options.folder)
  const common = {
    'content-security-policy': contentSecurityPolicy(options.relayOrigins),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(self), geolocation=(self), microphone=()',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  }
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0]!
    const file = files.get(PAGES.has(path) ? '/index.html' : path)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (!isRead || file === undefined) {
      refuse(response, isRead ? 404 : 405)
      return
    }
    const caching = IMMUTABLE.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache'
    const isSmall = accepts(request.headers['accept-encoding'], 'br')
    const bytes = isSmall ? file.brotli : file.bytes
    response.writeHead(200, {
      ...common,
      'content-type': file.type,
      'content-length': bytes.length,
      'cache-control': caching,
      vary: 'accept-encoding',
      ...(isSmall ? { 'content-encoding': 'br' } : {}),
    })
    response.end(request.method === 'HEAD' ? undefined : bytes)
  })
  return listenForPages(server, options)
}
