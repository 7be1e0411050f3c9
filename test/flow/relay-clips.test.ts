import {
  clipList,
  clipManifest,
  type ClipManifest,
  concatBytes,
  dayList,
  dayRecord,
  digestOf,
  digestOfJws,
  MAX_ITEM_BYTES,
  randomBytes,
} from '@latchkey/shared'
import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listenAs } from '../support/event-stream.ts'
import { eventually } from '../support/poll.ts'
import {
  codeOf,
  consentPlan,
  createCase,
  createRelayWorld,
  type Device,
  draftManifest,
  enrolDevice,
  enrolHousehold,
  expectStatus,
  type Household,
  itemHeaders,
  postConsent,
  putItem,
  randomId,
  randomSalt,
  type RelayWorld,
  sealClip,
  signConsent,
  uploadClip,
} from '../support/relay-world.ts'

const DAY_MS = 24 * 3_600_000
let world: RelayWorld
let household: Household
let device: Device
beforeAll(async () => {
  world = await createRelayWorld()
  household = await enrolHousehold(world)
  device = await enrolDevice(world, household)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

const sealed = () => sealClip(household, { media: 2, startMs: world.clock.nowMs() - 60_000 })

async function uploadItems(clip: string, subject: ReturnType<typeof sealed>): Promise<void> {
  for (const [index, body] of subject.bodies.entries())
    await expectStatus(await putItem(device, clip, index, body, subject.descriptors[index]!.payloadSha256), 201)
}

async function putManifest(clip: string, payload: ClipManifest, descriptors: readonly unknown[]): Promise<Response> {
  const manifest = await clipManifest.encode(payload, device.signer)
  return device.client.send('PUT', `/v1/clips/${clip}/manifest`, { json: { manifest, descriptors } })
}

async function clipsOf(party: Household): Promise<{ clip: string; cursor: number; manifest: string }[]> {
  const { clips } = (await expectStatus(await party.owner.client.send('GET', '/v1/clips'), 200)) as {
    clips: { clip: string; cursor: number; manifest: string }[]
  }
  return clips
}

describe('an item upload', () => {
  it('gets the same receipt again for the same bytes', async () => {
    const clip = randomId()
    const { bodies, descriptors } = sealed()
    const send = () => putItem(device, clip, 0, bodies[0]!, descriptors[0]!.payloadSha256)
    const first = await expectStatus(await send(), 201)
    expect(await expectStatus(await send(), 201)).toEqual(first)
  })

  it('is refused when other bytes hold the index', async () => {
    const clip = randomId()
    const { bodies, descriptors } = sealed()
    await expectStatus(await putItem(device, clip, 0, bodies[0]!, descriptors[0]!.payloadSha256), 201)
    expect(await codeOf(putItem(device, clip, 0, bodies[1]!, descriptors[1]!.payloadSha256))).toBe('ITEM_CONFLICT')
  })

  it('is refused when it is no age file, has another payload than stated, or states none', async () => {
    const clip = randomId()
    const { bodies, descriptors } = sealed()
    const digest = descriptors[0]!.payloadSha256
    expect(await codeOf(putItem(device, clip, 0, randomBytes(500), digest))).toBe('AGE_HEADER_INVALID')
    expect(await codeOf(putItem(device, clip, 0, bodies[1]!, digest))).toBe('ITEM_INVALID')
    const truncated = bodies[0]!.subarray(0, bodies[0]!.length - descriptors[0]!.payloadBytes + 20)
    expect(await codeOf(putItem(device, clip, 0, truncated, digest))).toBe('ITEM_INVALID')
    const bare = device.client.send('PUT', `/v1/clips/${clip}/items/0`, { bytes: bodies[0]! })
    expect(await codeOf(bare)).toBe('PRECONDITION_REQUIRED')
    expect(await codeOf(putItem(device, clip, 4096, bodies[0]!, digest))).toBe('NOT_FOUND')
  })

  it('is refused above eight megabytes', async () => {
    const body = new Uint8Array(MAX_ITEM_BYTES + 1)
    expect(await codeOf(putItem(device, randomId(), 0, body, digestOf(body)))).toBe('MESSAGE_TOO_LARGE')
  })

  it('takes one item from many senders of the same bytes at once', async () => {
    const clip = randomId()
    const { bodies, descriptors } = sealed()
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => putItem(device, clip, 1, bodies[1]!, descriptors[1]!.payloadSha256)),
    )
    expect(
      new Set(await Promise.all(answers.map(async (answer) => JSON.stringify(await expectStatus(answer, 201))))),
    ).toHaveLength(1)
  })
})

