/** What an operator does at the command line: enrols agencies by the keys at their own address, and writes the register. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:https'
import { type AddressInfo, connect, type Server } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { agencyList, createSigner, decodeBase64url, registerEntry } from '@latchkey/shared'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCertificates } from '../../infra/machines/update-server.ts'
import { parseKeySet } from '../../shared/bin/agency-keys.ts'
import { latchkey } from '../support/command-line.ts'
import { createRelayWorld, randomSigner, type RelayWorld } from '../support/relay-world.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

const URI = 'https://police.example'
const keySetOf = (...keys: readonly object[]) => JSON.stringify({ keys })
const first = randomSigner().jwk
const second = randomSigner().jwk

let stack: AsyncDisposableStack
let world: RelayWorld
let folder: string
/** What the agency's address answers, by path. */
const shown = new Map<string, { status: number; body: string; location?: string }>()
let environment: NodeJS.ProcessEnv

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return (server.address() as AddressInfo).port
}

/** The agency's own web server, and a proxy by which its name leads to this machine. */
async function startAgency(): Promise<void> {
  await mkdir(join(folder, 'tls'))
  const { caFile, key, cert } = makeCertificates(join(folder, 'tls'), 'DNS:police.example')
  const server = createServer({ key, cert }, (request, response) => {
    const { status, body, location } = shown.get(request.url!) ?? { status: 404, body: '' }
    response.writeHead(status, { connection: 'close', ...(location === undefined ? {} : { location }) }).end(body)
  })
  const port = await listening(server)
  const proxy = createHttpServer()
  proxy.on('connect', (request, socket) => {
    if (request.url !== 'police.example:443') return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    for (const end of [onward, socket]) end.on('error', () => onward.destroy())
  })
  const proxyPort = await listening(proxy)
  environment = {
    NODE_EXTRA_CA_CERTS: caFile,
    NODE_USE_ENV_PROXY: '1',
    HTTPS_PROXY: `http://127.0.0.1:${proxyPort}`,
    NO_PROXY: '127.0.0.1',
  }
}

beforeAll(async () => {
  stack = new AsyncDisposableStack()
  folder = stack.use(await createTemporaryFolder()).path
  expect((await latchkey(['keygen', 'operator', '--out', 'operator'], folder)).status).toBe(0)
  const secret = JSON.parse(await readFile(join(folder, 'operator', 'operator.jwk'), 'utf8')) as {
    d: string
    x: string
  }
  const operator = createSigner(decodeBase64url(secret.d))
  const shownJwk = JSON.parse(await readFile(join(folder, 'operator', 'operator-public.jwk'), 'utf8')) as object
  expect(shownJwk).toEqual(operator.jwk)
  world = stack.use(await createRelayWorld({ operator, policy: { agencyNoticeMs: 14 * 86_400_000 } }))
  await startAgency()
})
afterAll(() => stack.disposeAsync())

const operate = (command: string, what: string, ...more: string[]) =>
  latchkey([command, what, '--relay', world.relay.publicOrigin, '--operator', 'operator', ...more], folder, environment)
const show = (body: string, status = 200, location?: string) =>
  shown.set('/.well-known/jwks.json', { status, body, ...(location === undefined ? {} : { location }) })
const told = async () => (await world.anyone.json('GET', '/v1/agencies', agencyList)).agencies

