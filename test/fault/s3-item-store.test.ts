/** The item store on a real S3 server, and a relay that stands on it, over lines that are good and bad. */
import {
  CreateBucketCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { holdings, type LatchkeyError, randomBytes, splitAgeFile } from '@latchkey/shared'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ItemStore } from '../../relay/src/flow.ts'
import { systemClock } from '../../relay/src/kernel/clock.ts'
import { createS3ItemStore, type S3ItemStoreOptions } from '../../relay/src/store/s3-item-store.ts'
import type { Line } from '../support/bad-line.ts'
import {
  chunks,
  describeItemStore,
  expectationOf,
  itemBody,
  KEY,
  keysOf,
  readItem,
} from '../support/item-store-contract.ts'
import { consentLogged, takeDownload } from '../support/given-clip.ts'
import { eventually } from '../support/poll.ts'
import {
  codeOf,
  createCase,
  createRelayWorld,
  enrolDevice,
  enrolHousehold,
  expectStatus,
  type OwnRelayWorld,
  putItem,
  randomId,
  sealClip,
} from '../support/relay-world.ts'
import { createS3Rig, type S3Rig } from '../support/s3-rig.ts'
import { createTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts'

const LINES: readonly (readonly [string, Line])[] = [
  ['says nothing', { kind: 'silent' }],
  ['answers that it is busy', { kind: 'busy' }],
  ['breaks while the item goes up', { kind: 'cutting', way: 'up', afterBytes: 30_000 }],
  ['breaks before the answer', { kind: 'cutting', way: 'down', afterBytes: 0 }],
]

let rig: S3Rig
let spool: TemporaryFolder
let tests = 0
const opened: Disposable[] = []
beforeAll(async () => {
  rig = await createS3Rig()
})
afterAll(() => rig[Symbol.asyncDispose]())
beforeEach(async () => {
  tests += 1
  spool = await createTemporaryFolder()
})
afterEach(async () => {
  rig.line.become({ kind: 'good' })
  opened.splice(0).forEach((store) => store[Symbol.dispose]())
  await spool[Symbol.asyncDispose]()
})

async function open(change: Partial<S3ItemStoreOptions> = {}): Promise<ItemStore> {
  const place = { ...rig.place(`test-${tests}/`), ...change }
  const store = await createS3ItemStore({ ...place, spoolFolder: spool.path, clock: systemClock })
  opened.push(store)
  return store
}

/** What the server itself has, of this test unless told otherwise. */
async function objects(prefix = `test-${tests}/`): Promise<string[]> {
  const { Contents = [] } = await rig.client.send(
    new ListObjectsV2Command({ Bucket: rig.place('').bucket, Prefix: prefix }),
  )
  return Contents.map(({ Key }) => Key!)
}

describeItemStore('in a bucket', { open, leftovers: () => readdir(spool.path) })

describe('the item store in a bucket, besides', () => {
  it('lists more than a page, and nothing that is no item', async () => {
    const store = await open()
    const numbers = Array.from({ length: 1_005 }, (_, n) => n)
    const lanes = Array.from({ length: 8 }, async (_, lane) => {
      for (const n of numbers.filter((one) => one % 8 === lane))
        await store.put(`clips/${n}`, itemBody(n % 256, 3), expectationOf(itemBody(n % 256, 3)))
    })
    await Promise.all(lanes)
    const { bucket: Bucket, prefix } = rig.place(`test-${tests}/`)
    for (const name of ['clips/.hidden', 'clips/with space', 'clips//1'])
      await rig.client.send(new PutObjectCommand({ Bucket, Key: prefix + name, Body: itemBody(1) }))
    expect(await keysOf(store, 'clips/')).toEqual(numbers.map((n) => `clips/${n}`).toSorted())
  })

  it('takes and gives a large item as a stream', async () => {
    const store = await open()
    const part = randomBytes(1_000_003)
    const whole = Buffer.concat(Array.from({ length: 24 }, () => part))
    const body = chunks(...Array.from({ length: 24 }, () => part))
    expect(await store.put(KEY, body, expectationOf(whole))).toBe('stored')
    expect(await readdir(spool.path)).toEqual([])
    expect(Buffer.compare(await readItem(store, KEY), whole)).toBe(0)
  })

  it('leaves nothing of its trial behind', async () => {
    await open()
    expect(await objects()).toEqual([])
  })
})

describe('a place that cannot be used is refused at the start, and the words say what to change', () => {
  const refusal = async (change: Partial<S3ItemStoreOptions>): Promise<unknown> =>
    open(change).then(
      () => null,
      (error: unknown) => {
        const { code, message } = error as LatchkeyError
        return `${code} ${message}`
      },
    )

  it('no such bucket', async () => {
    expect(await refusal({ bucket: 'not-there' })).toMatch(/^CONFIG_INVALID .*no such bucket.*store\.bucket/)
  })

  it('keys of nobody, without saying them', async () => {
    const credentials = { ...rig.rgw.credentials, secretAccessKey: 'canary-of-a-secret' }
    const words = await refusal({ credentials })
    expect(words).toMatch(/^CONFIG_INVALID .*store\.credentialsFile/)
    expect(words).not.toContain('canary')
  })

  it('a bucket that keeps what is deleted', async () => {
    const Bucket = 'versions'
    await rig.client.send(new CreateBucketCommand({ Bucket }))
    await rig.client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }))
    expect(await refusal({ bucket: Bucket })).toMatch(/^CONFIG_INVALID .*keeps versions/)
  })

  it('a server that takes everything', async () => {
    const server = createServer((request, response) => {
      request.resume()
      request.on('end', () => response.end())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    expect(await refusal({ endpoint })).toMatch(/^CONFIG_INVALID .*does not check/)
    server.closeAllConnections()
    server.close()
  })

  it('nobody there', async () => {
    rig.line.become({ kind: 'cutting', way: 'up', afterBytes: 0 })
    expect(await refusal({})).toMatch(/^UNAVAILABLE /)
  })
})