describe('a manifest', () => {
  it('makes the clip visible to its household, and to no other', async () => {
    const clip = await uploadClip(world, { household, device })
    expect((await clipsOf(household)).map((entry) => entry.clip)).toContain(clip.clip)
    const other = await enrolHousehold(world)
    expect(await clipsOf(other)).toEqual([])
    for (const path of [`/v1/clips/${clip.clip}/headers`, `/v1/clips/${clip.clip}/items/0`]) {
      expect((await household.owner.client.send('GET', path)).status).toBe(200)
      expect(await codeOf(other.owner.client.send('GET', path))).toBe('NOT_FOUND')
    }
    expect(await codeOf(other.owner.client.send('DELETE', `/v1/clips/${clip.clip}`))).toBe('NOT_FOUND')
    expect(await household.owner.client.bytes('GET', `/v1/clips/${clip.clip}/items/1`)).toEqual(
      new Uint8Array(clip.bodies[1]!),
    )
  })

  it('is refused before its items, with another root, and with items other than the stored ones', async () => {
    const clip = randomId()
    const subject = sealed()
    const payload = draftManifest(world, { household, device }, { clip, descriptors: subject.descriptors })
    expect(await codeOf(putManifest(clip, payload, subject.descriptors))).toBe('MANIFEST_INVALID')
    await uploadItems(clip, subject)
    const [first, ...rest] = subject.descriptors
    expect(await codeOf(putManifest(clip, payload, [{ ...first!, startMs: 5 }, ...rest]))).toBe('MANIFEST_INVALID')
    const other = sealed()
    const foreign = draftManifest(world, { household, device }, { clip, descriptors: other.descriptors })
    expect(await codeOf(putManifest(clip, foreign, other.descriptors))).toBe('MANIFEST_INVALID')
    expect(await codeOf(putManifest(randomId(), payload, subject.descriptors))).toBe('MANIFEST_INVALID')
  })

  it('grows by revisions that extend it, and stays as it is once final', async () => {
    const clip = randomId()
    const subject = sealed()
    await uploadItems(clip, subject)
    const part = subject.descriptors.slice(0, 2)
    const base = draftManifest(world, { household, device }, { clip, descriptors: subject.descriptors })
    const open = draftManifest(world, { household, device }, { clip, descriptors: part })
    const same = { event: base.latchkey.event, boot: base.latchkey.boot }
    const first: ClipManifest = { ...open, latchkey: { ...open.latchkey, ...same, open: true, previous: null } }
    const final: ClipManifest = { ...base, latchkey: { ...base.latchkey, revision: 2 } }
    const receipt = await expectStatus(await putManifest(clip, first, part), 201)
    expect(await expectStatus(await putManifest(clip, first, part), 201)).toEqual(receipt)
    const moved: ClipManifest = { ...final, latchkey: { ...final.latchkey, event: randomId() } }
    expect(await codeOf(putManifest(clip, moved, subject.descriptors))).toBe('MANIFEST_CONFLICT')
    await expectStatus(await putManifest(clip, final, subject.descriptors), 201)
    const later: ClipManifest = { ...final, latchkey: { ...final.latchkey, revision: 3 } }
    expect(await codeOf(putManifest(clip, later, subject.descriptors))).toBe('MANIFEST_CONFLICT')
    const rival: ClipManifest = { ...final, latchkey: { ...final.latchkey, software: 'other/1' } }
    expect(await codeOf(putManifest(clip, rival, subject.descriptors))).toBe('MANIFEST_CONFLICT')
    device.finals.push(clipManifest.parse(await clipManifest.encode(final, device.signer)))
    const listed = (await clipsOf(household)).filter((entry) => entry.clip === clip)
    expect(listed.map((entry) => clipManifest.parse(entry.manifest).payload.latchkey.revision)).toEqual([2])
  })

  it('cannot take the sequence number of another clip, nor skip the one before', async () => {
    await uploadClip(world, { household, device })
    const clip = randomId()
    const subject = sealed()
    await uploadItems(clip, subject)
    const payload = draftManifest(world, { household, device }, { clip, descriptors: subject.descriptors })
    const { sequence } = payload.latchkey
    const twin: ClipManifest = { ...payload, latchkey: { ...payload.latchkey, sequence: sequence - 1 } }
    expect(await codeOf(putManifest(clip, twin, subject.descriptors))).toBe('MANIFEST_CONFLICT')
    const unchained: ClipManifest = { ...payload, latchkey: { ...payload.latchkey, previous: randomSalt() } }
    expect(await codeOf(putManifest(clip, unchained, subject.descriptors))).toBe('MANIFEST_CONFLICT')
  })

  it('is refused when another device signed it', async () => {
    const clip = randomId()
    const subject = sealed()
    await uploadItems(clip, subject)
    const payload = draftManifest(world, { household, device }, { clip, descriptors: subject.descriptors })
    const other = await enrolDevice(world, household)
    const manifest = await clipManifest.encode(payload, other.signer)
    const json = { manifest, descriptors: subject.descriptors }
    expect(await codeOf(device.client.send('PUT', `/v1/clips/${clip}/manifest`, { json }))).toBe('SIGNATURE_INVALID')
    expect(await codeOf(other.client.send('PUT', `/v1/clips/${clip}/manifest`, { json }))).toBe('SIGNATURE_INVALID')
  })
})

