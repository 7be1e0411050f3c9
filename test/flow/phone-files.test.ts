/** What the phone app is as files: the same bytes from the same sources, and nothing from anybody else. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildApp, buildAppInto } from '../../relay/web/build.ts'
import type { PageListener } from '../../relay/web/page-listener.ts'
import { contentSecurityPolicy, serveApp } from '../../relay/web/static-server.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

const RELAY = 'http://127.0.0.1:9999'
/** Of the issue: what a phone loads before it has anything of the household. What few need, and only once, comes when it is asked for. */
const BUDGET_BYTES = 150_000

const LATER = /^\/assets\/decode-[\w-]+\.js$/

let folder: string
let server: PageListener

async function digestsOf(path: string): Promise<Record<string, string>> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const digests = await Promise.all(
    files.map(async (file) => {
      const bytes = await readFile(file)
      return [file.slice(path.length), createHash('sha256').update(bytes).digest('hex')] as const
    }),
  )
  return Object.fromEntries(digests.sort(([a], [b]) => (a < b ? -1 : 1)))
}

beforeAll(async () => {
  folder = await buildApp('owner')
  server = await serveApp({ folder, host: '127.0.0.1', port: 0, relayOrigins: [RELAY] })
}, 60_000)
afterAll(async () => {
  await server[Symbol.asyncDispose]()
})

const get = (path: string, init: RequestInit = {}) => fetch(`${server.origin}${path}`, { redirect: 'manual', ...init })

describe('the files of the phone app', () => {
  test('are the same bytes when they are built again from nothing', async () => {
    await using again = await createTemporaryFolder()
    await buildAppInto('owner', again.path)
    expect(await digestsOf(again.path)).toEqual(await digestsOf(folder))
  }, 60_000)

  test('fit the budget of a phone on a bad line', async () => {
    const names = Object.keys(await digestsOf(folder)).filter((name) => !LATER.test(name))
    const sizes = await Promise.all(
      names.map(async (name) => {
        const answer = await get(name === '/index.html' ? '/' : name, { headers: { 'accept-encoding': 'br' } })
        expect(answer.headers.get('content-encoding')).toBe('br')
        expect(Buffer.from(await answer.arrayBuffer())).toEqual(await readFile(join(folder, name)))
        return Number(answer.headers.get('content-length'))
      }),
    )
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(BUDGET_BYTES)
    const worker = await readFile(join(folder, 'service-worker.js'), 'utf8')
    expect(names.filter((name) => !worker.includes(`"${name === '/index.html' ? '/' : name}"`))).toEqual([
      '/service-worker.js',
    ])
    expect(worker).not.toContain('/assets/decode-')
  })

  test('name no other host: neither script, nor style, nor picture, nor font', async () => {
    const page = await (await get('/')).text()
    const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address!)
    expect(named.map((address) => address.replace(/-[\w-]{8}\./, '-DIGEST.')).sort()).toEqual([
      '/assets/database-DIGEST.js',
      '/assets/index-DIGEST.css',
      '/assets/index-DIGEST.js',
      '/icon.svg',
      '/latchkey.webmanifest',
    ])
  })
})

describe('the server of the phone app', () => {
  test('sends every page and file under a policy that allows nothing inline and nothing foreign', async () => {
    const paths = Object.keys(await digestsOf(folder)).filter((path) => path !== '/index.html')
    for (const path of ['/', '/pair', ...paths]) {
      const answer = await get(path)
      expect([path, answer.status]).toEqual([path, 200])
      expect(answer.headers.get('content-security-policy')).toBe(contentSecurityPolicy([RELAY]))
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
    }
    const policy = contentSecurityPolicy([RELAY])
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/)
    expect(policy).not.toMatch(/unsafe|\*|data:|https?:\/\/(?!127\.0\.0\.1:9999)/)
  })

  test('sends plain bytes to who takes no others', async () => {
    for (const coding of ['identity', 'gzip', 'br;q=0', 'gzip, br;q=0.0']) {
      const answer = await get('/', { headers: { 'accept-encoding': coding } })
      expect([coding, answer.headers.get('content-encoding')]).toEqual([coding, null])
      expect(answer.headers.get('vary')).toBe('accept-encoding')
      expect(Buffer.from(await answer.arrayBuffer())).toEqual(await readFile(join(folder, 'index.html')))
    }
  })

  test('serves its files and nothing else of the disk', async () => {
    for (const path of [
      '/../package.json',
      '/%2e%2e/%2e%2e/package.json',
      '/..%2fbuild.ts',
      '/assets',
      '/assets/',
      '/.sources',
    ])
      expect([path, (await get(path)).status]).toEqual([path, 404])
    expect((await get('/', { method: 'POST', body: 'x' })).status).toBe(405)
    const head = await get('/', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  test('lets a name that is a digest be kept for ever, and asks again for everything else', async () => {
    const [asset] = Object.keys(await digestsOf(folder)).filter((path) => path.startsWith('/assets/'))
    expect((await get(asset!)).headers.get('cache-control')).toContain('immutable')
    for (const path of ['/', '/service-worker.js', '/latchkey.webmanifest'])
      expect((await get(path)).headers.get('cache-control')).toBe('no-cache')
  })
})