describe('over a bad line', () => {
  const bytes = randomBytes(60_000)
  it.each(LINES)(
    'that %s, a put is refused for now, no part of the item is there, and it can be put again',
    async (_, line) => {
      const store = await open({ timeoutMs: 500 })
      rig.line.become(line)
      await expect(store.put(KEY, bytes, expectationOf(bytes))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      rig.line.become({ kind: 'good' })
      expect(['stored', 'already']).toContain(await store.put(KEY, bytes, expectationOf(bytes)))
      expect(Buffer.compare(await readItem(store, KEY), bytes)).toBe(0)
      expect(await objects()).toEqual([`test-${tests}/${KEY}`])
    },
  )

  it.each(LINES)('that %s, reading, deleting and listing are refused for now', async (_, line) => {
    const store = await open({ timeoutMs: 500 })
    await store.put(KEY, bytes, expectationOf(bytes))
    rig.line.become(line.kind === 'cutting' ? { ...line, way: 'down', afterBytes: 0 } : line)
    for (const deed of [() => store.get(KEY), () => store.delete(KEY), () => keysOf(store)])
      await expect(deed()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    rig.line.become({ kind: 'good' })
    expect(Buffer.compare(await readItem(store, KEY), bytes)).toBe(0)
  })

  it('that breaks in the middle of an item, the reader is told', async () => {
    const store = await open()
    await store.put(KEY, bytes, expectationOf(bytes))
    rig.line.become({ kind: 'cutting', way: 'down', afterBytes: 20_000 })
    await expect(readItem(store, KEY)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('that falls silent in the middle of an item, the reader is told', async () => {
    const store = await open({ timeoutMs: 500 })
    const large = randomBytes(20_000_000)
    await store.put(KEY, large, expectationOf(large))
    const { stream } = await store.get(KEY)
    await once(stream, 'readable')
    rig.line.become({ kind: 'silent' })
    await expect(stream.toArray()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})

describe('a relay whose items lie in a bucket', () => {
  const PREFIX = 'relay/'
  let world: OwnRelayWorld
  beforeAll(async () => {
    world = await createRelayWorld({ config: { store: rig.configuration(PREFIX), retentionDays: 1 } })
  })
  afterAll(() => world[Symbol.asyncDispose]())

  const objectsOf = async (clip: string): Promise<string[]> =>
    (await objects(PREFIX)).filter((key) => key.includes(`/${clip}/`))
  /** Runs the jobs until nothing of these is in the bucket. */
  const gone = (left: () => Promise<readonly string[]>): Promise<true> =>
    eventually(async () => {
      world.clock.tick()
      return (await left()).length === 0
    }, 'the objects to be gone')

  it('gives a consented clip byte for byte and as a bundle, and has none of it on its own disk', async () => {
    const subject = await createCase(world)
    const { clip, bodies } = subject.clip
    expect(await objectsOf(clip)).toHaveLength(bodies.length)
    const { download } = await takeDownload(subject, await consentLogged(world, subject))
    const { client } = subject.investigator
    const released = splitAgeFile(await client.bytes('GET', `/v1/downloads/${download}/items/1`))
    expect(Buffer.compare(released.payload, splitAgeFile(bodies[1]!).payload)).toBe(0)
    const zip = await client.bytes('GET', `/v1/downloads/${download}/bundle.zip`)
    expect(Buffer.from(zip).includes(Buffer.from(splitAgeFile(bodies[1]!).payload))).toBe(true)
    expect(await readdir(join(world.folder, 'data'))).not.toContain('items')
    const { places } = await world.anyone.json('GET', '/v1/holdings', holdings)
    expect(places[0]).toMatchObject({ place: 'items, an object store' })
    expect(JSON.stringify(places)).not.toContain(rig.place('').bucket)
  })

  it('deletes from the bucket what an owner deletes, also when the line is bad at that moment', async () => {
    const subject = await createCase(world)
    const { clip } = subject.clip
    rig.line.become({ kind: 'busy' })
    await subject.household.owner.client.send('DELETE', `/v1/clips/${clip}`)
    expect(await objectsOf(clip)).toHaveLength(subject.clip.bodies.length)
    rig.line.become({ kind: 'good' })
    await gone(() => objectsOf(clip))
  })

  it('tells a doorbell to come again while the line is bad, loses nothing it gave a receipt for, and recovers by itself', async () => {
    const household = await enrolHousehold(world)
    const device = await enrolDevice(world, household)
    const { bodies, descriptors } = sealClip(household, { media: 3, startMs: world.clock.nowMs(), bytes: 60_000 })
    const clip = randomId()
    const send = (index: number) => putItem(device, clip, index, bodies[index]!, descriptors[index]!.payloadSha256)
    for (const [index, [, line]] of LINES.entries()) {
      rig.line.become(line)
      expect(await codeOf(send(index))).toBe('UNAVAILABLE')
      rig.line.become({ kind: 'good' })
      await expectStatus(await send(index), 201)
    }
    const { client } = household.owner
    for (const index of LINES.keys())
      expect(Buffer.compare(await client.bytes('GET', `/v1/clips/${clip}/items/${index}`), bodies[index]!)).toBe(0)
    expect(await objectsOf(clip)).toHaveLength(LINES.length)
  })

  it('removes what had its time, and what nobody was ever told of', async () => {
    const orphan = `${PREFIX}items/nobody/${randomId()}/0-orphan`
    await rig.client.send(new PutObjectCommand({ Bucket: rig.place('').bucket, Key: orphan, Body: 'orphan' }))
    const subject = await createCase(world)
    expect(await objectsOf(subject.clip.clip)).toHaveLength(subject.clip.bodies.length)
    world.clock.tick()
    world.clock.shift(25 * 3_600_000)
    await gone(() => objectsOf(subject.clip.clip))
    await eventually(async () => {
      world.clock.shift(25 * 3_600_000)
      world.clock.tick()
      return !(await objects(PREFIX)).includes(orphan)
    }, 'the orphan to be gone')
  })
})
