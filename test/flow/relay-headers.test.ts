import {
  ack,
  clipHeaders,
  clipList,
  concatBytes,
  decodeBase64url,
  digestOfJws,
  encodeBase64url,
  generateIdentity,
  keyset,
  type Keyset,
  openFile,
  openHeader,
  parseHeader,
  type Signed,
  utf8,
  wrapHeader,
} from '@latchkey/shared'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listenAs } from '../support/event-stream.ts'
import { eventually } from '../support/poll.ts'
import {
  type Case,
  codeOf,
  consentPlan,
  createCase,
  createRelayWorld,
  expectStatus,
  memberOf,
  type Party,
  postConsent,
  randomId,
  type RelayWorld,
  signConsent,
  uploadClip,
} from '../support/relay-world.ts'

let world: RelayWorld
beforeAll(async () => {
  world = await createRelayWorld()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

/** A household where a second phone came after the clip: it is a member, and opens nothing yet. */
async function withNewPhone(): Promise<{ subject: Case; phone: Party; keyset: Signed<Keyset> }> {
  const subject = await createCase(world)
  const phone = world.party()
  const next = await addMember(subject, subject.household.keyset, phone, 'owner')
  return { subject, phone, keyset: next }
}

async function addMember(subject: Case, before: Signed<Keyset>, phone: Party, role: 'owner' | 'viewer') {
  const { household, device } = subject
  const { iss, latchkey } = before.payload
  const members = [...latchkey.members, memberOf(phone, role)]
  const next = { ...latchkey, version: latchkey.version + 1, previous: before.digest, members }
  const raw = await keyset.encode({ iss, iat: world.nowSeconds(), latchkey: next }, household.owner.signer)
  const press = { v: 1 as const, keyset: digestOfJws(raw), deviceCertificate: null, epoch: 1 }
  const pressed = await ack.encode({ iss: device.signer.urn, iat: world.nowSeconds(), latchkey: press }, device.signer)
  const json = { keyset: raw, ack: pressed }
  await expectStatus(await household.owner.client.send('POST', '/v1/keysets', { json }), 201)
  return keyset.parse(raw)
}

const recipientsOf = ({ payload }: Signed<Keyset>): string[] => [
  ...payload.latchkey.members.map(({ recipient }) => recipient),
  payload.latchkey.recovery,
]

const fetchHeaders = (party: Party, clip: string, which = '') =>
  party.client.json('GET', `/v1/clips/${clip}/headers${which}`, clipHeaders)

/** Two seconds at 4 Mbit/s, as most doorbell cameras send. */
const PIECE_BYTES = 1_000_000

describe('a consent without looking', () => {
  it('moves less than a thousandth of the clip, there and back', async () => {
    const subject = await createCase(world)
    const clip = await uploadClip(world, subject, { media: 8, bytes: PIECE_BYTES })
    const { client } = subject.household.owner
    const path = `/v1/clips/${clip.clip}/headers`
    const answer = await client.send('GET', path)
    expect(answer.headers.get('content-encoding')).toBe('gzip')
    const fetched = Number(answer.headers.get('content-length'))
    const plain = await client.send('GET', path, { headers: { 'accept-encoding': 'identity' } })
    expect(plain.headers.get('content-encoding')).toBeNull()
    const text = await plain.text()
    expect(await answer.text()).toBe(text)
    expect(fetched).toBeLessThan(0.65 * text.length)
    const given = { ...subject, clip }
    const submission = await signConsent(given, consentPlan(world, given))
    expect(submission.headers.length).toBeGreaterThan(8)
    const json = { json: submission, gzip: true }
    expect((await client.send('POST', '/v1/consents', json)).status).toBe(201)
    // Where no route says that it takes packed bodies, none gets past the schemas.
    expect(await codeOf(client.send('POST', '/v1/revocations', json))).toBe('MEDIA_TYPE')
    const moved = fetched + gzipSync(JSON.stringify(submission)).length
    expect(moved).toBeLessThan(clip.bodies.reduce((sum, { length }) => sum + length, 0) / 1_000)
  })
})

/** What a phone does that can open the clip: each file key to all members anew. */
async function rewrap(party: Party, clip: string, recipients: readonly string[]): Promise<Uint8Array[]> {
  const { headers } = await fetchHeaders(party, clip)
  return headers.map(({ header }) =>
    wrapHeader(openHeader(parseHeader(decodeBase64url(header)), party.identity), recipients),
  )
}

const put = (party: Party, at: { clip: string; keyset: string }, headers: readonly Uint8Array[]) =>
  party.client.send('PUT', `/v1/clips/${at.clip}/headers/${at.keyset}`, {
    json: { headers: headers.map((header) => encodeBase64url(header)) },
  })

const fetchItem = (party: Party, clip: string, index: number) =>
  party.client.bytes('GET', `/v1/clips/${clip}/items/${index}`)

async function listedKeyset(party: Party, clip: string): Promise<string | null> {
  const { clips } = await party.client.json('GET', '/v1/clips', clipList)
  return clips.find((entry) => entry.clip === clip)!.headersKeyset
}

describe('a new phone', () => {
  it('opens every item of an older clip once another phone has wrapped its headers anew', async () => {
    const { subject, phone, keyset: next } = await withNewPhone()
    const { clip, plaintexts, bodies } = subject.clip
    const { owner, recovery } = subject.household
    const before = await fetchItem(phone, clip, 0)
    expect(() => openFile(before, phone.identity)).toThrow(expect.objectContaining({ code: 'AGE_NO_MATCH' }) as Error)
    expect(await listedKeyset(phone, clip)).toBeNull()
    using listener = await listenAs(phone)
    const headers = await rewrap(owner, clip, recipientsOf(next))
    expect((await put(owner, { clip, keyset: next.digest }, headers)).status).toBe(204)
    await listener.line('headers', (line) => line.clip === clip && line.keyset === next.digest)
    for (const [index, plaintext] of plaintexts.entries()) {
      const file = await fetchItem(phone, clip, index)
      for (const identity of [phone.identity, owner.identity, recovery])
        expect(openFile(file, identity)).toEqual(plaintext)
      // The payload is the device's, byte for byte.
      const { payloadBytes } = subject.clip.descriptors[index]!
      expect(file.subarray(-payloadBytes)).toEqual(bodies[index]!.subarray(-payloadBytes))
    }
    expect((await fetchHeaders(phone, clip)).keyset).toBe(next.digest)
    expect(await listedKeyset(phone, clip)).toBe(next.digest)
  })

  it('can still have the headers that the device sealed', async () => {
    const { subject, phone, keyset: next } = await withNewPhone()
    const { clip } = subject.clip
    const original = await fetchHeaders(phone, clip)
    const headers = await rewrap(subject.household.owner, clip, recipientsOf(next))
    await put(subject.household.owner, { clip, keyset: next.digest }, headers)
    expect(original.keyset).toBeNull()
    expect(await fetchHeaders(phone, clip, '/original')).toEqual(original)
  })

  it('wraps them anew in its turn, for the keyset after', async () => {
    const { subject, phone, keyset: second } = await withNewPhone()
    const { clip, plaintexts } = subject.clip
    const first = await rewrap(subject.household.owner, clip, recipientsOf(second))
    await put(subject.household.owner, { clip, keyset: second.digest }, first)
    const viewer = world.party()
    const third = await addMember(subject, second, viewer, 'viewer')
    expect(await codeOf(put(phone, { clip, keyset: second.digest }, first))).toBe('KEYSET_SUPERSEDED')
    const headers = await rewrap(phone, clip, recipientsOf(third))
    expect(await codeOf(put(viewer, { clip, keyset: third.digest }, headers))).toBe('CALLER_REFUSED')
    expect((await put(phone, { clip, keyset: third.digest }, headers)).status).toBe(204)
    expect((await put(phone, { clip, keyset: third.digest }, headers)).status).toBe(204)
    expect(openFile(await fetchItem(viewer, clip, 1), viewer.identity)).toEqual(plaintexts[1])
  })
})

describe('headers wrapped anew', () => {
  it('change nothing of a release under way', async () => {
    const { subject, keyset: next } = await withNewPhone()
    const { household, investigator, clip } = subject
    const plan = consentPlan(world, subject, { keyset: next })
    const submission = await signConsent(subject, plan)
    await expectStatus(await postConsent(household.owner, submission), 201)
    const consent = digestOfJws(submission.consent)
    const download = randomId()
    const isReady = async () => {
      const json = { download }
      return (await investigator.client.send('POST', `/v1/releases/${consent}/downloads`, { json })).status === 200
    }
    await eventually(isReady, 'the release')
    const released = () => investigator.client.bytes('GET', `/v1/downloads/${download}/items/1`)
    const before = await released()
    const at = { clip: clip.clip, keyset: next.digest }
    expect((await put(household.owner, at, await rewrap(household.owner, at.clip, recipientsOf(next)))).status).toBe(
      204,
    )
    expect(await released()).toEqual(before)
    expect(openFile(before, investigator.identity)).toEqual(clip.plaintexts[1])
  })

  it('are refused in another number, or in any other form', async () => {
    const { subject, keyset: next } = await withNewPhone()
    const { owner } = subject.household
    const at = { clip: subject.clip.clip, keyset: next.digest }
    const good = await rewrap(owner, at.clip, recipientsOf(next))
    expect(await codeOf(put(owner, at, good.slice(1)))).toBe('ITEM_INVALID')
    expect(await codeOf(put(owner, at, [...good, good[0]!]))).toBe('ITEM_INVALID')
    const first = parseHeader(good[0]!)
    const fileKey = openHeader(first, owner.identity)
    const bad = {
      'one stanza too few': wrapHeader(fileKey, recipientsOf(next).slice(1)),
      'one too many': wrapHeader(fileKey, [...recipientsOf(next), generateIdentity().recipient]),
      'something behind it': concatBytes(good[0]!, utf8('x')),
      'another kind of stanza': utf8(new TextDecoder().decode(good[0]).replace('-> X25519 ', '-> X25518 ')),
      'a stanza with a word more': utf8(new TextDecoder().decode(good[0]).replace('\n', '\r\n')),
      'no header': utf8('x'.repeat(good[0]!.length)),
    }
    for (const [what, header] of Object.entries(bad))
      expect(await codeOf(put(owner, at, [header, ...good.slice(1)])), what).toBe('AGE_HEADER_INVALID')
    expect((await fetchHeaders(owner, at.clip)).keyset).toBeNull()
    expect((await put(owner, at, good)).status).toBe(204)
  })

  it('are the household’s own affair', async () => {
    const { subject, keyset: next } = await withNewPhone()
    const other = await createCase(world)
    const headers = await rewrap(subject.household.owner, subject.clip.clip, recipientsOf(next))
    const { owner, keyset: own } = other.household
    const answers = []
    for (const clip of [subject.clip.clip, randomId()]) {
      answers.push(await (await put(owner, { clip, keyset: own.digest }, headers)).json())
      answers.push(await (await owner.client.send('GET', `/v1/clips/${clip}/headers/original`)).json())
    }
    expect(answers[0]).toMatchObject({ code: 'NOT_FOUND' })
    expect(answers.slice(0, 2)).toEqual(answers.slice(2))
    expect(await codeOf(put(owner, { clip: subject.clip.clip, keyset: next.digest }, headers))).toBe(
      'KEYSET_SUPERSEDED',
    )
  })

  it('go first when a clip is deleted', async () => {
    const { subject, keyset: next } = await withNewPhone()
    const { household, device } = subject
    const { owner } = household
    const { clip } = await uploadClip(world, { household, device }, { media: 1 })
    const headers = await rewrap(owner, clip, recipientsOf(next))
    expect((await put(owner, { clip, keyset: next.digest }, headers)).status).toBe(204)
    expect((await owner.client.send('DELETE', `/v1/clips/${clip}`)).status).toBe(204)
    for (const which of ['', '/original'])
      expect(await codeOf(owner.client.send('GET', `/v1/clips/${clip}/headers${which}`))).toBe('NOT_FOUND')
    expect(await codeOf(put(owner, { clip, keyset: next.digest }, headers))).toBe('NOT_FOUND')
  })
})
