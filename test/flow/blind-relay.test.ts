import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { clipList, decodeBase64url, encodeGeohash, openFile, randomBytes } from '@latchkey/shared'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAgent } from '../../device-agent/src/agent.ts'
import { createLog } from '../../device-agent/src/kernel/log.ts'
import { HOME } from '../../infra/local/demo-home.ts'
import { findFreePort } from '../../infra/local/port.ts'
import {
  byteCanary,
  type Canary,
  MEDIA_CANARIES,
  type Rows,
  scanBytes,
  scanDatabase,
  scanFolder,
  textCanary,
} from '../support/canary-scan.ts'
import { pairAsPhone } from '../support/household.ts'
import { drawScene } from '../support/media-files.ts'
import { eventually } from '../support/poll.ts'
import { createRelayWorld, enrolHousehold, expectStatus, randomSalt } from '../support/relay-world.ts'
import { createTestDatabase } from '../support/relay-database.ts'
import { ROOT } from '../support/source-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { openWithAge, runWalkthrough, type WalkthroughCase } from '../support/walkthrough.ts'

/** Enough of a plaintext that it cannot stand anywhere by chance. */
const HEAD_BYTES = 64
const CAMERA_NAME = 'Front door'

/** What no relay and no doorbell's disk may hold, whatever was recorded. */
const STANDING: readonly Canary[] = [
  ...MEDIA_CANARIES,
  textCanary('the camera’s name', CAMERA_NAME),
  textCanary('an age secret key', 'AGE-SECRET-KEY'),
  ...[HOME[0], HOME[1]].flatMap((degrees) => [
    textCanary('a coordinate of the home', String(Math.abs(degrees))),
    textCanary('a coordinate of the home', (Math.abs(degrees) / 1e6).toFixed(5)),
  ]),
  textCanary('a fine cell of the home', encodeGeohash(HOME[0], HOME[1], 6)),
]

interface ItemKeys {
  readonly items: readonly { readonly index: number; readonly fileKey: string }[]
}

/** The canaries of one walkthrough: what its bundle's items hold, and what opens them. */
async function canariesOf(walk: WalkthroughCase): Promise<Canary[]> {
  const plaintexts = await Promise.all(
    walk.items.map(async (path, i) => {
      const plaintext = await openWithAge(walk, path, 'requester.key')
      return byteCanary(`the plaintext of item ${i}`, plaintext!.subarray(0, HEAD_BYTES))
    }),
  )
  const { items } = JSON.parse(await readFile(join(walk.out, 'opened/item-keys.json'), 'utf8')) as ItemKeys
  const keys = items.map(({ index, fileKey }) => byteCanary(`the file key of item ${index}`, decodeBase64url(fileKey)))
  return [...STANDING, ...plaintexts, ...keys]
}

/** Starts the relay of a walkthrough once more on its data, and gives its database. */
async function reopenDatabase(walk: WalkthroughCase): Promise<Rows & AsyncDisposable> {
  const { relayData } = walk.report.paths
  const args = [join(ROOT, 'relay/src/main.ts'), '--config', join(relayData, '../relay.json')]
  const relay: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  relay.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await eventually(() => output.includes('relay.ready'), 'the relay', 60_000)
  const client = new pg.Client({
    host: join(relayData, 'postgres'),
    user: 'latchkey',
    database: 'latchkey',
    ssl: false,
  })
  await client.connect()
  return {
    query: async <Row extends object>(sql: string) => (await client.query<Row>(sql)).rows,
    async [Symbol.asyncDispose]() {
      await client.end()
      relay.kill('SIGTERM')
      await once(relay, 'exit')
    },
  }
}

