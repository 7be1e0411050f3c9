import {
  approval,
  type Consent,
  consent,
  type ConsentSubmission,
  digestOfJws,
  encodeBase64url,
  generateIdentity,
  keyset,
  revocation,
  sealIdentity,
  type Signer,
} from '@latchkey/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/poll.ts'
import {
  acceptedRequest,
  type Case,
  certifyInvestigator,
  codeOf,
  consentPlan,
  createCase,
  createRelayWorld,
  enrolAgency,
  enrolDevice,
  enrolHousehold,
  expectStatus,
  memberOf,
  type Party,
  postConsent,
  randomId,
  randomSalt,
  type RelayWorld,
  signConsent,
  uploadClip,
} from '../support/relay-world.ts'

let world: RelayWorld
let subject: Case
beforeAll(async () => {
  world = await createRelayWorld()
  subject = await createCase(world)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

const sign = (of: Case = subject, change: Parameters<typeof consentPlan>[2] = {}) =>
  signConsent(of, consentPlan(world, of, change))

/** The same submission around an altered token, signed again. */
async function altered(
  submission: ConsentSubmission,
  change: (payload: Consent) => Consent,
  signer: Signer = subject.household.owner.signer,
): Promise<ConsentSubmission> {
  const { payload } = consent.parse(submission.consent)
  return { ...submission, consent: await consent.encode(change({ ...payload, jti: randomId() }), signer) }
}

const refusal = (submission: ConsentSubmission, party: Party = subject.household.owner) =>
  codeOf(postConsent(party, submission))

async function stateOf(of: Case, digest: string, party: Party = of.household.owner): Promise<string | undefined> {
  const { consents } = (await expectStatus(await party.client.send('GET', '/v1/consents'), 200)) as {
    consents: { consent: string; state: string }[]
  }
  return consents.find((entry) => digestOfJws(entry.consent) === digest)?.state
}

async function untilState(of: Case, digest: string, state: string): Promise<void> {
  await eventually(async () => (await stateOf(of, digest)) === state, `the consent to be ${state}`)
}

async function downloadCode(of: Case, digest: string): Promise<string> {
  const json = { download: randomId() }
  const response = await of.investigator.client.send('POST', `/v1/releases/${digest}/downloads`, { json })
  return response.ok ? String(response.status) : codeOf(response)
}

describe('a consent', () => {
  it('is accepted once, however often the same bytes come', async () => {
    const submission = await sign()
    const first = await expectStatus(await postConsent(subject.household.owner, submission), 201)
    expect(first['consent']).toBe(digestOfJws(submission.consent))
    const second = await expectStatus(await postConsent(subject.household.owner, submission), 201)
    expect(second['consent']).toBe(first['consent'])
    await untilState(subject, digestOfJws(submission.consent), 'live')
  })

  it('is CONSENT_REPLAYED when its id stood in another one', async () => {
    const submission = await sign()
    await expectStatus(await postConsent(subject.household.owner, submission), 201)
    const { payload } = consent.parse(submission.consent)
    const twin = await consent.encode({ ...payload, exp: payload.exp - 1 }, subject.household.owner.signer)
    expect(await refusal({ ...submission, consent: twin })).toBe('CONSENT_REPLAYED')
  })

  it('is refused with its own code for each thing that is wrong with it', async () => {
    const base = await sign()
    const latchkey = (change: Partial<Consent['latchkey']>) => (payload: Consent) => ({
      ...payload,
      latchkey: { ...payload.latchkey, ...change },
    })
    const detail = (change: object) => (payload: Consent) => ({
      ...payload,
      authorization_details: [{ ...payload.authorization_details[0]!, ...change }],
    })
    const cases: [string, ConsentSubmission][] = [
      ['CONSENT_INVALID', await altered(base, (payload) => payload, world.party().signer)],
      ['KEYSET_SUPERSEDED', await altered(base, latchkey({ keyset: randomSalt() }))],
      ['CONSENT_ISSUER', await altered(base, detail({ identifier: randomSalt() }))],
      ['CONSENT_REQUEST', await altered(base, latchkey({ request: randomSalt() }))],
      ['CONSENT_REQUESTER', await altered(base, (payload) => ({ ...payload, sub: world.party().signer.urn }))],
      ['CONSENT_REQUESTER', await altered(base, detail({ recipient: generateIdentity().recipient }))],
      ['CONSENT_PURPOSE', await altered(base, latchkey({ purpose: 'curiosity' }))],
      ['CONSENT_RETENTION', await altered(base, latchkey({ retentionDays: 91 }))],
      ['CONSENT_INVALID', await altered(base, latchkey({ maxDownloads: 4 }))],
      ['CONSENT_INIT_MISSING', await altered(base, detail({ items: [[1, 3]] }))],
      ['CONSENT_HEADERS', await altered(base, detail({ items: [[0, 2]] }))],
      ['CONSENT_HEADERS', { ...(await sign()), headers: base.headers.slice(1) }],
      ['CONSENT_NOTICE', await altered(base, latchkey({ retentionDays: 3 }))],
      ['SIGNATURE_INVALID', { ...base, consent: flipLast(base.consent) }],
    ]
    for (const [code, submission] of cases.slice(0, -1)) expect(await refusal(submission)).toBe(code)
    expect(await refusal(cases.at(-1)![1])).toMatch(/^(CONSENT_INVALID|CONSENT_REPLAYED)$/)
  })

  it('of another household is CONSENT_ISSUER, whoever sends it', async () => {
    const other = await createCase(world)
    const theirs = await signConsent(other, consentPlan(world, other))
    expect(await refusal(theirs)).toBe('CONSENT_ISSUER')
    const { manifest, descriptors } = subject.clip
    const crossed = await altered(
      theirs,
      (payload) => ({
        ...payload,
        authorization_details: [{ ...payload.authorization_details[0]!, identifier: manifest.digest }],
      }),
      other.household.owner.signer,
    )
    expect(descriptors.length).toBeGreaterThan(0)
    expect(await refusal(crossed, other.household.owner)).toBe('CONSENT_ISSUER')
  })

  it('for items outside the window is CONSENT_OUTSIDE_WINDOW', async () => {
    const parties = { household: subject.household, device: subject.device }
    const clip = await uploadClip(world, parties, { agoMs: 5 * 3_600_000 })
    const late = { ...subject, clip }
    const plan = consentPlan(world, late, { items: [0, 1] })
    await expect(signConsent(late, plan)).rejects.toMatchObject({ code: 'CONSENT_OUTSIDE_WINDOW' })
    const base = await sign()
    const outside = await altered(base, (payload) => ({
      ...payload,
      authorization_details: [{ ...payload.authorization_details[0]!, identifier: clip.manifest.digest }],
    }))
    expect(await refusal(outside)).toBe('CONSENT_OUTSIDE_WINDOW')
  })

  it('that leaves too little time to undo is CONSENT_STALE, and a minute of skew is allowed', async () => {
    await using own = await createRelayWorld({
      policy: { consent: { ...world.policy.consent, undoSeconds: 600 } },
    })
    const home = await createCase(own)
    own.clock.shift(120_000)
    const at = (seconds: number) =>
      signConsent(home, consentPlan(own, home, { nowSeconds: own.nowSeconds() + seconds }))
    expect(await codeOf(postConsent(home.household.owner, await at(-90)))).toBe('CONSENT_STALE')
    const slow = await at(-50)
    await expectStatus(await postConsent(home.household.owner, slow), 201)
    await expectStatus(await postConsent(home.household.owner, await at(50)), 201)
    expect(await codeOf(postConsent(home.household.owner, await at(660)))).toBe('CONSENT_INVALID')

    const digest = digestOfJws(slow.consent)
    const json = { download: randomId() }
    const ask = () => home.investigator.client.send('POST', `/v1/releases/${digest}/downloads`, { json })
    expect(await codeOf(ask())).toBe('CONSENT_REQUIRED')
    own.clock.shift(600_000)
    await eventually(async () => (await ask()).ok, 'the consent to begin')
  })

  it('is CONSENT_EXPIRED after its life, to its requester', async () => {
    await using own = await createRelayWorld()
    const home = await createCase(own)
    const submission = await signConsent(home, consentPlan(own, home))
    await expectStatus(await postConsent(home.household.owner, submission), 201)
    const digest = digestOfJws(submission.consent)
    await untilState(home, digest, 'live')
    own.clock.shift((own.policy.consent.lifeSeconds + 60) * 1000)
    const json = { download: randomId() }
    const path = `/v1/releases/${digest}/downloads`
    expect(await codeOf(home.investigator.client.send('POST', path, { json }))).toBe('CONSENT_EXPIRED')
  })

  it('carries an identity only as the sealed item that it names', async () => {
    const whole = await sign(subject, { disclosure: { name: 'A. Owner', phone: '+1 555 0100' } })
    const { disclosure, ...without } = whole
    expect(await refusal(without)).toBe('CONSENT_INVALID')
    const other = sealIdentity({ name: 'A. Owner' }, subject.investigator.identity.recipient)
    expect(await refusal({ ...without, disclosure: encodeBase64url(other) })).toBe('CONSENT_INVALID')
    const plain = await sign(subject)
    expect(await refusal({ ...plain, disclosure: disclosure! })).toBe('CONSENT_INVALID')
    await expectStatus(await postConsent(subject.household.owner, whole), 201)
  })

  it('ends when its clip is deleted', async () => {
    const own = await createCase(world)
    const submission = await sign(own)
    const digest = digestOfJws(submission.consent)
    await expectStatus(await postConsent(own.household.owner, submission), 201)
    await untilState(own, digest, 'live')
    await own.household.owner.client.send('DELETE', `/v1/clips/${own.clip.clip}`)
    expect(await downloadCode(own, digest)).toBe('CONSENT_REVOKED')
  })

  it('gives nothing while its agency is suspended', async () => {
    const own = await createCase(world)
    const submission = await sign(own)
    const digest = digestOfJws(submission.consent)
    await expectStatus(await postConsent(own.household.owner, submission), 201)
    await untilState(own, digest, 'live')
    const { uri, name, signer } = own.investigator.agency
    const json = { uri, name, kind: 'police', status: 'suspended', keys: [signer.jwk] }
    await expectStatus(await world.operator.send('POST', '/v1/agencies', { json }), 201)
    expect(await downloadCode(own, digest)).toBe('AGENCY_SUSPENDED')
    expect(await codeOf(postConsent(own.household.owner, await sign(own)))).toBe('AGENCY_SUSPENDED')
    const change = async (status: string) =>
      expectStatus(await world.operator.send('POST', '/v1/agencies', { json: { ...json, status } }), 201)
    await change('active')
    expect(await downloadCode(own, digest)).not.toBe('AGENCY_SUSPENDED')
    // What it asked before it left is over for good.
    for (const status of ['withdrawn', 'active']) {
      await change(status)
      expect(await downloadCode(own, digest)).toBe('AGENCY_SUSPENDED')
    }
    expect(await codeOf(postConsent(own.household.owner, await sign(own)))).toBe('CONSENT_REQUEST')
  })

  it('made under a keyset that was replaced first is KEYSET_SUPERSEDED', async () => {
    const [first, second] = [world.party(), world.party()]
    const household = await enrolHousehold(world, { members: [first, second] })
    const device = await enrolDevice(world, household)
    const clip = await uploadClip(world, { household, device })
    const investigator = await certifyInvestigator(world, await enrolAgency(world))
    const own: Case = { household, device, clip, investigator, request: await acceptedRequest(world, investigator) }
    const submission = await sign(own)
    const { iss, latchkey } = household.keyset.payload
    const next = await keyset.encode(
      {
        iss,
        iat: world.nowSeconds(),
        latchkey: { ...latchkey, version: 2, previous: household.keyset.digest, members: [memberOf(first)] },
      },
      first.signer,
    )
    await expectStatus(await first.client.send('POST', '/v1/keysets', { json: { keyset: next } }), 201)
    expect(await codeOf(postConsent(first, submission))).toBe('KEYSET_SUPERSEDED')
  })
})

describe('a quorum of two', () => {
  it('gives nothing before the other owner approved, and the owner cannot approve alone', async () => {
    const [first, second] = [world.party(), world.party()]
    const household = await enrolHousehold(world, { members: [first, second], quorum: 2 })
    const device = await enrolDevice(world, household)
    const clip = await uploadClip(world, { household, device })
    const investigator = await certifyInvestigator(world, await enrolAgency(world))
    const own: Case = { household, device, clip, investigator, request: await acceptedRequest(world, investigator) }
    const submission = await sign(own)
    const digest = digestOfJws(submission.consent)
    const accepted = await expectStatus(await postConsent(first, submission), 201)
    expect(accepted['state']).toBe('awaiting-approval')
    const approve = async (party: Party) => {
      const word = await approval.encode(
        {
          iss: household.root.urn,
          jti: randomId(),
          iat: world.nowSeconds(),
          latchkey: { v: 1, consent: digest, keyset: household.keyset.digest },
        },
        party.signer,
      )
      return party.client.send('POST', '/v1/approvals', { json: { approval: word, salt: randomSalt() } })
    }
    await expectStatus(await approve(first), 201)
    await untilState(own, digest, 'awaiting-approval')
    expect(await downloadCode(own, digest)).toBe('CONSENT_REQUIRED')
    await expectStatus(await approve(second), 201)
    await untilState(own, digest, 'live')
    expect(await downloadCode(own, digest)).toMatch(/^20[02]$/)
  })
})

describe('a revocation', () => {
  const revoke = async (of: Case, digest: string, signer: Signer = of.household.owner.signer) =>
    revocation.encode(
      {
        iss: of.household.root.urn,
        jti: randomId(),
        iat: world.nowSeconds(),
        latchkey: { v: 1, revokes: digest, keyset: of.household.keyset.digest },
      },
      signer,
    )
  const send = async (party: Party, raw: string) =>
    party.client.send('POST', '/v1/revocations', { json: { revocation: raw, salt: randomSalt() } })

  it('before the consent begins leaves the requester with nothing to see', async () => {
    await using own = await createRelayWorld({
      policy: { consent: { ...world.policy.consent, undoSeconds: 600 } },
    })
    const home = await createCase(own)
    const submission = await signConsent(home, consentPlan(own, home))
    await expectStatus(await postConsent(home.household.owner, submission), 201)
    await expectStatus(await send(home.household.owner, await revoke(home, digestOfJws(submission.consent))), 201)
    own.clock.shift(700_000)
    const { releases } = (await expectStatus(await home.investigator.client.send('GET', '/v1/releases'), 200)) as {
      releases: unknown[]
    }
    expect(releases).toEqual([])
  })

  it('of a device ends its uploads at once', async () => {
    const own = await createCase(world)
    const path = '/v1/keysets'
    expect((await own.device.client.send('GET', path)).status).toBe(200)
    const raw = await revoke(own, digestOfJws(own.device.certificate))
    await expectStatus(await send(own.household.owner, raw), 201)
    expect(await codeOf(own.device.client.send('GET', path))).toBe('CALLER_REFUSED')
  })

  it('is refused for what is not of the household, and when no member signed it', async () => {
    const other = await createCase(world)
    const theirs = digestOfJws(other.device.certificate)
    expect(await codeOf(send(subject.household.owner, await revoke(subject, theirs)))).toBe('REVOCATION_INVALID')
    const ours = digestOfJws(subject.device.certificate)
    const forged = await revoke(subject, ours, world.party().signer)
    expect(await codeOf(send(subject.household.owner, forged))).toBe('REVOCATION_INVALID')
    const foreign = await revoke(subject, ours)
    expect(await codeOf(send(other.household.owner, foreign))).toBe('REVOCATION_INVALID')
  })
})

/** Flips a bit of the signature. */
function flipLast(jws: string): string {
  const at = jws.length - 10
  return jws.slice(0, at) + (jws[at] === 'A' ? 'B' : 'A') + jws.slice(at + 1)
}
