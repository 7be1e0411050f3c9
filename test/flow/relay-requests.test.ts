import {
  agencyList,
  cellRequests,
  clipRequest,
  type ClipRequest,
  createVerifierTrust,
  digestOfJson,
  encodeLeaf,
  leafHourOf,
  openTlogProof,
  parseEntries,
  parseLeaf,
  parseVkey,
  policyList,
  requestLeafData,
  signCompact,
  trust as trustFile,
  utf8,
} from '@latchkey/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/poll.ts'
import {
  acceptedRequest,
  type Agency,
  certifyInvestigator,
  codeOf,
  createRelayWorld,
  draftRequest,
  enrolAgency,
  expectStatus,
  type Investigator,
  postRequest,
  randomSalt,
  type RelayWorld,
} from '../support/relay-world.ts'

let world: RelayWorld
let investigator: Investigator
beforeAll(async () => {
  world = await createRelayWorld()
  investigator = await certifyInvestigator(world, await enrolAgency(world))
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

type Detail = ClipRequest['authorization_details'][0]

/** A draft with some members replaced. */
function draft(change: { latchkey?: object; detail?: Partial<Detail>; top?: Partial<ClipRequest> }): ClipRequest {
  const base = draftRequest(world, investigator)
  return {
    ...base,
    ...change.top,
    authorization_details: [{ ...base.authorization_details[0]!, ...change.detail }],
    latchkey: { ...base.latchkey, ...change.latchkey },
  }
}

const refusal = (request: ClipRequest) => codeOf(postRequest(investigator, request))
/** A rectangle of about `metres` × `metres`. */
const square = (metres: number): Detail['area'] => {
  const [lat, lon] = [Math.round(metres / 0.111_19), Math.round(metres / 0.087_9)]
  return [
    [37_775_000, -122_420_000],
    [37_775_000 + lat, -122_420_000],
    [37_775_000 + lat, -122_420_000 + lon],
    [37_775_000, -122_420_000 + lon],
  ]
}

const agencyOf = (data: unknown) => (data as { agency?: string }).agency

/** Types of all leaves of the published log, with their data. */
async function leaves(): Promise<{ type: string; data: unknown; hour: number }[]> {
  const checkpoint = new TextDecoder().decode(await world.anyone.bytes('GET', '/log/checkpoint'))
  const size = Number(checkpoint.split('\n')[1])
  const found: { type: string; data: unknown; hour: number }[] = []
  for (let index = 0; index * 256 < size; index++) {
    const width = Math.min(256, size - index * 256)
    const name = String(index).padStart(3, '0')
    const path = `/log/tile/entries/${name}${width < 256 ? `.p/${width}` : ''}`
    const entries = parseEntries({ level: 'entries', index, width }, await world.anyone.bytes('GET', path))
    found.push(...entries.map(parseLeaf))
  }
  return found
}

describe('an accepted request', () => {
  it('is in the log when the answer comes, and the proof says so offline', async () => {
    const request = await acceptedRequest(world, investigator)
    const data = requestLeafData(request)
    const hour = leafHourOf(world.clock.nowMs())
    const leaf = encodeLeaf({ v: 1, type: 'request', data, hour })
    const proven = openTlogProof(utf8(request.proof), leaf, { logs: [parseVkey(world.relay.logVkey)] })
    expect(proven.index).toBe(request.index)
  })

  it('is public word for word, in every cell it touches and in no other', async () => {
    const request = await acceptedRequest(world, investigator)
    const text = await world.anyone.bytes('GET', `/v1/requests/${request.digest}`)
    expect(new TextDecoder().decode(text)).toBe(request.raw)
    const certificate = await world.anyone.bytes('GET', `/v1/requests/${request.digest}/certificate`)
    expect(new TextDecoder().decode(certificate)).toBe(investigator.certificate)
    const inCell = async (cell: string) => {
      const { requests } = (await expectStatus(await world.anyone.send('GET', `/v1/cells/${cell}/requests`), 200)) as {
        requests: { request: string }[]
      }
      return requests.map((entry) => entry.request)
    }
    for (const cell of requestLeafData(request).cells) expect(await inCell(cell)).toContain(request.raw)
    expect(await inCell('u4pru')).toEqual([])
  })

  it('gives the same answer to the same bytes, and is not asked twice', async () => {
    const request = draft({})
    const first = await expectStatus(await postRequest(investigator, request), 201)
    const second = await expectStatus(await postRequest(investigator, request), 201)
    expect(second['index']).toBe(first['index'])
  })

  it('changes the tag of its cell, which otherwise stays', async () => {
    await acceptedRequest(world, investigator)
    const path = '/v1/cells/9q8yy/requests'
    const etag = (await world.anyone.send('GET', path)).headers.get('etag')!
    const same = await world.anyone.send('GET', path, { headers: { 'if-none-match': etag } })
    expect(same.status).toBe(304)
    expect(same.headers.get('cache-control')).toContain('public')
    await acceptedRequest(world, investigator)
    expect((await world.anyone.send('GET', path, { headers: { 'if-none-match': etag } })).status).toBe(200)
  })

  it('leaves its cell when it expires', async () => {
    await using own = await createRelayWorld()
    const asker = await certifyInvestigator(own, await enrolAgency(own))
    await acceptedRequest(own, asker)
    const count = async () =>
      ((await (await own.anyone.send('GET', '/v1/cells/9q8yy/requests')).json()) as { requests: unknown[] }).requests
        .length
    expect(await count()).toBe(1)
    own.clock.shift(own.policy.requestLifeSeconds.default * 1000 + 1_000)
    expect(await count()).toBe(0)
  })
})

describe('a request outside the limits', () => {
  const hour = 3_600_000
  const window = (startAgoMs: number, endAgoMs: number): Partial<Detail> => {
    const nowMs = world.clock.nowMs()
    return { window: { startMs: nowMs - startAgoMs, endMs: nowMs - endAgoMs } }
  }

  const expired = (): ClipRequest => {
    world.clock.shift(60_000)
    const top = { iat: world.nowSeconds() - 30, exp: world.nowSeconds() - 1 }
    return draft({ top, detail: window(hour, 60_000) })
  }

  it.each([
    ['FIELD_MISSING', () => draft({ latchkey: { contact: '' } })],
    ['FIELD_MISSING', () => draft({ latchkey: { incidentType: ' ' } })],
    ['CASE_NUMBER_INVALID', () => draft({ latchkey: { caseNumber: 'N/A' } })],
    ['CASE_NUMBER_INVALID', () => draft({ latchkey: { caseNumber: '0-00' } })],
    ['PURPOSE_REFUSED', () => draft({ latchkey: { incidentType: 'protest' } })],
    ['PURPOSE_REFUSED', () => draft({ latchkey: { incidentType: 'immigration' } })],
    ['AREA_TOO_SMALL', () => draft({ detail: { area: square(200) } })],
    ['AREA_TOO_LARGE', () => draft({ detail: { area: square(1_300), ...window(hour, 10) } })],
    ['AREA_TIME_BUDGET', () => draft({ detail: { area: square(1_000), ...window(8 * hour, 10) } })],
    ['WINDOW_TOO_SHORT', () => draft({ detail: window(hour / 6, 1_000) })],
    ['WINDOW_TOO_LONG', () => draft({ detail: window(13 * hour, 1_000) })],
    ['WINDOW_IN_FUTURE', () => draft({ detail: window(hour, -60_000) })],
    ['WINDOW_TOO_OLD', () => draft({ detail: window(31 * 24 * hour, 31 * 24 * hour - hour) })],
    [
      'AREA_INVALID',
      () => draft({ detail: { area: [square(300)[0]!, square(300)[2]!, square(300)[1]!, square(300)[3]!] } }),
    ],
    ['POLICY_UNKNOWN', () => draft({ latchkey: { policy: randomSalt() } })],
    ['REQUEST_EXPIRED', () => expired()],
    ['REQUEST_INVALID', () => draft({ top: { aud: 'https://other.example' } })],
  ] as const)('is refused as %s', async (code, make) => {
    expect(await refusal(make())).toBe(code)
  })

  it('names the missing field and answers 422 when a required member is not there at all', async () => {
    const request = draft({ latchkey: { caseNumber: undefined } })
    const header = { alg: 'Ed25519', kid: investigator.signer.thumbprint, typ: 'latchkey-request+jwt' }
    const raw = await signCompact(header, request, investigator.signer)
    const json = { request: raw, investigatorCertificate: investigator.certificate }
    const answer = await expectStatus(await investigator.client.send('POST', '/v1/requests', { json }), 422)
    expect(answer).toMatchObject({ code: 'FIELD_MISSING', findings: [{ field: 'caseNumber' }] })
  })

  it('is logged as a refusal, once', async () => {
    const request = draft({ latchkey: { incidentType: 'sting' } })
    expect(await refusal(request)).toBe('PURPOSE_REFUSED')
    expect(await refusal(request)).toBe('PURPOSE_REFUSED')
    const { digest } = clipRequest.parse(await clipRequest.encode(request, investigator.signer))
    const expected = { agency: investigator.agency.uri, code: 'PURPOSE_REFUSED', requestDigest: digest }
    await eventually(
      async () => (await leaves()).some((leaf) => digestOfJson(leaf.data) === digestOfJson(expected)),
      'the refusal leaf',
    )
    const found = (await leaves()).filter((leaf) => digestOfJson(leaf.data) === digestOfJson(expected))
    expect(found.map((leaf) => leaf.type)).toEqual(['refusal'])
    expect(await codeOf(world.anyone.send('GET', `/v1/requests/${digest}`))).toBe('NOT_FOUND')
  })

  it('is CASE_LIMIT as the third for a case, however its number is written', async () => {
    for (const caseNumber of ['2026-4711', '2026 4711'])
      await expectStatus(await postRequest(investigator, draft({ latchkey: { caseNumber } })), 201)
    expect(await refusal(draft({ latchkey: { caseNumber: '2026/4711' } }))).toBe('CASE_LIMIT')
  })

  it('is AGENCY_LIMIT beyond the day, with a time to come back, also when all come at once', async () => {
    await using own = await createRelayWorld({ policy: { agencyLimits: { perDay: 3, per30Days: 20, open: 5 } } })
    const asker = await certifyInvestigator(own, await enrolAgency(own))
    const answers = await Promise.all(Array.from({ length: 6 }, () => postRequest(asker, draftRequest(own, asker))))
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 201, 201, 429, 429, 429])
    const refused = answers.find((answer) => answer.status === 429)!
    expect(await codeOf(refused)).toBe('AGENCY_LIMIT')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_600)
  })
})