describe('the scanner', () => {
  const secret = randomBytes(16)
  const canary = byteCanary('the secret', secret)
  const around = (text: string) => Buffer.from(`{"before":"x","field":"${text}","after":1}`)

  test('finds bytes as they are, in hex and in both base64 alphabets, wherever they begin', () => {
    const noise = () => Buffer.from(randomBytes(1000))
    expect(scanBytes(Buffer.concat([noise(), secret, noise()]), [canary])).toEqual(['the secret'])
    const hex = Buffer.from(secret).toString('hex')
    for (const text of [hex, hex.toUpperCase()]) expect(scanBytes(around(text), [canary])).toEqual(['the secret'])
    for (const encoding of ['base64', 'base64url'] as const)
      for (let before = 0; before < 6; before++) {
        const inside = Buffer.concat([randomBytes(before), secret, randomBytes(7)])
        expect(scanBytes(around(inside.toString(encoding)), [canary]), `${encoding} at ${before}`).toEqual([
          'the secret',
        ])
      }
    expect(scanBytes(Buffer.from(CAMERA_NAME, 'utf16le'), [textCanary('name', CAMERA_NAME)])).toEqual(['name'])
    expect(scanBytes(noise(), [canary, ...STANDING])).toEqual([])
  })

  test('finds the headers of media files, and nothing in megabytes of noise', async () => {
    const jpeg = Buffer.from('ffd8ffe000104a464946', 'hex')
    expect(scanBytes(jpeg, MEDIA_CANARIES)).toEqual(['a JPEG header'])
    await using folder = await createTemporaryFolder()
    const media = await readFile(await drawScene(folder.path))
    expect(scanBytes(media, MEDIA_CANARIES)).toEqual(['an ftyp box', 'a moov box'])
    expect(scanBytes(randomBytes(65_536), MEDIA_CANARIES)).toEqual([])
    const found = await scanFolder(folder.path, MEDIA_CANARIES)
    expect(found).toMatchObject({ files: 1, sightings: [{ name: 'an ftyp box' }, { name: 'a moov box' }] })
  })

  test('finds what the database has packed away, in columns of bytes, of text and of JSON', async () => {
    await using test = await createTestDatabase()
    // Long and regular: PostgreSQL compresses it and puts it into a table of its own.
    await test.database.exec('CREATE TABLE planted (id int, raw bytea, words text, document jsonb)')
    const filler = Buffer.alloc(200_000, 'abc')
    const raw = new Uint8Array(Buffer.concat([filler, secret, filler]))
    const words = `${'x'.repeat(100_000)}${Buffer.from(secret).toString('base64url')}`
    const document = JSON.stringify({ deep: [{ hex: Buffer.from(secret).toString('hex') }] })
    await test.database.query('INSERT INTO planted VALUES (1, $1, NULL, NULL)', [raw])
    await test.database.query('INSERT INTO planted VALUES (2, NULL, $1, NULL)', [words])
    await test.database.query('INSERT INTO planted VALUES (3, NULL, NULL, $1)', [document])
    const { sightings } = await scanDatabase(test.database, [canary])
    expect(sightings.map(({ where }) => where)).toEqual([
      'public.planted.raw',
      'public.planted.words',
      'public.planted.document',
    ])
    // That it looks into rows and not into files is what matters here: packed, the bytes are not there to be seen.
    expect(scanBytes(deflateRawSync(raw), [textCanary('filler', 'abcabcabcabc')])).toEqual([])
  })
})

/** Not H.264, of odd size and uneven pace, with sound: what somebody may have at hand. */
function makeOddVideo(folder: string): string {
  const path = join(folder, 'odd.mkv')
  const pictures = ['-f', 'lavfi', '-i', 'testsrc2=size=321x241:rate=25', '-f', 'lavfi', '-i', 'sine=440']
  const uneven = ['-vf', "select='not(mod(n,3))+gt(mod(n,50),25)'", '-vsync', 'vfr', '-c:v', 'mpeg4', '-c:a', 'aac']
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', ...pictures, ...uneven, '-t', '12', path])
  return path
}

