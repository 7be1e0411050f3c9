/** Real witnesses beside a real relay: nothing is published that they have not cosigned, and a log that lies is caught. */
import { type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import {
  encodeAddCheckpoint,
  encodeSkey,
  encodeVkey,
  hashLeaf,
  logTrustOf,
  openCheckpoint,
  parseSkey,
  rootOfLeaves,
  signCheckpoint,
  trust,
  utf8,
} from '@latchkey/shared'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFreePort } from '../../infra/local/port.ts'
import { loadConfig } from '../../relay/src/config.ts'
import { createLog } from '../../relay/src/kernel/log.ts'
import { createRelay, type Relay } from '../../relay/src/relay.ts'
import { latchkey, startLatchkey } from '../support/command-line.ts'
import { eventually } from '../support/poll.ts'
import { createWorldAround, createWorldTerms } from '../support/kill-world.ts'
import { enrolHousehold, type RelayWorld } from '../support/relay-world.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

interface RunningWitness {
  readonly child: ChildProcess
  readonly url: string
  /** What it printed. */
  readonly lines: readonly string[]
}

const NAMES = ['one', 'two'] as const

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
let relay: Relay
let world: RelayWorld
const ports = new Map<string, number>()
const vkeys = new Map<string, string>()
const running = new Map<string, RunningWitness>()

/** Starts one; resolves when relays can reach it. */
async function startWitness(name: string): Promise<void> {
  const words = ['--key', `${name}/witness.key`, '--trust', 'trust.json', '--state', `${name}-state`]
  const child = startLatchkey(['witness', ...words, '--listen', `127.0.0.1:${ports.get(name)}`], folder.path)
  child.stderr!.resume()
  const lines: string[] = []
  createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line))
  const url = await eventually(() => /^listens on (.*)$/.exec(lines.at(-1) ?? '')?.[1], 'the witness to listen')
  running.set(name, { child, url, lines })
}

async function stopWitness(name: string): Promise<number | null> {
  const { child } = running.get(name)!
  running.delete(name)
  child.kill('SIGTERM')
  return ((await once(child, 'exit')) as [number | null])[0]
}

const checkpoint = () => world.anyone.bytes('GET', '/log/checkpoint')
const told = () => world.anyone.json('GET', '/v1/trust.json', trust)

/** The relay, on what it left. */
async function startRelay(settings: object): Promise<void> {
  relay = await createRelay(await loadConfig(settings, folder.path), { log: createLog({ level: 'silent' }) })
}

beforeAll(async () => {
  folder = await createTemporaryFolder()
  const { policy, operator } = await createWorldTerms()
  await writeFile(join(folder.path, 'policy.json'), JSON.stringify(policy))
  for (const name of NAMES) {
    const words = ['keygen', 'witness', '--name', `${name}.example/1`, '--out', name]
    const { status, stdout } = await latchkey(words, folder.path)
    expect(status).toBe(0)
    vkeys.set(name, (await readFile(`${folder.path}/${name}/witness.vkey`, 'utf8')).trim())
    expect(stdout).toContain(vkeys.get(name))
    ports.set(name, await findFreePort())
  }
  const port = await findFreePort()
  const origin = `http://127.0.0.1:${port}`
  const at = (number: number) => ({ host: '127.0.0.1', port: number })
  const settings = {
    publicOrigin: origin,
    enrolment: 'open',
    listen: at(port),
    operatorListen: at(0),
    broker: at(0),
    dataDir: join(folder.path, 'relay'),
    policyFile: 'policy.json',
    operatorJwk: operator.jwk,
    log: { batchMs: 10 },
  }
  world = createWorldAround(() => relay, { policy, operator, folder: folder.path, origin })
  // Its log’s key is made at its first start: only then can witnesses be told of it.
  await startRelay(settings)
  await writeFile(join(folder.path, 'trust.json'), JSON.stringify(await told()))
  await relay[Symbol.asyncDispose]()
  for (const name of NAMES) await startWitness(name)
  const witnesses = NAMES.map((name) => ({ url: running.get(name)!.url, vkey: vkeys.get(name)! }))
  await startRelay({ ...settings, log: { ...settings.log, witnesses, quorum: 2 } })
}, 60_000)
afterAll(async () => {
  await relay[Symbol.asyncDispose]()
  for (const name of [...running.keys()]) await stopWitness(name)
  await folder[Symbol.asyncDispose]()
})