describe('a requester', () => {
  it('is refused when the agency is unknown, suspended, or under notice', async () => {
    const strange: Agency = { ...investigator.agency, uri: 'https://nobody.example.gov' }
    const stranger = await certifyInvestigator(world, strange)
    expect(await codeOf(postRequest(stranger, draftRequest(world, stranger)))).toBe('AGENCY_UNKNOWN')

    const agency = await enrolAgency(world)
    const suspended = {
      uri: agency.uri,
      name: agency.name,
      kind: 'police',
      status: 'suspended',
      keys: [agency.signer.jwk],
    }
    await expectStatus(await world.operator.send('POST', '/v1/agencies', { json: suspended }), 201)
    const officer = await certifyInvestigator(world, agency)
    expect(await codeOf(postRequest(officer, draftRequest(world, officer)))).toBe('AGENCY_SUSPENDED')

    await using own = await createRelayWorld({ policy: { agencyNoticeMs: 14 * 24 * 3_600_000 } })
    const early = await certifyInvestigator(own, await enrolAgency(own))
    expect(await codeOf(postRequest(early, draftRequest(own, early)))).toBe('AGENCY_NOTICE')
  })

  it('is refused without a certificate by a key of the agency, for this key and recipient', async () => {
    const other = await enrolAgency(world)
    const forged = await certifyInvestigator(world, { ...investigator.agency, signer: other.signer })
    expect(await codeOf(postRequest(forged, draftRequest(world, forged)))).toBe('INVESTIGATOR_INVALID')
    const borrowed = { ...world.party(), agency: investigator.agency, certificate: investigator.certificate }
    expect(await codeOf(postRequest(borrowed, draftRequest(world, borrowed)))).toBe('INVESTIGATOR_INVALID')
    const elsewhere = draft({ latchkey: { recipient: world.party().identity.recipient } })
    expect(await refusal(elsewhere)).toBe('INVESTIGATOR_INVALID')
  })

  it('cannot be asked for by another caller', async () => {
    const raw = await clipRequest.encode(draft({}), investigator.signer)
    const json = { request: raw, investigatorCertificate: investigator.certificate }
    expect(await codeOf(world.party().client.send('POST', '/v1/requests', { json }))).toBe('CALLER_REFUSED')
  })
})