/** A day record of a minute, and its salt. */
async function signDay(own: RelayWorld, { home, pi }: { home: Household; pi: Device }) {
  const toMs = own.clock.nowMs()
  const fromMs = toMs - 60_000
  const raw = await dayRecord.encode(
    {
      iss: pi.signer.urn,
      iat: own.nowSeconds(),
      latchkey: {
        v: 1,
        deviceCertificate: digestOfJws(pi.certificate),
        epoch: 1,
        fromMs,
        toMs,
        boot: randomId(),
        keyset: home.keyset.digest,
        manifests: { first: 0, last: 0, head: null },
        events: { stream: randomId(), first: 0, last: 0, sha256: randomSalt() },
        watching: [{ fromMs, toMs, state: 'on' }],
        seen: null,
      },
    },
    pi.signer,
  )
  return { raw, path: `/v1/days/${digestOfJws(raw)}`, json: { day: raw, salt: randomSalt() } }
}

const toldDays = async ({ owner }: Household) => (await owner.client.json('GET', '/v1/days', dayList)).days

describe('a day record', () => {
  it('gets a receipt, the same again for the same bytes, and is told to its household alone', async () => {
    const { raw, path, json } = await signDay(world, { home: household, pi: device })
    const first = await expectStatus(await device.client.send('PUT', path, { json }), 201)
    expect(await expectStatus(await device.client.send('PUT', path, { json }), 201)).toEqual(first)
    expect(await codeOf(device.client.send('PUT', `/v1/days/${randomSalt()}`, { json }))).toBe('DAY_INVALID')
    expect(await toldDays(household)).toEqual([raw])
    expect(await toldDays(await enrolHousehold(world))).toEqual([])
  })
})

describe('a deleted clip', () => {
  it('is gone with its headers, and a late upload does not bring it back', async () => {
    const clip = await uploadClip(world, { household, device })
    const path = `/v1/clips/${clip.clip}`
    expect((await household.owner.client.send('DELETE', path)).status).toBe(204)
    expect((await household.owner.client.send('DELETE', path)).status).toBe(204)
    expect(await codeOf(household.owner.client.send('GET', `${path}/headers`))).toBe('NOT_FOUND')
    expect(await codeOf(household.owner.client.send('GET', `${path}/items/0`))).toBe('NOT_FOUND')
    const again = putItem(device, clip.clip, 0, clip.bodies[0]!, clip.descriptors[0]!.payloadSha256)
    expect(await codeOf(again)).toBe('NOT_FOUND')
    expect((await clipsOf(household)).map((entry) => entry.clip)).not.toContain(clip.clip)
  })
})

describe('a broker login', () => {
  it('opens the device its own topics, and nothing to anyone else', async () => {
    const answer = await expectStatus(await device.client.send('POST', '/v1/mqtt-credentials'), 200)
    const { username, password, url } = answer as { username: string; password: string; url: string }
    expect(username).toBe(device.device)
    const options = { username, clientId: `${device.device}-1`, reconnectPeriod: 0, connectTimeout: 5_000 }
    const client = await mqtt.connectAsync(url, { ...options, password })
    await client.endAsync()
    await expect(mqtt.connectAsync(url, { ...options, password: `${password}x` })).rejects.toThrow()
  })
})