describe('after a whole walkthrough of an odd video', () => {
  let folder: Awaited<ReturnType<typeof createTemporaryFolder>>
  let walk: WalkthroughCase
  let canaries: Canary[]

  beforeAll(async () => {
    folder = await createTemporaryFolder()
    walk = await runWalkthrough(folder.path, makeOddVideo(folder.path))
    canaries = await canariesOf(walk)
  }, 240_000)
  afterAll(() => folder[Symbol.asyncDispose]())

  test('it was coded once and recorded whole, pre-roll and all', () => {
    expect(walk.output).toContain('not H.264: coded once')
    expect(walk.report.clip.preRollMs).toBeGreaterThanOrEqual(5000)
  })

  test('the canaries are real: the opened evidence is full of them', async () => {
    const opened = await scanFolder(join(walk.out, 'opened'), canaries)
    const names = new Set(opened.sightings.map(({ name }) => name))
    const specific = canaries.slice(STANDING.length).map(({ name }) => name)
    expect([...names]).toEqual(expect.arrayContaining([...specific, 'an ftyp box', 'a moov box', 'a moof box']))
    expect(specific).toHaveLength(2 * walk.items.length)
  })

  test.each(['relayData', 'agentData'] as const)('%s holds nothing that tells what was recorded', async (room) => {
    const { sightings, files, bytes } = await scanFolder(walk.report.paths[room], canaries)
    expect(sightings).toEqual([])
    expect(files).toBeGreaterThan(4)
    if (room === 'relayData') expect(bytes).toBeGreaterThan(walk.report.clip.bytes)
  })

  test('the logs hold nothing of it either', async () => {
    const { sightings, files } = await scanFolder(join(walk.report.paths.relayData, '../logs'), canaries)
    expect(sightings).toEqual([])
    expect(files).toBe(2)
  })

  test('no value of any table tells it', async () => {
    await using database = await reopenDatabase(walk)
    const { sightings, tables, rows, bytes } = await scanDatabase(database, canaries)
    expect(sightings).toEqual([])
    expect(tables).toBeGreaterThan(10)
    expect(rows).toBeGreaterThan(walk.report.clip.items)
    expect(bytes).toBeGreaterThan(10_000)
  })
})

/** Passes bytes on in both directions and keeps them: what it saw is all that the broker can know of a doorbell. */
async function startRecordingProxy(targetPort: () => number) {
  const seen: Buffer[] = []
  const sockets = new Set<Socket>()
  const server = createServer((inner) => {
    const outer = connect(targetPort(), '127.0.0.1')
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
      from.on('data', (chunk: Buffer) => {
        seen.push(chunk)
        to.write(chunk)
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    bytes: () => Buffer.concat(seen),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('nothing that a doorbell says to the broker, and so nothing that the broker keeps, tells what was recorded', async () => {
  const brokerPort = await findFreePort()
  await using proxy = await startRecordingProxy(() => brokerPort)
  const broker = { host: '127.0.0.1', port: brokerPort, url: `mqtt://127.0.0.1:${proxy.port}` }
  await using world = await createRelayWorld({ config: { broker } })
  const household = await enrolHousehold(world)
  const { owner, root, recovery, keyset } = household
  const camera = { source: await drawScene(world.folder), name: CAMERA_NAME, rate: 40 }
  const config = { dataDir: `${world.folder}/agent`, camera, relay: { origin: world.relay.publicOrigin } }
  const agent = await createAgent(config, { pairingPollMs: 5, retryBaseMs: 20, log: createLog({ level: 'silent' }) })
  const url = await eventually(() => {
    const { pairing } = agent.status()
    return pairing.kind === 'unpaired' ? pairing.url : null
  }, 'a pairing code')
  const phone = { root, member: owner.signer, phone: owner.identity, recovery, keyset: keyset.raw }
  const { answer, hello } = await pairAsPhone(phone, url)
  const json = { deviceCertificate: answer.deviceCertificate, hello, salt: randomSalt() }
  await expectStatus(await owner.client.send('POST', '/v1/devices', { json }), 201)
  await agent.captured
  expect(await agent.drained(20_000)).toBe(true)
  const { clips } = await owner.client.json('GET', '/v1/clips', clipList)
  const [clip] = clips
  const plaintexts = await Promise.all(
    clip!.descriptors.map(async ({ index, kind }) => {
      const body = await owner.client.bytes('GET', `/v1/clips/${clip!.clip}/items/${index}`)
      return byteCanary(`the plaintext of ${kind} ${index}`, openFile(body, owner.identity).subarray(0, HEAD_BYTES))
    }),
  )
  await agent[Symbol.asyncDispose]()
  const traffic = proxy.bytes()
  // It did see the traffic: the event that names the clip, and the state it leaves retained.
  expect(traffic.includes(clip!.clip)).toBe(true)
  expect(traffic.includes('available')).toBe(true)
  expect(scanBytes(traffic, [...STANDING, ...plaintexts])).toEqual([])
}, 120_000)