describe('an agency', () => {
  test('that is new says its name and kind, and shows its keys at its own address', async () => {
    show(keySetOf({ ...first, use: 'sig', kid: '2026' }, { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }))
    const nameless = await operate('agency', URI)
    expect([nameless.status, nameless.stderr]).toEqual([2, expect.stringContaining('--name and --kind')])
    const { status, stdout, stderr } = await operate('agency', URI, '--name', 'Example Police', '--kind', 'police')
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(
      /^https:\/\/police\.example: Example Police, police, active\nkey \S+\nmay ask from \d{4}-\d\d-\d\d \d\d:\d\d UTC\nentry \d+ of the log\n$/,
    )
    expect(await told()).toMatchObject([{ uri: URI, keys: [first], status: 'active' }])
  })

  test('that is known keeps what is not said: its address is not even asked', async () => {
    show('', 500)
    const [before] = await told()
    const same = await operate('agency', URI)
    expect([same.status, same.stdout]).toEqual([0, expect.stringContaining('nothing changed')])
    const { status } = await operate('agency', URI, '--status', 'suspended')
    expect(status).toBe(0)
    expect(await told()).toMatchObject([
      { ...before, status: 'suspended', sinceMs: expect.any(Number) as number, index: expect.any(Number) as number },
    ])
  })

  test('gets new keys from its address, or from a file, and waits for them', async () => {
    show(keySetOf(first, second))
    expect((await operate('agency', URI, '--status', 'active', '--refresh-keys')).status).toBe(0)
    expect((await told())[0]!.keys).toEqual([first, second])
    await writeFile(join(folder, 'keys.json'), keySetOf(second))
    expect((await operate('agency', URI, '--keys', 'keys.json')).status).toBe(0)
    expect((await told())[0]!.keys).toEqual([second])
  })

  test.each([
    ['nothing', '', 404, undefined, /UNAVAILABLE .*answers 404.*--keys FILE/s],
    ['another address', '', 302, 'https://police.example/elsewhere', /UNAVAILABLE .*--keys FILE/s],
    ['a page', '<html>', 200, undefined, /JSON_INVALID .*is not JSON/s],
    ['too much', ' '.repeat(70_000), 200, undefined, /MESSAGE_TOO_LARGE/],
    ['a private key', keySetOf({ ...first, d: first.x }), 200, undefined, /KEY_INVALID .*private key/s],
  ])('whose address shows %s is not changed', async (_name, body, status, location, words) => {
    show(body, status, location)
    const before = await told()
    const ended = await operate('agency', URI, '--refresh-keys')
    expect([ended.status, ended.stderr]).toEqual([1, expect.stringMatching(words)])
    expect(await told()).toEqual(before)
  })

  test('of a kind that the policy does not admit, or by somebody else, is refused by the relay', async () => {
    await writeFile(join(folder, 'keys.json'), keySetOf(first))
    const more = ['--name', 'Border', '--keys', 'keys.json']
    const border = await operate('agency', 'https://border.example', ...more, '--kind', 'immigration')
    expect([border.status, border.stderr]).toEqual([1, expect.stringMatching(/^MESSAGE_INVALID /)])
    expect((await latchkey(['keygen', 'operator', '--out', 'stranger'], folder)).status).toBe(0)
    const stranger = await operate('agency', URI, '--operator=stranger')
    expect(stranger.status).toBe(2)
    const words = [
      'agency',
      URI,
      '--relay',
      world.relay.publicOrigin,
      '--operator',
      'stranger',
      '--status',
      'withdrawn',
    ]
    const refused = await latchkey(words, folder)
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringMatching(/^CALLER_REFUSED /)])
  })
})

test('the register takes an entry from a file, and its next version', async () => {
  const entry = {
    ...{
      v: 1,
      book: 'disclosure',
      id: 'lamps',
      kind: 'gift',
      giver: 'Ring',
      receiver: 'Example Police',
      value: '20 doorbells',
    },
    ...{ date: '2026-11-20', terms: 'None.', isResolved: false },
  }
  await writeFile(join(folder, 'entry.json'), JSON.stringify(entry))
  const published = await operate('register', 'entry.json')
  expect([published.status, published.stdout]).toEqual([
    0,
    expect.stringMatching(/^disclosure lamps, version 1\nentry \d+ of the log, \S{43}\n$/),
  ])
  await writeFile(join(folder, 'entry.json'), JSON.stringify({ ...entry, isResolved: true }))
  const { stdout } = await operate('register', 'entry.json')
  const digest = /, (\S{43})\n$/.exec(stdout)![1]!
  expect(await world.anyone.json('GET', `/v1/register/${digest}`, registerEntry)).toMatchObject({
    version: 2,
    isResolved: true,
  })
  await writeFile(join(folder, 'wrong.json'), JSON.stringify({ ...entry, kind: 'bribe' }))
  const wrong = await operate('register', 'wrong.json')
  expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringMatching(/^MESSAGE_INVALID .*wrong\.json/)])
})

test.each([
  ['no list', { keys: {} }],
  ['no key of ours', { keys: [{ kty: 'RSA', n: 'AA', e: 'AQAB' }] }],
  ['a key for encryption alone', { keys: [{ ...first, use: 'enc' }] }],
  ['a key that is no point', { keys: [{ ...first, x: 'A'.repeat(42) }] }],
  ['too many', { keys: Array.from({ length: 17 }, () => first) }],
])('a key set with %s is refused', (_name, value) => {
  expect(() => parseKeySet(value)).toThrow()
})
