/** Whoever looks after the phone app: what is served is what stands in the log, or `latchkey monitor` says what is not. */
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildApp } from '../../relay/web/build.ts'
import { serveApp } from '../../relay/web/static-server.ts'
import { latchkey } from '../support/command-line.ts'
import { createRelayWorld, expectStatus, type OwnRelayWorld } from '../support/relay-world.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

let stack: AsyncDisposableStack
let folder: string
let built: string
let world: OwnRelayWorld

beforeAll(async () => {
  stack = new AsyncDisposableStack()
  folder = stack.use(await createTemporaryFolder()).path
  built = await buildApp('owner')
  const config = { apps: [{ name: 'owner', filesList: join(built, 'app-files.txt') }] }
  world = stack.use(await createRelayWorld({ config }))
  const { status } = await latchkey(['trust', '--from', world.relay.publicOrigin, '--out', 'trust.json'], folder)
  expect(status).toBe(0)
})
afterAll(() => stack.disposeAsync())

/** Serves a copy of the app that somebody changed, and looks at it. */
async function watch(change: (served: string) => Promise<void>, ...more: string[]) {
  await using server = await startServer(change)
  return await latchkey(['monitor', '--app', server.origin, '--trust', 'trust.json', ...more], folder)
}

async function startServer(change: (served: string) => Promise<void>) {
  const served = join(folder, `app-${Math.floor(performance.now() * 1000)}`)
  await cp(built, served, { recursive: true })
  await change(served)
  return serveApp({ folder: served, host: '127.0.0.1', port: 0, relayOrigins: [world.relay.publicOrigin] })
}

const asBuilt = async () => {}
const append = (name: string, text: string) => async (served: string) => {
  const path = join(served, name)
  await writeFile(path, (await readFile(path, 'utf8')) + text)
}

test('an app that is served as it was built passes, with its place in the log', async () => {
  const { status, stdout, stderr } = await watch(asBuilt)
  expect([status, stderr]).toEqual([0, ''])
  const { apps } = await expectStatus(await world.anyone.send('GET', '/v1/apps'), 200)
  const [{ digest, index }] = apps as [{ digest: string; index: number }]
  expect(stdout).toMatch(
    new RegExp(`^owner ${digest}: \\d+ files, entry ${index} of the log, in the hour of 20\\d\\d-`),
  )
  expect(stdout).toMatch(/\nPASS\n$/)
})

test('one byte more in any file is named, and fails', async () => {
  const names = ['index.html', 'service-worker.js', 'latchkey.webmanifest']
  const { status, stderr, stdout } = await watch(async (served) => {
    for (const name of names) await append(name, ' ')(served)
  })
  expect(status).toBe(1)
  const named = names.map((name) => (name === 'index.html' ? '/' : `/${name}`)).sort()
  expect(stderr).toBe(named.map((path) => `APP_INVALID ${path} is not the file that stands in the log\n`).join(''))
  expect(stdout).not.toContain('PASS')
})

test('a list made to fit the changed files was never published', async () => {
  const { status, stderr } = await watch(async (served) => {
    await append('app-files.txt', `${'0'.repeat(64)}  /zz.js\n`)(served)
    await writeFile(join(served, 'zz.js'), 'x')
  })
  expect(status).toBe(1)
  expect(stderr).toContain('was never published')
})

test('a log that is not the trusted one, a relay that is away and a wrong command line are told apart', async () => {
  const other = await readFile(join(folder, 'trust.json'), 'utf8')
  await using stranger = await createRelayWorld()
  const lied = other.replace(/"logs": \[[^\]]*\]/, `"logs": ["${stranger.relay.logVkey}"]`)
  await writeFile(join(folder, 'other.json'), lied)
  await using server = await startServer(asBuilt)
  const at = ['monitor', '--app', server.origin]
  const distrusted = await latchkey([...at, '--trust', 'other.json'], folder)
  expect([distrusted.status, distrusted.stderr]).toEqual([1, expect.stringContaining('CHECKPOINT_INVALID')])
  const away = await latchkey([...at, '--trust', 'trust.json', '--relay', 'http://127.0.0.1:1'], folder)
  expect([away.status, away.stderr]).toEqual([1, expect.stringContaining('UNAVAILABLE')])
  const wrong = await latchkey(['monitor', '--trust', 'trust.json'], folder)
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('one of --log URL and --app URL')])
  const help = await latchkey(['monitor', '--help'], folder)
  expect(help.stdout).toContain('not what it gives to anybody else')
})

test('a restart logs nothing anew', async () => {
  await world.restart()
  const { apps } = await expectStatus(await world.anyone.send('GET', '/v1/apps'), 200)
  expect(apps).toHaveLength(1)
})
