/** The local page against everybody who may not use it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { request } from 'node:http'
import { CODE_LIMITS, createOneTimeCode } from '../../device-agent/src/page/one-time-code.ts'
import { isHouseAddress } from '../../device-agent/src/page/page-guard.ts'
import { PAGE_ROUTES } from '../../device-agent/src/page/http-page-server.ts'
import { createPageRig, type PageRig } from '../support/page-rig.ts'

let rig: PageRig
beforeAll(async () => {
  rig = await createPageRig()
})
afterAll(() => rig[Symbol.asyncDispose]())

interface Answer {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: string
}

function ask(
  origin: string,
  method: string,
  path: string,
  options: { headers?: Record<string, string>; body?: string } = {},
) {
  return new Promise<Answer>((resolve, reject) => {
    const { hostname, port, host } = new URL(origin)
    const own = method === 'GET' ? {} : { origin, 'content-type': 'application/json' }
    const headers = { host, ...own, ...options.headers }
    const asking = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }))
    })
    asking.on('error', reject).end(options.body)
  })
}

async function enter(page: PageRig): Promise<string> {
  const answer = await ask(page.origin, 'POST', '/api/login', { body: JSON.stringify({ code: page.code() }) })
  expect(answer.status).toBe(200)
  return String(answer.headers['set-cookie']).split(';')[0]!
}

const CHANGE = JSON.stringify({ revision: '1', regions: [] })
const bodyOf = (method: string) => (method === 'POST' || method === 'PUT' ? { body: CHANGE } : {})

describe('without a right code', () => {
  test.each([
    ['nobody', {}],
    ['an empty cookie', { cookie: 'latchkey_page_1=' }],
    ['a made-up cookie', { cookie: `latchkey_page_1=${'A'.repeat(43)}` }],
    ['a bearer token', { authorization: 'Bearer abc' }],
  ])('%s gets no route of the page', async (_, headers: Record<string, string>) => {
    const { port } = new URL(rig.origin)
    const mine = headers['cookie'] ? { cookie: headers['cookie'].replace('page_1', `page_${port}`) } : headers
    for (const { method, path } of PAGE_ROUTES)
      expect(await ask(rig.origin, method, path, { headers: mine, ...bodyOf(method) })).toMatchObject({ status: 403 })
    expect(rig.calls).toEqual([])
  })

  test('the files say nothing of the household', async () => {
    const { body } = await ask(rig.origin, 'GET', '/')
    expect(body).not.toContain('Front door')
    for (const path of [
      '/../page-host.ts',
      '/page-host.ts',
      '/%2e%2e/config.ts',
      '/tsconfig.json',
      '/constructor',
      '/__proto__',
    ])
      expect((await ask(rig.origin, 'GET', path)).status).toBe(403)
  })
})

describe('a browser that was let in', () => {
  let cookie: string
  beforeAll(async () => {
    cookie = await enter(rig)
  })
  const as = (headers: Record<string, string> = {}) => ({ cookie, ...headers })

  test('has a cookie that scripts cannot read and other sites cannot send, and headers that keep strangers out', async () => {
    const login = await ask(rig.origin, 'POST', '/api/login', { body: JSON.stringify({ code: rig.code() }) })
    expect(String(login.headers['set-cookie'])).toMatch(
      /^latchkey_page_\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
    )
    const { headers } = await ask(rig.origin, 'GET', '/')
    expect(headers['content-security-policy']).toContain("default-src 'none'")
    expect(headers['content-security-policy']).not.toContain('unsafe')
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
  })

  test('is served under our own names only: a rebound name gets nothing', async () => {
    const { port } = new URL(rig.origin)
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.0.0.1',
      `127.0.0.2:${port}`,
      `localhost.evil.example:${port}`,
    ])
      for (const path of ['/', '/api/status']) {
        const answer = await ask(rig.origin, 'GET', path, { headers: as({ host }) })
        expect(answer.status, host).toBe(403)
        expect(answer.body).not.toContain('Recording')
      }
    expect((await ask(rig.origin, 'GET', '/api/status', { headers: as({ host: `localhost:${port}` }) })).status).toBe(
      200,
    )
  })

  test('cannot be made to act by another site', async () => {
    for (const foreign of ['http://evil.example', 'null', 'https://127.0.0.1', `${rig.origin}0`])
      expect(
        await ask(rig.origin, 'PUT', '/api/regions', { headers: as({ origin: foreign }), body: CHANGE }),
      ).toMatchObject({
        status: 403,
      })
    for (const site of ['cross-site', 'same-site'])
      for (const { method, path } of PAGE_ROUTES)
        expect(
          await ask(rig.origin, method, path, { headers: as({ 'sec-fetch-site': site }), ...bodyOf(method) }),
        ).toMatchObject({ status: 403 })
    const form = { headers: as({ 'content-type': 'text/plain' }), body: CHANGE }
    expect(await ask(rig.origin, 'PUT', '/api/regions', form)).toMatchObject({ status: 415 })
    expect(rig.calls).toEqual([])
  })

  test.each([
    ['no JSON', '{', 400],
    ['a foreign member', '{"revision":"1","regions":[],"x":1}', 400],
    ['two corners', '{"revision":"1","regions":[{"name":"a","role":"mask","points":[[0,0],[1,1]]}]}', 400],
    ['a corner outside', '{"revision":"1","regions":[{"name":"a","role":"mask","points":[[0,0],[1,1],[2,0]]}]}', 400],
    [
      'a hidden direction',
      '{"revision":"1","regions":[{"name":"a\u202e","role":"mask","points":[[0,0],[1,1],[1,0]]}]}',
      400,
    ],
    ['too much', `{"revision":"1","regions":[]${' '.repeat(70_000)}}`, 413],
  ])('is refused %s', async (_, body, status) => {
    expect(await ask(rig.origin, 'PUT', '/api/regions', { headers: as(), body })).toMatchObject({ status })
    expect(rig.calls).toEqual([])
  })

  test('is refused other methods and other paths', async () => {
    for (const { method, path } of PAGE_ROUTES)
      for (const other of ['GET', 'POST', 'PUT', 'DELETE'].filter((candidate) => candidate !== method)) {
        const isRoute = PAGE_ROUTES.some((route) => route.method === other && route.path === path)
        if (!isRoute) expect((await ask(rig.origin, other, path, { headers: as(), ...bodyOf(other) })).status).toBe(405)
      }
    expect((await ask(rig.origin, 'GET', '/api/still?x', { headers: as() })).status).toBe(404)
  })

  test('who leaves is a stranger again', async () => {
    const own = await enter(rig)
    expect((await ask(rig.origin, 'GET', '/api/status', { headers: { cookie: own } })).status).toBe(200)
    await ask(rig.origin, 'POST', '/api/logout', { headers: { cookie: own }, body: '{}' })
    expect((await ask(rig.origin, 'GET', '/api/status', { headers: { cookie: own } })).status).toBe(403)
  })
})

describe('the code', () => {
  test('lets one in and is spent; small letters, spaces and look-alikes do', () => {
    const code = createOneTimeCode(() => {})
    const first = code.current
    expect(code.check(` ${first.toLowerCase().replaceAll('0', 'o').replaceAll('1', 'l')} `)).toBe('right')
    expect(code.check(first)).toBe('wrong')
  })

  test('is void after five wrong answers, and the page closes after twenty', async () => {
    await using guessed = await createPageRig()
    const codes = new Set<string>()
    for (let guess = 0; guess < CODE_LIMITS.inAll; guess++) {
      codes.add(guessed.code())
      const body = JSON.stringify({ code: 'ZZZZ-ZZZZ' })
      expect((await ask(guessed.origin, 'POST', '/api/login', { body })).status).toBe(403)
    }
    expect(codes.size).toBe(CODE_LIMITS.inAll / CODE_LIMITS.perCode)
    expect(guessed.spent).toBe(true)
    const right = JSON.stringify({ code: guessed.code() })
    expect((await ask(guessed.origin, 'POST', '/api/login', { body: right })).status).toBe(403)
  })
})

test('only addresses of the house may come', () => {
  expect(
    ['127.0.0.1', '::1', '::ffff:192.168.1.2', '10.1.2.3', 'fe80::1', '172.31.0.1'].filter(isHouseAddress),
  ).toHaveLength(6)
  expect(['8.8.8.8', '::ffff:8.8.8.8', '2001:db8::1', '172.32.0.1', '', 'x'].filter(isHouseAddress)).toEqual([])
})
