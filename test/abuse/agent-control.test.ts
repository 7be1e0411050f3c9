/** The control socket against everybody who may not use it, and against bytes that nobody should send. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { chmod, mkdir, stat, symlink, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ControlDesk } from '../../device-agent/src/control/control-desk.ts'
import type { ControlNews } from '../../device-agent/src/control/control-message.ts'
import { CONTROL_ROUTES } from '../../device-agent/src/control/control-route.ts'
import { createControlClient } from '../../device-agent/src/control/unix-control-client.ts'
import { CONTROL_LIMITS, startControlServer } from '../../device-agent/src/control/unix-control-server.ts'
import { testSnapshot } from '../support/agent-snapshot.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { eventually } from '../support/poll.ts'

const SECRET = 'https://relay.example/pair#secret=abc'

interface TestDesk extends ControlDesk {
  tell(news: ControlNews): void
  readonly listeners: number
  readonly calls: string[]
}

function createTestDesk(): TestDesk {
  const observers = new Set<(news: ControlNews) => void>()
  const calls: string[] = []
  return {
    calls,
    get listeners() {
      return observers.size
    },
    tell: (news) => observers.forEach((observer) => observer(news)),
    snapshot: async () => testSnapshot(),
    pairingAddress: () => ({ url: SECRET, untilMs: 1 }),
    still: async () => Uint8Array.of(0xff, 0xd8, 0xff),
    observe(observer) {
      observers.add(observer)
      return () => observers.delete(observer)
    },
    async acceptPhone() {
      calls.push('accept')
      return { version: 2, owners: 1, viewers: 1 }
    },
    ring() {
      calls.push('ring')
      return 'AAAAAAAAAAAAAAAAAAAAAA'
    },
    setPrivacy: async (on) => void calls.push(`privacy ${on}`),
    reload: async () => void calls.push('reload'),
  }
}

interface Answer {
  readonly status: number
  readonly body: string
}

function ask(
  path: string,
  method: string,
  url: string,
  options: { body?: string; type?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = options.type === undefined ? {} : { 'content-type': options.type }
    const asking = request({ socketPath: path, method, path: url, headers, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode!, body }))
    })
    asking.on('error', reject).end(options.body)
  })
}

const JSON_TYPE = 'application/json'
let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let desk: TestDesk
let server: Awaited<ReturnType<typeof startControlServer>>
let path: string

beforeAll(async () => {
  folder = await createTemporaryFolder()
  await chmod(folder.path, 0o700)
  desk = createTestDesk()
  path = join(folder.path, 'control.sock')
  server = await startControlServer({ path, desk })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

describe('who may ask', () => {
  test('the socket is for owner and group only', async () => {
    expect((await stat(path)).mode & 0o777).toBe(0o660)
  })

  test('another user of the machine cannot open it, even where the directory lets everybody pass', async () => {
    const open = join(folder.path, 'seen-by-all')
    await mkdir(open, { mode: 0o750 })
    await using guarded = await startControlServer({ path: join(open, 'control.sock'), desk })
    for (const directory of [open, folder.path]) await chmod(directory, 0o755)
    expect(mayStrangerWrite(guarded.path)).toBe(false)
    await chmod(folder.path, 0o700)
  })

  test.each([0o755, 0o701, 0o777])('a directory of mode %o is refused', async (mode) => {
    const open = join(folder.path, `mode-${mode}`)
    await mkdir(open)
    await chmod(open, mode)
    await expect(startControlServer({ path: join(open, 'c.sock'), desk })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
  })

  test('a missing directory and a name too long for the kernel are refused with the reason', async () => {
    for (const bad of [join(folder.path, 'none', 'c.sock'), join(folder.path, 'x'.repeat(120))])
      await expect(startControlServer({ path: bad, desk })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  test('a name that is taken is left alone: a file, a link, another agent', async () => {
    const file = join(folder.path, 'precious')
    await writeFile(file, 'kept')
    const link = join(folder.path, 'link.sock')
    await symlink(file, link)
    for (const taken of [file, link, path])
      await expect(startControlServer({ path: taken, desk })).rejects.toMatchObject({ code: 'CONFLICT' })
    expect((await stat(file)).size).toBe(4)
  })

  test('a socket that a dead agent left is taken over', async () => {
    const stale = join(folder.path, 'stale.sock')
    const script = `require('node:net').createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 9))`
    spawnSync(process.execPath, ['-e', script])
    expect((await stat(stale)).isSocket()).toBe(true)
    await using taken = await startControlServer({ path: stale, desk })
    expect((await createControlClient(taken.path).status()).v).toBe(1)
  })

  test('nobody there, and nobody allowed, are told apart', async () => {
    await expect(createControlClient(join(folder.path, 'nobody')).status()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'the agent is not running',
    })
  })
})

describe('what is answered', () => {
  const client = () => createControlClient(path)

  test('every route answers its own question', async () => {
    desk.calls.length = 0
    expect(await client().status()).toEqual(testSnapshot())
    expect(await client().pairing()).toEqual({ url: SECRET, untilMs: 1 })
    expect([...(await client().still())]).toEqual([0xff, 0xd8, 0xff])
    expect(await client().ring()).toHaveLength(22)
    await client().setPrivacy(true)
    await client().reload()
    expect(desk.calls).toEqual(['ring', 'privacy true', 'reload'])
  })

  test('no route but the one for it tells the pairing secret', async () => {
    const gets = CONTROL_ROUTES.filter(
      (route) => route.method === 'GET' && !['/v1/pairing', '/v1/news'].includes(route.path),
    )
    for (const { url } of gets.map((route) => ({ url: route.path })))
      expect((await ask(path, 'GET', url)).body).not.toContain('secret')
  })

  test('every route refuses every other method and any query, and unknown paths are not found', async () => {
    for (const route of CONTROL_ROUTES) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].filter(
        (other) => other !== route.method,
      ))
        expect(await ask(path, method, route.path)).toMatchObject({ status: 405 })
      expect(await ask(path, route.method, `${route.path}?x=1`)).toMatchObject({ status: 404 })
    }
    for (const url of [
      '/',
      '/v1',
      '/v1/status/',
      '/v1/../v1/status',
      '//v1/status',
      '/V1/STATUS',
      'http://x/v1/status',
      '*',
    ])
      expect((await ask(path, 'GET', url)).status).toBe(404)
  })

  test.each([
    ['no type', undefined, '{}', 415],
    ['a form', 'application/x-www-form-urlencoded', 'on=true', 415],
    ['a type with a parameter', 'application/json; charset=utf-8', '{}', 415],
    ['no JSON', JSON_TYPE, '{', 400],
    ['nothing', JSON_TYPE, '', 400],
    ['a list', JSON_TYPE, '[]', 400],
    ['another member', JSON_TYPE, '{"on":true,"x":1}', 400],
    ['a number for a truth', JSON_TYPE, '{"on":1}', 400],
    ['too much', JSON_TYPE, `{"on":true${' '.repeat(CONTROL_LIMITS.bodyBytes)}}`, 413],
  ])('POST with %s changes nothing', async (_, type, body, status) => {
    desk.calls.length = 0
    for (const { path: url } of CONTROL_ROUTES.filter((route) => route.method === 'POST')) {
      const answer = await ask(path, 'POST', url, { body, ...(type === undefined ? {} : { type }) })
      const isEmptyForm = body === '{}' && type === JSON_TYPE && url !== '/v1/privacy'
      if (!isEmptyForm) expect(answer.status).toBe(status)
    }
    expect(desk.calls).toEqual([])
  })

  test('a failure that nobody foresaw is told by its code alone', async () => {
    const broken: ControlDesk = { ...desk, still: () => Promise.reject(new Error(SECRET)) }
    await using other = await startControlServer({ path: join(folder.path, 'broken.sock'), desk: broken })
    const answer = await ask(other.path, 'GET', '/v1/still')
    expect(answer).toMatchObject({ status: 500 })
    expect(answer.body).not.toContain('secret')
  })

  test('garbage, and headers without an end, cost only their own connection', async () => {
    for (const bytes of ['\x00\xff\xfe\r\n\r\n', `GET /v1/status HTTP/1.1\r\nx: ${'y'.repeat(8_192)}\r\n\r\n`]) {
      const socket = connect(path)
      socket.on('error', () => {})
      socket.write(bytes)
      let answer = ''
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')))
      await once(socket, 'close')
      expect(answer).toMatch(/^HTTP\/1\.1 4/)
    }
    expect((await client().status()).v).toBe(1)
  })
})

describe('news', () => {
  const door: ControlNews = { kind: 'door', event: 'A', trigger: 'ring', atMs: 1 }

  test('come as they happen, and end with the listener', async () => {
    const ending = new AbortController()
    const heard: ControlNews[] = []
    const listening = (async () => {
      for await (const news of createControlClient(path).news(ending.signal)) heard.push(news)
    })()
    await eventually(() => desk.listeners === 1, 'a listener')
    desk.tell(door)
    await eventually(() => heard.length === 1, 'the news')
    expect(heard).toEqual([door])
    ending.abort()
    await listening
    await eventually(() => desk.listeners === 0, 'the listener gone')
  })

  test('a reader who does not read is dropped, and one too many is refused', async () => {
    await using small = await startControlServer({
      path: join(folder.path, 'small.sock'),
      desk,
      limits: { streams: 1, unreadBytes: 4_096 },
    })
    const socket = connect(small.path)
    socket.write('GET /v1/news HTTP/1.1\r\nhost: x\r\n\r\n')
    await eventually(() => desk.listeners === 1, 'a listener')
    expect(await ask(small.path, 'GET', '/v1/news')).toMatchObject({ status: 429 })
    socket.pause()
    const long: ControlNews = { ...door, event: 'x'.repeat(100) }
    await eventually(() => {
      for (let i = 0; i < 1_000; i++) desk.tell(long)
      return desk.listeners === 0
    }, 'the reader to be dropped')
    socket.destroy()
  })

  test('what an impostor answers is checked', async () => {
    const fake = join(folder.path, 'fake.sock')
    const body = '{"v":1,"door":"open"}'
    const impostor = createServer((socket) => {
      socket.on('error', () => {})
      socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    })
    await new Promise<void>((resolve) => impostor.listen(fake, resolve))
    await expect(createControlClient(fake).status()).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
    impostor.close()
  })
})

/** Asks the kernel as nobody in particular, where we may become that; the mode says the same. */
function mayStrangerWrite(target: string): boolean {
  if (process.getuid?.() !== 0) return (statSync(target).mode & 0o002) !== 0
  const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', 'test', '-w', target]
  return spawnSync('setpriv', asNobody).status === 0
}