describe('retention', () => {
  it('drops a clip at the end of its time, items that no manifest names after a day; tells of days for ten', async () => {
    await using own = await createRelayWorld()
    const home = await enrolHousehold(own)
    const pi = await enrolDevice(own, home)
    const clip = await uploadClip(own, { household: home, device: pi })
    const { raw, path, json } = await signDay(own, { home, pi })
    await expectStatus(await pi.client.send('PUT', path, { json }), 201)
    const stray = sealClip(home, { media: 1, startMs: own.clock.nowMs() })
    const strayClip = randomId()
    await expectStatus(await putItem(pi, strayClip, 0, stray.bodies[0]!, stray.descriptors[0]!.payloadSha256), 201)
    const statusOf = async (name: string) => {
      own.clock.tick()
      return (await home.owner.client.send('GET', `/v1/clips/${name}/headers`)).status
    }
    own.clock.shift(DAY_MS + 1_000)
    await eventually(async () => (await statusOf(strayClip)) === 404, 'the stray item to be dropped')
    expect(await statusOf(clip.clip)).toBe(200)
    own.clock.shift(6 * DAY_MS)
    await eventually(async () => (await statusOf(clip.clip)) === 404, 'the clip to be dropped')
    expect(await toldDays(home)).toEqual([raw])
    own.clock.shift(4 * DAY_MS)
    expect(await toldDays(home)).toEqual([])
  })

  it('keeps what an owner keeps for as long as the policy allows, and tells every phone', async () => {
    await using own = await createRelayWorld({ config: { retentionDays: 1 } })
    const owner = own.party()
    const viewer = own.party()
    const home = await enrolHousehold(own, { members: [owner], viewers: [viewer] })
    const pi = await enrolDevice(own, home)
    const names = []
    for (let i = 0; i < 3; i++) names.push((await uploadClip(own, { household: home, device: pi })).clip)
    const [kept, regretted, free] = names as [string, string, string]
    const keep = (clip: string, by = owner) => by.client.send('PUT', `/v1/clips/${clip}/kept`)
    expect(await codeOf(keep(kept, viewer))).toBe('CALLER_REFUSED')
    expect(await codeOf(keep(randomId()))).toBe('NOT_FOUND')
    using told = await listenAs(viewer)
    for (const clip of [kept, kept, regretted]) await expectStatus(await keep(clip), 204)
    await expectStatus(await owner.client.send('DELETE', `/v1/clips/${regretted}/kept`), 204)
    const listed = async () => {
      const { clips, days } = await owner.client.json('GET', '/v1/clips', clipList)
      expect(days).toEqual({ usual: 1, kept: 30 })
      return clips.map((clip) => [clip.clip, clip.kept])
    }
    expect(await listed()).toEqual([
      [kept, true],
      [regretted, false],
      [free, false],
    ])
    await told.line('kept', (line) => !line.kept)
    expect(told.ofType('kept')).toMatchObject([
      { clip: kept, kept: true },
      { clip: regretted, kept: true },
      { clip: regretted, kept: false },
    ])
    const only = (clips: readonly string[], what: string) =>
      eventually(async () => {
        own.clock.tick()
        return JSON.stringify((await listed()).map(([clip]) => clip)) === JSON.stringify(clips)
      }, what)
    own.clock.shift(DAY_MS + 1_000)
    await only([kept], 'the others to be dropped')
    own.clock.shift(28 * DAY_MS)
    await only([kept], 'the kept one to stay')
    own.clock.shift(DAY_MS)
    await only([], 'the end of the longest time')
    expect(await codeOf(keep(kept))).toBe('NOT_FOUND')
  })

  it('keeps a clip that a live consent holds, until the consent has ended', async () => {
    await using own = await createRelayWorld({ config: { retentionDays: 1 } })
    const subject = await createCase(own)
    own.clock.shift(DAY_MS - 60_000)
    const submission = await signConsent(subject, consentPlan(own, subject))
    await expectStatus(await postConsent(subject.household.owner, submission), 201)
    const free = await uploadClip(own, subject)
    own.clock.shift(DAY_MS + 120_000)
    const { client } = subject.household.owner
    const statusOf = async (name: string) => {
      own.clock.tick()
      return (await client.send('GET', `/v1/clips/${name}/headers`)).status
    }
    await eventually(async () => (await statusOf(free.clip)) === 404, 'the free clip to be dropped')
    expect(await statusOf(subject.clip.clip)).toBe(200)
    own.clock.shift(3 * DAY_MS)
    await eventually(async () => (await statusOf(subject.clip.clip)) === 404, 'the held clip to be dropped')
  })
})

describe('a body', () => {
  it('is refused when it is not what its Content-Digest or its proof says', async () => {
    const { bodies, descriptors } = sealed()
    const headers = { ...itemHeaders(descriptors[0]!.payloadSha256) }
    const wrong = concatBytes(bodies[0]!, new Uint8Array(1))
    const forged = fetch(`${world.relay.publicOrigin}/v1/pairings/${randomId()}/hello`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', 'content-digest': `sha-256=:${'A'.repeat(43)}=:` },
      body: '{}',
    })
    expect(await codeOf(forged)).toBe('MESSAGE_INVALID')
    expect(await codeOf(device.client.send('PUT', `/v1/clips/${randomId()}/items/0`, { bytes: wrong, headers }))).toBe(
      'ITEM_INVALID',
    )
  })
})