describe('an agency that stops', () => {
  const change = async ({ uri, name, signer }: Agency, status: string) => {
    const json = { uri, name, kind: 'police', status, keys: [signer.jwk] }
    await expectStatus(await world.operator.send('POST', '/v1/agencies', { json }), 201)
  }
  const askedIn = async (cell: string) =>
    (await world.anyone.json('GET', `/v1/cells/${cell}/requests`, cellRequests)).requests.map(({ request }) => request)

  it('is not asked for while suspended, and what it asked is over once it left, even when it comes back', async () => {
    const officer = await certifyInvestigator(world, await enrolAgency(world))
    const { raw } = await acceptedRequest(world, officer)
    expect(await askedIn('9q8yy')).toContain(raw)
    await change(officer.agency, 'suspended')
    expect(await askedIn('9q8yy')).not.toContain(raw)
    await change(officer.agency, 'active')
    expect(await askedIn('9q8yy')).toContain(raw)
    await change(officer.agency, 'withdrawn')
    expect(await askedIn('9q8yy')).not.toContain(raw)
    await change(officer.agency, 'active')
    expect(await askedIn('9q8yy')).not.toContain(raw)
    const anew = await acceptedRequest(world, officer)
    expect(await askedIn('9q8yy')).toContain(anew.raw)
  })

  it('asks nothing in the log after the entry that stops it, however close the two came', async () => {
    const officer = await certifyInvestigator(world, await enrolAgency(world))
    const drafts = Array.from({ length: 12 }, () => draftRequest(world, officer))
    const [half, rest] = [drafts.slice(0, 6), drafts.slice(6)]
    const before = half.map((request) => postRequest(officer, request))
    const stopped = change(officer.agency, 'suspended')
    const after = rest.map((request) => postRequest(officer, request))
    await Promise.all([...before, stopped, ...after])
    const { uri } = officer.agency
    const logged = (await leaves()).map(({ type, data }) => ({
      type,
      ...(data as { agency?: string; status?: string }),
    }))
    const stop = logged.findLastIndex(({ type, status }) => type === 'agency' && status === 'suspended')
    const own = logged
      .map(({ type, agency }, index) => ({ type, agency, index }))
      .filter(({ agency }) => agency === uri)
    expect(own.filter(({ type, index }) => type === 'request' && index > stop)).toEqual([])
    expect(own.filter(({ type, index }) => type === 'refusal' && index < stop)).toEqual([])
    await expect.poll(async () => (await leaves()).filter(({ data }) => agencyOf(data) === uri).length).toBe(12)
  })
})

