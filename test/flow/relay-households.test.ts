import {
  ack,
  approval,
  digestOfJws,
  keyset,
  type Keyset,
  keysetList,
  parseWith,
  ROOT_DELAY_MS,
  type Signer,
} from '@latchkey/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  certifyDevice,
  codeOf,
  createRelayWorld,
  type Device,
  enrolDevice,
  enrolHousehold,
  expectStatus,
  type Household,
  memberOf,
  type Party,
  randomId,
  randomSalt,
  randomSigner,
  type RelayWorld,
} from '../support/relay-world.ts'

let world: RelayWorld
beforeAll(async () => {
  world = await createRelayWorld()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

type Change = Partial<Keyset['latchkey']>

/** The next version after `before`, signed by `signer`. */
async function nextKeyset(
  before: { digest: string; payload: Keyset },
  signer: Signer,
  change: Change,
): Promise<string> {
  const { latchkey, iss } = before.payload
  return keyset.encode(
    {
      iss,
      iat: world.nowSeconds(),
      latchkey: { ...latchkey, version: latchkey.version + 1, previous: before.digest, ...change },
    },
    signer,
  )
}

async function press(device: Device, raw: string): Promise<string> {
  const latchkey = { v: 1 as const, keyset: digestOfJws(raw), deviceCertificate: null, epoch: 1 }
  return ack.encode({ iss: device.signer.urn, iat: world.nowSeconds(), latchkey }, device.signer)
}

const submit = (party: Pick<Party, 'client'>, json: object) => party.client.send('POST', '/v1/keysets', { json })

async function keysetsSeenBy(party: Pick<Party, 'client'>, query = ''): Promise<string[]> {
  const response = await party.client.send('GET', `/v1/keysets${query}`)
  if (response.status === 403) return ['refused']
  const { keysets } = (await expectStatus(response, 200)) as { keysets: { keyset: string }[] }
  return keysets.map((entry) => digestOfJws(entry.keyset))
}

/** The approver's word for this change, sent. @returns the signed word */
async function approve(home: Household, approver: Party, raw: string): Promise<string> {
  const latchkey = { v: 1 as const, consent: digestOfJws(raw), keyset: home.keyset.digest }
  const payload = { iss: home.root.urn, jti: randomId(), iat: world.nowSeconds(), latchkey }
  const word = await approval.encode(payload, approver.signer)
  const json = { approval: word, salt: randomSalt() }
  await expectStatus(await approver.client.send('POST', '/v1/approvals', { json }), 201)
  return word
}

async function withSecondOwner(quorum: 1 | 2): Promise<{ home: Household; second: Party; device: Device }> {
  const [first, second] = [world.party(), world.party()]
  const home = await enrolHousehold(world, { members: [first, second], quorum })
  return { home, second, device: await enrolDevice(world, home) }
}

describe('a household', () => {
  it('is enrolled once, and its first keyset is in the log', async () => {
    const home = await enrolHousehold(world)
    const again = { keyset: home.keyset.raw, rootJwk: home.root.jwk, cell: '9q8yy' }
    const first = await expectStatus(await home.rootClient.send('POST', '/v1/households', { json: again }), 201)
    expect(first).toEqual({ keyset: home.keyset.digest, index: expect.any(Number) as number })
    expect(await keysetsSeenBy(home.owner)).toEqual([home.keyset.digest])
    expect(await keysetsSeenBy(home.owner, `?after=${first['index'] as number}`)).toEqual([])
  })

  it('cannot be enrolled by another key than its root, nor twice with another first keyset', async () => {
    const home = await enrolHousehold(world)
    const json = { keyset: home.keyset.raw, rootJwk: home.root.jwk, cell: '9q8yy' }
    expect(await codeOf(home.owner.client.send('POST', '/v1/households', { json }))).toBe('CALLER_REFUSED')
    const other = await keyset.encode({ ...home.keyset.payload, iat: 1 }, home.root)
    const rival = { ...json, keyset: other }
    expect(await codeOf(home.rootClient.send('POST', '/v1/households', { json: rival }))).toBe('KEYSET_FORK')
  })

  it('needs an unused invitation where the operator says so', async () => {
    await using own = await createRelayWorld({ config: { enrolment: 'invitation' } })
    await expect(enrolHousehold(own)).rejects.toThrow('ENROLMENT_CLOSED')
  })
})

describe('a change of keyset', () => {
  it('adds a phone with one owner and a press of the device button', async () => {
    const home = await enrolHousehold(world)
    const device = await enrolDevice(world, home)
    const phone = world.party()
    const members = [memberOf(home.owner), memberOf(phone, 'viewer')]
    const raw = await nextKeyset(home.keyset, home.owner.signer, { members })
    expect(await keysetsSeenBy(phone)).toEqual(['refused'])
    expect(await codeOf(submit(home.owner, { keyset: raw }))).toBe('KEYSET_INVALID')
    const foreign = await enrolDevice(world, await enrolHousehold(world))
    expect(await codeOf(submit(home.owner, { keyset: raw, ack: await press(foreign, raw) }))).toBe('KEYSET_INVALID')
    const ack = await press(device, raw)
    const accepted = await expectStatus(await submit(home.owner, { keyset: raw, ack }), 201)
    expect(accepted['keyset']).toBe(digestOfJws(raw))
    const { keysets } = parseWith(keysetList, await (await phone.client.send('GET', '/v1/keysets')).json(), 'keysets')
    const pressed = { ack, deviceCertificate: device.certificate }
    expect(keysets.map(({ press, approvals }) => ({ press, approvals }))).toEqual([
      { press: null, approvals: [] },
      { press: pressed, approvals: [] },
    ])
    expect(await keysetsSeenBy(phone)).toEqual([home.keyset.digest, digestOfJws(raw)])
    expect(await keysetsSeenBy(device)).toEqual([home.keyset.digest, digestOfJws(raw)])
  })

  it('removes a phone, which is then a stranger', async () => {
    const { home, second } = await withSecondOwner(1)
    const raw = await nextKeyset(home.keyset, home.owner.signer, { members: [memberOf(home.owner)] })
    await expectStatus(await submit(home.owner, { keyset: raw }), 201)
    expect(await keysetsSeenBy(second)).toEqual(['refused'])
  })

  it('needs the second owner to remove where the quorum is two', async () => {
    const { home, second } = await withSecondOwner(2)
    const raw = await nextKeyset(home.keyset, home.owner.signer, { members: [memberOf(home.owner)], quorum: 1 })
    expect(await codeOf(submit(home.owner, { keyset: raw }))).toBe('SIGNATURE_INVALID')
    await approve(home, second, raw)
    await expectStatus(await submit(home.owner, { keyset: raw }), 201)
    expect(await keysetsSeenBy(second)).toEqual(['refused'])
  })

  it('takes each version once, and only one that follows', async () => {
    const { home } = await withSecondOwner(1)
    const { signer } = home.owner
    const raw = await nextKeyset(home.keyset, signer, { members: [memberOf(home.owner)] })
    const first = await expectStatus(await submit(home.owner, { keyset: raw }), 201)
    expect(await expectStatus(await submit(home.owner, { keyset: raw }), 201)).toEqual(first)
    const fork = await nextKeyset(home.keyset, signer, { members: [memberOf(home.owner)], effectiveMs: 1 })
    expect(await codeOf(submit(home.owner, { keyset: fork }))).toBe('KEYSET_FORK')
    const skipping = await nextKeyset(keyset.parse(raw), signer, { version: 4 })
    expect(await codeOf(submit(home.owner, { keyset: skipping }))).toBe('KEYSET_INVALID')
    const stranger = await nextKeyset(keyset.parse(raw), randomSigner(), {})
    expect(await codeOf(submit(home.owner, { keyset: stranger }))).toBe('SIGNATURE_INVALID')
    const other = await enrolHousehold(world)
    const next = await nextKeyset(keyset.parse(raw), signer, {})
    expect(await codeOf(submit(other.owner, { keyset: next }))).toBe('KEYSET_INVALID')
  })

  it('by the root alone waits 73 hours, and a new phone may only look until then', async () => {
    const home = await enrolHousehold(world)
    const phone = world.party()
    const root = { client: home.rootClient }
    const soon = await nextKeyset(home.keyset, home.root, { members: [memberOf(phone)] })
    expect(await codeOf(submit(root, { keyset: soon }))).toBe('KEYSET_INVALID')
    const effectiveMs = world.clock.nowMs() + ROOT_DELAY_MS + 60_000
    const raw = await nextKeyset(home.keyset, home.root, { members: [memberOf(phone)], effectiveMs })
    await expectStatus(await submit(root, { keyset: raw }), 201)
    expect(await keysetsSeenBy(phone)).toEqual([home.keyset.digest, digestOfJws(raw)])
    expect(await keysetsSeenBy(root)).toEqual([home.keyset.digest, digestOfJws(raw)])
    expect(await codeOf(phone.client.send('DELETE', `/v1/clips/${randomId()}`))).toBe('CALLER_REFUSED')
    const { deviceCertificate, hello } = await certifyDevice(world, { ...home, owner: phone }, randomSigner())
    const json = { deviceCertificate, hello, salt: randomSalt() }
    expect(await codeOf(phone.client.send('POST', '/v1/devices', { json }))).toBe('DEVICE_INVALID')
    world.clock.shift(ROOT_DELAY_MS + 120_000)
    expect(await codeOf(phone.client.send('DELETE', `/v1/clips/${randomId()}`))).toBe('NOT_FOUND')
    expect(await keysetsSeenBy(home.owner)).toEqual(['refused'])
  })

  it('by the root alone is void once the owners say so before its time', async () => {
    const home = await enrolHousehold(world)
    const thief = world.party()
    const effectiveMs = world.clock.nowMs() + ROOT_DELAY_MS + 60_000
    const raw = await nextKeyset(home.keyset, home.root, { members: [memberOf(thief)], effectiveMs })
    await expectStatus(await submit({ client: home.rootClient }, { keyset: raw }), 201)
    const third = await nextKeyset(home.keyset, home.owner.signer, { version: 3, previous: digestOfJws(raw) })
    await expectStatus(await submit(home.owner, { keyset: third }), 201)
    expect(await keysetsSeenBy(thief)).toEqual(['refused'])
    world.clock.shift(ROOT_DELAY_MS + 120_000)
    expect(await keysetsSeenBy(thief)).toEqual(['refused'])
    expect(await keysetsSeenBy(home.owner)).toContain(digestOfJws(third))
  })
})

it('a root without a phone learns its own household’s keysets, and nothing else of it', async () => {
  const [home, other] = [await enrolHousehold(world), await enrolHousehold(world)]
  expect(await keysetsSeenBy({ client: home.rootClient })).toEqual([home.keyset.digest])
  expect(await keysetsSeenBy({ client: other.rootClient })).toEqual([other.keyset.digest])
  for (const path of ['/v1/clips', '/v1/settings', '/v1/devices', '/v1/keysets/proposed', '/v1/consents', '/v1/events'])
    expect(await codeOf(home.rootClient.send('GET', path))).toBe('CALLER_REFUSED')
})

describe('a proposed keyset', () => {
  const propose = (party: Pick<Party, 'client'>, raw: string) =>
    party.client.send('PUT', '/v1/keysets/proposed', { json: { keyset: raw } })
  const proposed = (party: Pick<Party, 'client'>) => party.client.send('GET', '/v1/keysets/proposed')
  const pressed = (device: Device, rawAck: string) =>
    device.client.send('POST', '/v1/keysets/proposed/press', { json: { ack: rawAck } })

  it('waits for a button, which makes it count; then nothing waits', async () => {
    const home = await enrolHousehold(world)
    const device = await enrolDevice(world, home)
    const phone = world.party()
    expect(await codeOf(proposed(device))).toBe('NOT_FOUND')
    const members = [memberOf(home.owner), memberOf(phone, 'viewer')]
    const raw = await nextKeyset(home.keyset, home.owner.signer, { members })
    await expectStatus(await propose(home.owner, raw), 201)
    await expectStatus(await propose(home.owner, raw), 201)
    const waiting = { keyset: raw, proposedMs: expect.any(Number) as number, approvals: [] }
    expect(await expectStatus(await proposed(device), 200)).toEqual(waiting)
    expect(await keysetsSeenBy(phone)).toEqual(['refused'])
    const other = await nextKeyset(home.keyset, home.owner.signer, { members, effectiveMs: 7 })
    expect(await codeOf(pressed(device, await press(device, other)))).toBe('KEYSET_INVALID')
    const accepted = await expectStatus(await pressed(device, await press(device, raw)), 201)
    expect(accepted['keyset']).toBe(digestOfJws(raw))
    expect(await keysetsSeenBy(phone)).toEqual([home.keyset.digest, digestOfJws(raw)])
    expect(await codeOf(proposed(home.owner))).toBe('NOT_FOUND')
    expect(await codeOf(propose(phone, raw))).toBe('CALLER_REFUSED')
    expect(await codeOf(propose(home.owner, raw))).toBe('KEYSET_SUPERSEDED')
  })

  it('shows its approvals to the owners, gives way to the next, and can be taken back', async () => {
    const { home, second } = await withSecondOwner(2)
    const raw = await nextKeyset(home.keyset, home.owner.signer, { members: [memberOf(home.owner)], quorum: 1 })
    const older = await nextKeyset(home.keyset, second.signer, { effectiveMs: 7 })
    await expectStatus(await propose(second, older), 201)
    await expectStatus(await propose(home.owner, raw), 201)
    const word = await approve(home, second, raw)
    expect(await expectStatus(await proposed(second), 200)).toMatchObject({ keyset: raw, approvals: [word] })
    await expectStatus(await second.client.send('DELETE', '/v1/keysets/proposed'), 204)
    expect(await codeOf(proposed(home.owner))).toBe('NOT_FOUND')
  })

  it('is by an owner in force, of this household and next in line', async () => {
    const { home, device } = await withSecondOwner(1)
    const stranger = await nextKeyset(home.keyset, randomSigner(), {})
    expect(await codeOf(propose(home.owner, stranger))).toBe('SIGNATURE_INVALID')
    const skipping = await nextKeyset(home.keyset, home.owner.signer, { version: 3 })
    expect(await codeOf(propose(home.owner, skipping))).toBe('KEYSET_SUPERSEDED')
    const greedy = await nextKeyset(home.keyset, home.owner.signer, { members: [memberOf(home.owner)], quorum: 2 })
    expect(await codeOf(propose(home.owner, greedy))).toBe('KEYSET_INVALID')
    const other = await enrolHousehold(world)
    const theirs = await nextKeyset(home.keyset, home.owner.signer, {})
    expect(await codeOf(propose(other.owner, theirs))).toBe('KEYSET_SUPERSEDED')
    expect(await codeOf(pressed(device, await press(device, theirs)))).toBe('NOT_FOUND')
  })
})

describe('a device', () => {
  it('is enrolled only with its own hello for this relay, under a certificate of an owner', async () => {
    const home = await enrolHousehold(world)
    const signer = randomSigner()
    const papers = await certifyDevice(world, home, signer)
    const send = (json: object) =>
      home.owner.client.send('POST', '/v1/devices', { json: { salt: randomSalt(), ...json } })
    const { deviceCertificate, hello } = papers
    const other = await certifyDevice(world, home, randomSigner())
    expect(await codeOf(send({ deviceCertificate, hello: other.hello }))).toBe('DEVICE_INVALID')
    const stranger = await certifyDevice(world, { ...home, owner: world.party() }, signer)
    const forged = { deviceCertificate: stranger.deviceCertificate, hello: stranger.hello }
    expect(await codeOf(send(forged))).toBe('DEVICE_INVALID')
    const first = await expectStatus(await send({ deviceCertificate, hello }), 201)
    expect(await expectStatus(await send({ deviceCertificate, hello }), 201)).toEqual(first)
    const same = await certifyDevice(world, home, signer)
    expect(await codeOf(send({ deviceCertificate: same.deviceCertificate, hello: same.hello }))).toBe('DEVICE_INVALID')
    const later = await certifyDevice(world, home, signer, { epoch: 2 })
    await expectStatus(await send({ deviceCertificate: later.deviceCertificate, hello: later.hello }), 201)
  })

  it('of one household is refused to another', async () => {
    const home = await enrolHousehold(world)
    const device = await enrolDevice(world, home)
    const other = await enrolHousehold(world)
    const papers = await certifyDevice(world, other, device.signer, { epoch: 9 })
    const json = { deviceCertificate: papers.deviceCertificate, hello: papers.hello, salt: randomSalt() }
    expect(await codeOf(other.owner.client.send('POST', '/v1/devices', { json }))).toBe('DEVICE_INVALID')
  })
})

describe('a pairing mailbox', () => {
  it('takes hello, answer and done in order, each once, for a quarter of an hour', async () => {
    const id = randomId()
    const jws = `${'a'.repeat(10)}.${'b'.repeat(10)}.${'c'.repeat(86)}`
    const put = (slot: string, json: object) => world.anyone.send('PUT', `/v1/pairings/${id}/${slot}`, { json })
    const get = (slot: string) => world.anyone.send('GET', `/v1/pairings/${id}/${slot}`)
    expect(await codeOf(put('done', { ack: jws }))).toBe('NOT_FOUND')
    expect(await codeOf(get('hello'))).toBe('NOT_FOUND')
    const first = await expectStatus(await put('hello', { hello: jws }), 201)
    expect(await expectStatus(await put('hello', { hello: jws }), 201)).toEqual(first)
    expect(await codeOf(put('hello', { hello: `x${jws}` }))).toBe('CONFLICT')
    expect(await expectStatus(await get('hello'), 200)).toEqual({ hello: jws })
    expect(await codeOf(put('done', { ack: jws }))).toBe('NOT_FOUND')
    world.clock.shift(15 * 60_000 + 1)
    expect(await codeOf(get('hello'))).toBe('NOT_FOUND')
  })

  it('is refused as the thirty-first new one of a minute', async () => {
    const jws = `${'a'.repeat(10)}.${'b'.repeat(10)}.${'c'.repeat(86)}`
    world.clock.shift(60_000)
    const statuses: number[] = []
    // Minutes go on meanwhile: of twice as many, thirty-one lie in one of them.
    while (statuses.length < 62 && !statuses.includes(429))
      statuses.push(
        (await world.anyone.send('PUT', `/v1/pairings/${randomId()}/hello`, { json: { hello: jws } })).status,
      )
    expect(statuses).toContain(429)
    expect(statuses.filter((status) => status === 201).length).toBeGreaterThanOrEqual(30)
    world.clock.shift(60_000)
    const later = await world.anyone.send('PUT', `/v1/pairings/${randomId()}/hello`, { json: { hello: jws } })
    expect(later.status).toBe(201)
  })
})
