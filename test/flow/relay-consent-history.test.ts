import {
  approval,
  consent as consentMessage,
  consentList,
  type ConsentEntry,
  decodeBase64url,
  deviceList,
  type DeviceList,
  digestOfJws,
  isSharedOnOf,
  MAX_SHARED_ON,
  parseEntries,
  parseLeaf,
  parseTilePath,
  received,
  release as releaseMessage,
  revocation,
  sealedLeafData,
  type SealedKind,
  sharedOn,
  type SharedOn,
  utf8,
} from '@latchkey/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listenAs } from '../support/event-stream.ts'
import { eventually } from '../support/poll.ts'
import {
  acceptedRequest,
  type Case,
  certifyInvestigator,
  codeOf,
  consentPlan,
  createCase,
  createRelayWorld,
  draftSharedOn,
  enrolAgency,
  enrolDevice,
  enrolHousehold,
  expectStatus,
  type Party,
  postConsent,
  postSharedOn,
  randomId,
  randomSalt,
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

async function historyOf(party: Party): Promise<readonly ConsentEntry[]> {
  return (await party.client.json('GET', '/v1/consents', consentList)).consents
}

/** The one consent of a household, once it is as wanted. */
const entryWhen = (party: Party, isWanted: (entry: ConsentEntry) => boolean): Promise<ConsentEntry> =>
  eventually(async () => (await historyOf(party)).find(isWanted), 'the history to say so')

async function consented(subject: Case, undoSeconds = 0): Promise<string> {
  const policy = { ...world.policy, consent: { ...world.policy.consent, undoSeconds } }
  const submission = await signConsent(subject, consentPlan(world, subject, { policy }))
  await expectStatus(await postConsent(subject.household.owner, submission), 201)
  return digestOfJws(submission.consent)
}

async function taken({ investigator }: Case, consent: string): Promise<string> {
  const json = { download: randomId() }
  const answer = await eventually(async () => {
    const response = await investigator.client.send('POST', `/v1/releases/${consent}/downloads`, { json })
    return response.status === 200 ? expectStatus(response, 200) : null
  }, 'the release')
  return answer['release'] as string
}

async function acknowledge({ investigator }: Case, consent: string, release: string): Promise<Response> {
  const latchkey = {
    v: 1 as const,
    release: digestOfJws(release),
    consent,
    plaintextsSha256: randomSalt(),
    items: 4,
    tool: 'x',
  }
  const claims = {
    iss: investigator.agency.uri,
    sub: investigator.signer.urn,
    jti: randomId(),
    iat: world.nowSeconds(),
  }
  const raw = await received.encode({ ...claims, latchkey }, investigator.signer)
  return investigator.client.send('POST', '/v1/received', { json: { received: raw, salt: randomSalt() } })
}

async function revoke({ household }: Pick<Case, 'household'>, revokes: string): Promise<void> {
  const latchkey = { v: 1 as const, revokes, keyset: household.keyset.digest }
  const word = { iss: household.root.urn, jti: randomId(), iat: world.nowSeconds(), latchkey }
  const json = { revocation: await revocation.encode(word, household.owner.signer), salt: randomSalt() }
  await expectStatus(await household.owner.client.send('POST', '/v1/revocations', { json }), 201)
}

/** What the log holds at an index, as anyone reads it. */
async function leafAt(index: number): Promise<unknown> {
  const checkpoint = await (await world.anyone.send('GET', '/log/checkpoint')).text()
  const size = Number(checkpoint.split('\n')[1])
  const tile = Math.floor(index / 256)
  const width = Math.min(256, size - tile * 256)
  const name = String(tile).padStart(3, '0')
  const path = `tile/entries/${width === 256 ? name : `${name}.p/${width}`}`
  const bytes = await world.anyone.bytes('GET', `/log/${path}`)
  return parseLeaf(parseEntries(parseTilePath(path), bytes)[index % 256]!)
}

async function expectInLog(kind: SealedKind, raw: string, at: { salt: string; index: number | null }): Promise<void> {
  const data = sealedLeafData(decodeBase64url(at.salt), kind, utf8(raw))
  expect(await leafAt(at.index!), kind).toMatchObject({ type: 'sealed', data })
}

describe('the history of a consent', () => {
  it('lets another member find each object of it in the log, from the consent to the receipt', async () => {
    const viewer = world.party()
    const household = await enrolHousehold(world, { viewers: [viewer] })
    const device = await enrolDevice(world, household)
    const clip = await uploadClip(world, { household, device })
    const investigator = await certifyInvestigator(world, await enrolAgency(world))
    const subject: Case = { household, device, clip, investigator, request: await acceptedRequest(world, investigator) }
    using listener = await listenAs(viewer)
    const consent = await consented(subject)
    const release = await taken(subject, consent)
    await expectStatus(await acknowledge(subject, consent, release), 201)
    const entryOf = draftSharedOn(world, investigator, { consent, release: digestOfJws(release) })
    await expectStatus(await postSharedOn(investigator, entryOf), 201)
    await revoke(subject, consent)
    await listener.line('release', (line) => line.consent === consent && line.release === digestOfJws(release))
    await listener.line('receipt', (line) => line.consent === consent)
    await listener.line('shared-on', (line) => line.consent === consent)
    const isWhole = ({ releases, revocations, index }: ConsentEntry) =>
      index !== null &&
      [revocations[0], releases[0]?.receipts[0], releases[0]?.sharedOn[0]].every((word) => word && word.index !== null)
    const entry = await entryWhen(viewer, isWhole)
    expect(entry).toMatchObject({ clip: clip.clip, state: 'revoked', downloads: 1, approvals: [] })
    expect(entry.endedMs).toBe(entry.revocations[0]!.receivedMs)
    const [first] = entry.releases
    expect(first!.release).toBe(release)
    await expectInLog('consent', entry.consent, entry)
    await expectInLog('release', release, first!)
    await expectInLog('received', first!.receipts[0]!.received, first!.receipts[0]!)
    const [went] = first!.sharedOn
    const signed = sharedOn.parse(went!.sharedOn)
    expect(signed.payload).toEqual(entryOf)
    const about = { consent: consentMessage.parse(entry.consent), release: releaseMessage.parse(release) }
    expect(isSharedOnOf(signed, about)).toBe(true)
    await expectInLog('shared-on', went!.sharedOn, went!)
    await expectInLog('revoke', entry.revocations[0]!.revocation, entry.revocations[0]!)
  })

  it('says where it stands: waiting, live, downloaded so often, used up, expired', async () => {
    const subject = await createCase(world)
    const { owner } = subject.household
    const waiting = await consented(subject, 3_600)
    const live = await consented(subject)
    const of = (digest: string, state: string) => (entry: ConsentEntry) =>
      digestOfJws(entry.consent) === digest && entry.state === state
    await entryWhen(owner, of(waiting, 'waiting'))
    await entryWhen(owner, of(live, 'live'))
    await taken(subject, live)
    expect(await entryWhen(owner, of(live, 'live'))).toMatchObject({ downloads: 1, releases: [{ receipts: [] }] })
    for (let i = 1; i < world.policy.consent.maxDownloads; i++) await taken(subject, live)
    const used = await entryWhen(owner, of(live, 'used'))
    expect(used.releases).toHaveLength(world.policy.consent.maxDownloads)
    const after = await owner.client.json('GET', `/v1/consents?after=${used.cursor}`, consentList)
    expect(after.consents).toEqual([])
  })

  it('holds the approval of a second owner', async () => {
    const second = world.party()
    const household = await enrolHousehold(world, { members: [world.party(), second], quorum: 2 })
    const device = await enrolDevice(world, household)
    const clip = await uploadClip(world, { household, device })
    const investigator = await certifyInvestigator(world, await enrolAgency(world))
    const subject: Case = { household, device, clip, investigator, request: await acceptedRequest(world, investigator) }
    const consent = await consented(subject)
    await entryWhen(second, ({ state }) => state === 'awaiting-approval')
    const latchkey = { v: 1 as const, consent, keyset: household.keyset.digest }
    const word = { iss: household.root.urn, jti: randomId(), iat: world.nowSeconds(), latchkey }
    const raw = await approval.encode(word, second.signer)
    await expectStatus(
      await second.client.send('POST', '/v1/approvals', { json: { approval: raw, salt: randomSalt() } }),
      201,
    )
    const entry = await entryWhen(household.owner, ({ state }) => state === 'live')
    expect(entry.approvals.map((one) => one.approval)).toEqual([raw])
    await expectInLog('approval', raw, entry.approvals[0]!)
  })

  it('is not made long by a requester who acknowledges without end', async () => {
    const subject = await createCase(world)
    const consent = await consented(subject)
    const release = await taken(subject, consent)
    for (let i = 0; i < 10; i++) await expectStatus(await acknowledge(subject, consent, release), 201)
    expect(await codeOf(acknowledge(subject, consent, release))).toBe('RECEIPT_INVALID')
    const [entry] = await historyOf(subject.household.owner)
    expect(entry!.releases[0]!.receipts).toHaveLength(10)
  })
})

describe('who got next what was released', () => {
  const DAY_MS = 86_400_000
  let subject: Case
  let of: { consent: string; release: string }
  beforeAll(async () => {
    subject = await createCase(world)
    const consent = await consented(subject)
    of = { consent, release: digestOfJws(await taken(subject, consent)) }
  })

  const entry = (change: Partial<SharedOn['latchkey']> = {}): SharedOn => {
    const draft = draftSharedOn(world, subject.investigator, of)
    return { ...draft, latchkey: { ...draft.latchkey, ...change } }
  }
  const send = (one: SharedOn) => postSharedOn(subject.investigator, one)

  it('is taken once, also where it goes against the consent', async () => {
    const against = entry({ purpose: 'other', receiver: { kind: 'press-or-public', name: 'A broadcaster' } })
    const first = await expectStatus(await send(against), 201)
    expect(await expectStatus(await send(against), 201)).toEqual(first)
    const [told] = await historyOf(subject.household.owner)
    expect(told!.releases[0]!.sharedOn.map((one) => digestOfJws(one.sharedOn))).toEqual([first['digest']])
  })

  it('is not taken of what was not released to the signer, of the future, or of a time before the release', async () => {
    const nowMs = world.nowSeconds() * 1000
    const refused: SharedOn[] = [
      entry({ release: randomSalt() }),
      entry({ consent: randomSalt() }),
      { ...entry(), iss: 'https://other.example' },
      { ...entry(), cnf: { jwk: subject.household.root.jwk } },
      { ...entry({ atMs: nowMs + DAY_MS }), iat: world.nowSeconds() + 86_400 },
      entry({ atMs: nowMs + DAY_MS }),
      entry({ atMs: nowMs - DAY_MS }),
    ]
    for (const one of refused) expect(await codeOf(send(one))).toBe('SHARED_ON_INVALID')
    const other = await certifyInvestigator(world, await enrolAgency(world))
    await acceptedRequest(world, other)
    expect(await codeOf(postSharedOn(other, draftSharedOn(world, other, of)))).toBe('SHARED_ON_INVALID')
    expect(await codeOf(postSharedOn(other, entry()))).toBe('SHARED_ON_INVALID')
  })

  it('is told up to twenty times of one release', async () => {
    for (let i = 1; i < MAX_SHARED_ON; i++) await expectStatus(await send(entry()), 201)
    expect(await codeOf(send(entry()))).toBe('SHARED_ON_INVALID')
    const [told] = await historyOf(subject.household.owner)
    expect(told!.releases[0]!.sharedOn).toHaveLength(MAX_SHARED_ON)
  })
})

describe('the devices of a household', () => {
  it('are told to every member with what was said against them, each to be found in the log', async () => {
    const viewer = world.party()
    const household = await enrolHousehold(world, { viewers: [viewer] })
    const [stolen, kept] = [await enrolDevice(world, household), await enrolDevice(world, household)]
    await revoke({ household }, digestOfJws(stolen.certificate))
    const isLogged = ({ index, revocations }: DeviceList['devices'][number]) =>
      index !== null && revocations.every((word) => word.index !== null)
    const devices = await eventually(async () => {
      const told = (await viewer.client.json('GET', '/v1/devices', deviceList)).devices
      return told.every(isLogged) && told
    }, 'the leaves of both')
    expect(devices.map(({ deviceCertificate, revocations }) => [deviceCertificate, revocations.length])).toEqual([
      [stolen.certificate, 1],
      [kept.certificate, 0],
    ])
    const { revocation: word, receivedMs } = devices[0]!.revocations[0]!
    expect(revocation.parse(word).payload.latchkey.revokes).toBe(digestOfJws(stolen.certificate))
    expect(receivedMs).toBeGreaterThanOrEqual(devices[0]!.acceptedMs)
    await expectInLog('device', devices[0]!.deviceCertificate, devices[0]!)
    await expectInLog('revoke', word, devices[0]!.revocations[0]!)
    const stranger = await enrolHousehold(world)
    expect((await stranger.owner.client.json('GET', '/v1/devices', deviceList)).devices).toEqual([])
  })
})