describe('public documents', () => {
  it('give a trust file that a verifier takes, with this relay, its log and its agencies', async () => {
    const file = await world.anyone.json('GET', '/v1/trust.json', trustFile)
    expect(file.relays).toEqual([{ origin: world.relay.publicOrigin, jwk: world.relay.relayJwk }])
    expect(file.logs).toEqual([world.relay.logVkey])
    expect(createVerifierTrust(file).agencies.has(investigator.agency.uri)).toBe(true)
  })

  it('give the policy whose digest is in the log', async () => {
    const policy = (await expectStatus(await world.anyone.send('GET', '/v1/policy.json'), 200)) as object
    expect(digestOfJson(policy)).toBe(digestOfJson(world.policy))
    const named = await world.anyone.send('GET', `/v1/policies/${digestOfJson(policy)}`)
    expect(await expectStatus(named, 200)).toEqual(policy)
    expect(await codeOf(world.anyone.send('GET', `/v1/policies/${randomSalt()}`))).toBe('NOT_FOUND')
    const logged = (await leaves()).filter((leaf) => leaf.type === 'policy').map((leaf) => leaf.data)
    expect(logged).toEqual([{ digest: digestOfJson(policy) }])
    const { policies } = await world.anyone.json('GET', '/v1/policies', policyList)
    const places = (await leaves()).flatMap(({ type, hour }, index) => (type === 'policy' ? [{ index, hour }] : []))
    expect(policies).toEqual([{ digest: digestOfJson(policy), ...places[0] }])
  })

  it('list an agency as its leaf says, and refuse kinds that policy does not admit', async () => {
    const { uri, name, signer } = investigator.agency
    const told = async () =>
      (await world.anyone.json('GET', '/v1/agencies', agencyList)).agencies.find((agency) => agency.uri === uri)!
    const first = await told()
    expect(first).toMatchObject({ name, status: 'active', kind: 'police', noticeIndex: first.index })
    const logged = await leaves()
    expect(logged[first.index]).toMatchObject({ type: 'agency', data: { uri, name, keys: [signer.jwk] } })
    const submission = { uri, name: `${name} West`, kind: 'police', status: 'active', keys: [signer.jwk] }
    await expectStatus(await world.operator.send('POST', '/v1/agencies', { json: submission }), 201)
    const renamed = await told()
    // Another name is another leaf; the notice of the key goes on.
    expect(renamed).toMatchObject({ name: submission.name, noticeIndex: first.index })
    expect(renamed.index).toBeGreaterThan(first.index)
    await expectStatus(await world.operator.send('POST', '/v1/agencies', { json: { ...submission, name } }), 201)
    const json = {
      uri: 'https://ice.example.gov',
      name: 'X',
      kind: 'immigration',
      status: 'active',
      keys: [signer.jwk],
    }
    expect(await codeOf(world.operator.send('POST', '/v1/agencies', { json }))).toBe('MESSAGE_INVALID')
  })

  it('serve no log beyond the published checkpoint', async () => {
    const tile = await world.anyone.send('GET', '/log/tile/0/x999/000')
    expect(await codeOf(tile)).toBe('LOG_RANGE')
    expect(await codeOf(world.anyone.send('GET', '/log/tile/0/0'))).toBe('LOG_RANGE')
  })

  it('describe themselves', async () => {
    const description = (await expectStatus(await world.anyone.send('GET', '/v1/openapi.json'), 200)) as {
      paths: Record<string, object>
    }
    expect(Object.keys(description.paths)).toContain('/v1/clips/{clip}/items/{index}')
  })
})
