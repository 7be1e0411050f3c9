/** Signed updates over real TLS: which servers are believed, and what a connection that breaks off leaves. */
import { canonicalBytes, createSigner, digestOf, randomBytes } from '@latchkey/shared'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signUpdate } from '../../device-agent/src/update/update-manifest.ts'
import { startUpdateServer, type UpdateServer } from '../../infra/machines/update-server.ts'
import { MANIFEST_FILE } from '../../infra/pi/sign-update.ts'
import { ended, start } from '../support/command-line.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

const CHILD = fileURLToPath(new URL('./children/apply-update.ts', import.meta.url))
const SIGNER = createSigner(randomBytes(32))
const FILE = 'latchkey-agent_1.1.0_amd64.deb'
/** More than a connection buffers, so that one that is cut has a beginning. */
const PACKAGE = randomBytes(5_000_000)

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let server: UpdateServer
beforeAll(async () => {
  folder = await createTemporaryFolder()
  const served = join(folder.path, 'served')
  await mkdir(served)
  const files = [{ architecture: 'amd64' as const, file: FILE, sha256: digestOf(PACKAGE), sizeBytes: PACKAGE.length }]
  const update = { v: 1 as const, package: 'latchkey-agent' as const, version: '1.1.0', issuedMs: 1, files }
  await writeFile(join(served, FILE), PACKAGE)
  await writeFile(join(served, MANIFEST_FILE), canonicalBytes(await signUpdate({ update }, SIGNER)))
  server = await startUpdateServer({ folder: served, secrets: join(folder.path, 'secrets') })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

/** What an update from `address` came to, and what lies in the updater's folder afterwards. */
async function updateFrom(name: string, address: string, authority?: string) {
  const state = join(folder.path, name)
  const keys = JSON.stringify({ threshold: 1, keys: [SIGNER.jwk] })
  const words = [process.execPath, CHILD, `${address}/${MANIFEST_FILE}`, state, keys]
  const { stdout, stderr } = await ended(start(words, folder.path, { NODE_EXTRA_CA_CERTS: authority }))
  if (stdout === '') throw new Error(stderr)
  const left = await readdir(state).catch(() => [])
  return {
    ...(JSON.parse(stdout) as { version?: string; code?: string; message?: string; done: string[] }),
    left,
    state,
  }
}

const nothingChanged = { code: 'UNAVAILABLE', done: [], left: [] }

test('an update comes over https from a server whose authority was named', async () => {
  const { version, done, state } = await updateFrom('good', server.origin, server.caFile)
  expect(version).toBe('1.1.0')
  expect(done).toEqual(['pack', `install ${join(state, 'next.deb')}`])
})

test('a certificate of an authority that nobody named is refused, and the words say what to do', async () => {
  const outcome = await updateFrom('untrusted', server.origin)
  expect(outcome).toMatchObject(nothingChanged)
  expect(outcome.message).toMatch(/certificate is not trusted here .*NODE_EXTRA_CA_CERTS=FILE/)
})

test('a certificate for another name is refused', async () => {
  const outcome = await updateFrom('misnamed', server.origin.replace('127.0.0.1', 'localhost'), server.caFile)
  expect(outcome).toMatchObject({ ...nothingChanged, message: expect.stringContaining('for another name') as string })
})

test('a server that points to http is not followed: nobody is asked without TLS', async () => {
  const outcome = await updateFrom('away', `${server.origin}/away`, server.caFile)
  expect(outcome).toMatchObject(nothingChanged)
  expect(outcome.message).toContain('is not followed: update.source must name the place itself')
  expect(outcome.message).not.toContain(server.plainOrigin)
  expect(server.plainRequests).toBe(0)
  // It would have been an update like the good one.
  const followed = await fetch(`${server.plainOrigin}/${MANIFEST_FILE}`)
  expect(digestOf(new Uint8Array(await followed.arrayBuffer()))).toBe(
    digestOf(await readFile(join(folder.path, 'served', MANIFEST_FILE))),
  )
})

test('a connection that is cut in the middle of the package changes nothing, and the next try is whole', async () => {
  const outcome = await updateFrom('cut', `${server.origin}/cut`, server.caFile)
  expect(outcome).toMatchObject(nothingChanged)
  const [, bytes] = /broke off after (\d+) bytes: try again/.exec(outcome.message ?? '')!
  expect(Number(bytes)).toBeGreaterThan(0)
  expect(Number(bytes)).toBeLessThan(PACKAGE.length)
  expect(await updateFrom('cut', server.origin, server.caFile)).toMatchObject({ version: '1.1.0' })
})