test('every checkpoint that is published has the cosignatures that the trust file asks for', async () => {
  const { keyset } = await enrolHousehold(world)
  expect(keyset.digest).toMatch(/^[\w-]{43}$/)
  const trusted = await told()
  expect(trusted).toMatchObject({ quorum: 2, witnesses: NAMES.map((name) => vkeys.get(name)) })
  const opened = openCheckpoint(await checkpoint(), logTrustOf(trusted))
  expect(opened.witnesses.map(({ key }) => key.name).sort()).toEqual(['one.example/1', 'two.example/1'])
  const age = Date.now() / 1000 - opened.witnesses[0]!.timestampS!
  expect(Math.abs(age)).toBeLessThan(60)
})

test('while a witness is away nothing new is published, and nothing is lost; one that forgot nothing goes on', async () => {
  const before = await checkpoint()
  expect(await stopWitness('two')).toBe(143)
  const { lines } = running.get('one')!
  const cosigned = () => lines.filter((line) => line.endsWith(' cosigned')).length
  const cosignedBefore = cosigned()
  const waiting = enrolHousehold(world)
  let isDone = false
  void waiting.then(() => (isDone = true))
  await eventually(() => cosigned() > cosignedBefore + 1, 'the one that is there to be asked again')
  expect(isDone).toBe(false)
  expect(await checkpoint()).toEqual(before)
  await startWitness('two')
  const { owner } = await waiting
  expect((await owner.client.send('GET', '/v1/keysets')).status).toBe(200)
  expect(openCheckpoint(await checkpoint(), logTrustOf(await told())).size).toBeGreaterThan(
    openCheckpoint(before, logTrustOf(await told())).size,
  )
})

test('a log that shows another tree is caught by one honest witness at once, and its two words are kept', async () => {
  const [logVkey] = (await told()).logs
  const held = openCheckpoint(await checkpoint(), logTrustOf(await told()))
  // Whoever runs the relay has its key: another tree of the same size, as well signed.
  const secret = parseSkey((await readFile(join(folder.path, 'relay', 'secrets', 'log-note.key'), 'utf8')).trim())
  expect(encodeVkey(secret.key)).toBe(logVkey)
  const leaves = Array.from({ length: held.size }, (_, i) => hashLeaf(utf8(`other leaf ${i}`)))
  const raw = await signCheckpoint({ origin: held.origin, size: held.size, root: rootOfLeaves(leaves) }, secret)
  const body = encodeAddCheckpoint({ oldSize: held.size, consistency: [], raw }) as Uint8Array<ArrayBuffer>
  const answer = await fetch(`${running.get('one')!.url}/add-checkpoint`, { method: 'POST', body })
  expect([answer.status, await answer.text()]).toEqual([409, `${held.size}\n`])
  const names = await readdir(join(folder.path, 'one-state'))
  const sides = names.filter((name) => name.includes('.forked-')).sort()
  expect(sides.map((name) => name.split('.')[1])).toEqual(['forked-held', 'forked-refused'])
  const both = await Promise.all(sides.map((name) => readFile(join(folder.path, 'one-state', name))))
  const { logs } = logTrustOf(await told())
  const opened = both.map((bytes) => openCheckpoint(new Uint8Array(bytes), { logs }))
  expect(opened[0]!.size).toBe(opened[1]!.size)
  expect(opened[0]!.root).not.toEqual(opened[1]!.root)
})

test('a second witness on the same memory is refused, and so is a key that is none', async () => {
  const words = ['witness', '--trust', 'trust.json', '--listen', '127.0.0.1:0']
  const twice = await latchkey([...words, '--key', 'one/witness.key', '--state', 'one-state'], folder.path)
  expect(twice).toMatchObject({ status: 2, stderr: expect.stringContaining('another witness uses') })
  await writeFile(`${folder.path}/log.key`, encodeSkey('log.example', new Uint8Array(32).fill(5)))
  const wrong = await latchkey([...words, '--key', 'log.key', '--state', 'three-state'], folder.path)
  expect(wrong).toMatchObject({ status: 1, stderr: expect.stringContaining('not a witness’s key') })
})
