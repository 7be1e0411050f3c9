import {
  createVerifierTrust,
  digestOfJws,
  indexesOf,
  openCommitted,
  openHeader,
  parseHeader,
  decodeBase64url,
  received,
  revocation,
  splitAgeFile,
  trust as trustFile,
  verifyBundleZip,
} from '@latchkey/shared'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { consentLogged, takeDownload } from '../support/given-clip.ts'
import {
  type Case,
  consentPlan,
  createCase,
  createRelayWorld,
  expectStatus,
  postConsent,
  randomId,
  randomSalt,
  type RelayWorld,
  signConsent,
} from '../support/relay-world.ts'

let world: RelayWorld
beforeAll(async () => {
  world = await createRelayWorld()
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
})

async function refusalOf(subject: Case, consent: string): Promise<string> {
  const response = await subject.investigator.client.send('POST', `/v1/releases/${consent}/downloads`, {
    json: { download: randomId() },
  })
  return ((await response.json()) as { code: string }).code
}

describe('a consented clip', () => {
  it('opens with the requester key alone, byte for byte', async () => {
    const subject = await createCase(world)
    const consent = await consentLogged(world, subject)
    const { download } = await takeDownload(subject, consent)
    const plan = consentPlan(world, subject)
    expect(plan.items.length).toBeGreaterThan(1)
    for (const index of indexesOf([[0, 3]])) {
      const path = `/v1/downloads/${download}/items/${index}`
      const file = await subject.investigator.client.bytes('GET', path)
      const { header, payload } = splitAgeFile(file)
      const { keyCommitment, plaintextCommitment } = subject.clip.descriptors[index]!
      const fileKey = openHeader(parseHeader(header), subject.investigator.identity)
      const committed = {
        keyCommitment: decodeBase64url(keyCommitment),
        plaintextCommitment: decodeBase64url(plaintextCommitment),
      }
      expect(openCommitted(fileKey, payload, committed)).toEqual(subject.clip.plaintexts[index])
      expect(() => openHeader(parseHeader(header), subject.household.recovery)).toThrow()
    }
  })

  it('is served in ranges that join to the whole, and refuses one beyond the end', async () => {
    const subject = await createCase(world)
    const { download } = await takeDownload(subject, await consentLogged(world, subject))
    const path = `/v1/downloads/${download}/items/1`
    const whole = await subject.investigator.client.bytes('GET', path)
    const part = async (range: string): Promise<Buffer> => {
      const response = await subject.investigator.client.send('GET', path, { headers: { range } })
      expect(response.status).toBe(206)
      return Buffer.from(await response.arrayBuffer())
    }
    expect(Buffer.concat([await part('bytes=0-99'), await part('bytes=100-')])).toEqual(Buffer.from(whole))
    expect(await part('bytes=160-175')).toEqual(Buffer.from(whole.subarray(160, 176)))
    expect(await part('bytes=-7')).toEqual(Buffer.from(whole.subarray(-7)))
    const beyond = await subject.investigator.client.send('GET', path, { headers: { range: `bytes=${whole.length}-` } })
    expect(beyond.status).toBe(416)
  })

  it('is counted once per download id, and the fourth of three is CONSENT_USED', async () => {
    const subject = await createCase(world)
    const consent = await consentLogged(world, subject)
    const first = await takeDownload(subject, consent)
    expect(await takeDownload(subject, consent, first.download)).toEqual(first)
    await takeDownload(subject, consent)
    await takeDownload(subject, consent)
    expect(await refusalOf(subject, consent)).toBe('CONSENT_USED')
    expect(await takeDownload(subject, consent, first.download)).toEqual(first)
  })

  it('is never released more often than allowed, however many ask at once', async () => {
    const subject = await createCase(world)
    const consent = await consentLogged(world, subject)
    const answers = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const json = { download: randomId() }
        return (await subject.investigator.client.send('POST', `/v1/releases/${consent}/downloads`, { json })).status
      }),
    )
    expect(answers.filter((status) => status === 202 || status === 200).length).toBe(3)
    expect(answers.filter((status) => status === 410).length).toBe(9)
  })

  it('is CONSENT_REVOKED from the moment the owner says so, running downloads included', async () => {
    const subject = await createCase(world)
    const consent = await consentLogged(world, subject)
    const { download } = await takeDownload(subject, consent)
    const raw = await revocation.encode(
      {
        iss: subject.household.root.urn,
        jti: randomId(),
        iat: world.nowSeconds(),
        latchkey: { v: 1, revokes: consent, keyset: subject.household.keyset.digest },
      },
      subject.household.owner.signer,
    )
    const json = { revocation: raw, salt: randomSalt() }
    await expectStatus(await subject.household.owner.client.send('POST', '/v1/revocations', { json }), 201)
    expect(await refusalOf(subject, consent)).toBe('CONSENT_REVOKED')
    const item = await subject.investigator.client.send('GET', `/v1/downloads/${download}/items/0`)
    expect(await item.json()).toMatchObject({ code: 'CONSENT_REVOKED' })
  })

  it('comes as a bundle that verifies offline, the same bytes whole and in ranges', async () => {
    const subject = await createCase(world)
    const { download } = await takeDownload(subject, await consentLogged(world, subject))
    const path = `/v1/downloads/${download}/bundle.zip`
    const zip = await subject.investigator.client.bytes('GET', path)
    const trust = createVerifierTrust(await world.anyone.json('GET', '/v1/trust.json', trustFile))
    const verdict = verifyBundleZip(zip, trust, { identity: subject.investigator.identity })
    expect(verdict.checks.filter((check) => check.status === 'failed')).toEqual([])
    expect(verdict.checks.filter((check) => check.status === 'not-applicable').map((check) => check.name)).toEqual([])
    expect(verdict.opened?.length).toBe(4)
    const tail = await subject.investigator.client.send('GET', path, { headers: { range: 'bytes=1000-' } })
    expect(Buffer.from(await tail.arrayBuffer())).toEqual(Buffer.from(zip.subarray(1000)))
  })

  it('is acknowledged by the investigator, once', async () => {
    const subject = await createCase(world)
    const consent = await consentLogged(world, subject)
    const { release } = await takeDownload(subject, consent)
    const payload = {
      iss: subject.investigator.agency.uri,
      sub: subject.investigator.signer.urn,
      jti: randomId(),
      iat: world.nowSeconds(),
      latchkey: {
        v: 1 as const,
        release: digestOfJws(release),
        consent,
        plaintextsSha256: randomSalt(),
        items: 4,
        tool: 'latchkey/test',
      },
    }
    const raw = await received.encode(payload, subject.investigator.signer)
    const send = () =>
      subject.investigator.client.send('POST', '/v1/received', { json: { received: raw, salt: randomSalt() } })
    const first = await expectStatus(await send(), 201)
    expect(await expectStatus(await send(), 201)).toEqual(first)
    const other = await received.encode(
      { ...payload, latchkey: { ...payload.latchkey, items: 3 } },
      subject.investigator.signer,
    )
    const json = { received: other, salt: randomSalt() }
    const refused = await subject.investigator.client.send('POST', '/v1/received', { json })
    expect(await refused.json()).toMatchObject({ code: 'RECEIPT_INVALID' })
  })
})

describe('everyone whom the consent does not name', () => {
  it('gets one body, the same for a real consent, an unknown one, and one before its time', async () => {
    const subject = await createCase(world)
    const other = await createCase(world)
    const consent = await consentLogged(world, subject)
    const ask = async (digest: string): Promise<unknown> => {
      const json = { download: randomId() }
      const response = await other.investigator.client.send('POST', `/v1/releases/${digest}/downloads`, { json })
      return { status: response.status, body: await response.json() }
    }
    const early = { ...world.policy, consent: { ...world.policy.consent, undoSeconds: 600 } }
    const waiting = await signConsent(other, consentPlan(world, other, { policy: early }))
    await expectStatus(await postConsent(other.household.owner, waiting), 201)
    const unknown = await ask(randomSalt())
    expect(unknown).toMatchObject({ status: 403, body: { code: 'CONSENT_REQUIRED' } })
    expect(await ask(consent)).toEqual(unknown)
    expect(await ask(digestOfJws(waiting.consent))).toEqual(unknown)
    const { releases } = (await expectStatus(await other.investigator.client.send('GET', '/v1/releases'), 200)) as {
      releases: unknown[]
    }
    expect(releases).toEqual([])
  })
})
