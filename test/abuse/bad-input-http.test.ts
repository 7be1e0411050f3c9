import {
  approval,
  clipRequest,
  consent,
  contentDigestOf,
  digestOfJws,
  encodeBase64url,
  encodeDpop,
  ERROR_CODES,
  type ErrorCode,
  problem,
  PROBLEM_MEDIA_TYPE,
  randomBytes,
  received,
  revocation,
  sha256,
  sharedOn,
  type Signer,
} from '@latchkey/shared'
import { connect } from 'node:net'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROUTES } from '../../relay/src/http/routes.ts'
import { createLog } from '../../relay/src/kernel/log.ts'
import { createSeededRandom, IS_FULL, runs, tellSoak } from '../support/counts.ts'
import { CANARY, type HttpCase, httpCases, type KnownThings } from '../support/http-cases.ts'
import type { MutableJson } from '../support/json-mutants.ts'
import { createMemoryWatch, heldMemory, type MemoryWatch } from '../support/memory-watch.ts'
import { eventually } from '../support/poll.ts'
import { createRawHttpClient, type RawAnswer, type RawHttpClient } from '../support/raw-http-client.ts'
import {
  type Case,
  certifyDevice,
  consentPlan,
  createCase,
  createRelayWorld,
  draftManifest,
  draftRequest,
  draftSharedOn,
  expectStatus,
  postConsent,
  randomId,
  randomSalt,
  randomSigner,
  type RelayWorld,
  signConsent,
} from '../support/relay-world.ts'

const AT_ONCE = 8
const CHUNK = 500
const MEGABYTE = 1024 * 1024
const SEED = 20_261_122
const faults: string[] = []
const statuses = new Set<number>()

interface Released {
  readonly download: string
  readonly consent: string
  readonly release: string
}

let world: RelayWorld
let subject: Case
let released: Released
let known: KnownThings
let http: RawHttpClient
let signers: Readonly<Record<string, Signer | null>>
let nonce = ''

beforeAll(async () => {
  const operator = randomSigner()
  const destination = new Writable({
    write: (line: Buffer, _encoding, done) => {
      faults.push(line.toString('utf8'))
      done()
    },
  })
  world = await createRelayWorld({
    operator,
    log: createLog({ level: 'error', destination }),
  })
  subject = await createCase(world)
  released = await releasedDownload(subject)
  http = createRawHttpClient(world.relay.publicOrigin)
  signers = {
    anyone: null,
    stranger: randomSigner(),
    root: subject.household.root,
    member: subject.household.owner.signer,
    device: subject.device.signer,
    investigator: subject.investigator.signer,
    operator,
  }
  known = await knownThings()
  nonce = (await fetch(`${world.relay.publicOrigin}/log/checkpoint`)).headers.get('dpop-nonce')!
})
afterAll(async () => {
  http[Symbol.dispose]()
  await world[Symbol.asyncDispose]()
})

/** A consent of the case, released once. */
async function releasedDownload(given: Case): Promise<Released> {
  const submission = await signConsent(given, consentPlan(world, given))
  await expectStatus(await postConsent(given.household.owner, submission), 201)
  const id = randomId()
  const consentDigest = digestOfJws(submission.consent)
  const path = `/v1/releases/${consentDigest}/downloads`
  return eventually(async () => {
    const answer = await given.investigator.client.send('POST', path, { json: { download: id } })
    if (answer.status !== 200) return null
    const { release } = (await answer.json()) as { release: string }
    return { download: id, consent: consentDigest, release: digestOfJws(release) }
  }, 'the release to be logged')
}

/** A body that its route takes, or would take from another caller, for every route that reads JSON. */
async function knownThings(): Promise<KnownThings> {
  const { household, device, clip, investigator, request } = subject
  const { iss, latchkey } = household.keyset.payload
  const word = { iss, jti: randomId(), iat: world.nowSeconds() }
  const names = { v: 1 as const, keyset: household.keyset.digest }
  const { signer } = household.owner
  const submission = await signConsent(subject, consentPlan(world, subject))
  const { device: id, ...papers } = await certifyDevice(world, household, randomSigner())
  const manifest = draftManifest(world, { household, device }, { clip: clip.clip, descriptors: clip.descriptors })
  const receipt = {
    ...{ iss: investigator.agency.uri, sub: investigator.signer.urn, jti: randomId(), iat: world.nowSeconds() },
    latchkey: {
      v: 1 as const,
      release: randomSalt(),
      consent: randomSalt(),
      plaintextsSha256: randomSalt(),
      items: 4,
      tool: 'x',
    },
  }
  const salt = randomSalt()
  const pairing = {
    keyset: household.keyset.raw,
    deviceCertificate: device.certificate,
    rootJwk: household.root.jwk,
    mac: salt,
  }
  const bodies = {
    'PUT /v1/pairings/:id/hello': { hello: papers.hello },
    'PUT /v1/pairings/:id/answer': pairing,
    'PUT /v1/pairings/:id/done': { ack: papers.hello },
    'POST /v1/households': { keyset: household.keyset.raw, rootJwk: household.root.jwk, cell: '9q8yy' },
    'POST /v1/keysets': { keyset: household.keyset.raw, ack: papers.hello },
    'POST /v1/devices': { ...papers, salt },
    'PUT /v1/clips/:clip/manifest': {
      manifest: clip.manifest.raw,
      descriptors: clip.descriptors,
      latchkey,
      manifest2: manifest,
    },
    'PUT /v1/clips/:clip/headers/:keyset': {
      headers: clip.bodies.map((body, i) =>
        encodeBase64url(body.subarray(0, body.length - clip.descriptors[i]!.payloadBytes)),
      ),
    },
    'PUT /v1/days/:digest': { day: clip.manifest.raw, salt },
    'POST /v1/consents': submission,
    'POST /v1/approvals': {
      approval: await approval.encode({ ...word, latchkey: { ...names, consent: salt } }, signer),
      salt,
    },
    'POST /v1/revocations': {
      revocation: await revocation.encode({ ...word, latchkey: { ...names, revokes: salt } }, signer),
      salt,
    },
    'POST /v1/agencies': {
      uri: 'https://fuzz.example',
      name: 'F',
      kind: 'police',
      status: 'active',
      keys: [randomSigner().jwk],
    },
    'POST /v1/requests': {
      request: await clipRequest.encode(draftRequest(world, investigator), investigator.signer),
      investigatorCertificate: investigator.certificate,
    },
    'POST /v1/releases/:consent/downloads': { download: randomId() },
    'POST /v1/received': { received: await received.encode(receipt, investigator.signer), salt },
    'POST /v1/shared-on': {
      sharedOn: await sharedOn.encode(draftSharedOn(world, investigator, released), investigator.signer),
      salt,
    },
  }
  return {
    roles: Object.keys(signers),
    params: {
      clip: [clip.clip],
      index: ['0', '1'],
      keyset: [household.keyset.digest],
      digest: [request.digest],
      consent: [released.consent],
      download: [released.download],
      cell: ['9q8yy'],
      id: [randomId(), id],
      '*': ['0/000.p/1', 'entries/000.p/1'],
    },
    bodies: new Map(Object.entries(JSON.parse(JSON.stringify(bodies)) as { [name: string]: MutableJson })),
  }
}

/** The proof that a case carries; null for none. */
async function proofOf({ method, path, proof, role, body }: HttpCase): Promise<string | null> {
  const signer = signers[role]
  if (!signer || proof === 'none') return null
  if (proof === 'garbage') return `${CANARY}.${CANARY}.${CANARY}`
  const address = world.relay.publicOrigin + (proof === 'elsewhere' ? '/v1/elsewhere' : path.split('?', 1)[0]!)
  const bound = proof === 'other body' ? randomSalt() : body && body.length > 0 ? encodeBase64url(sha256(body)) : null
  const claims = {
    htm: (['GET', 'PUT', 'POST', 'DELETE'].includes(method) ? method : 'GET') as 'GET',
    htu: address.slice(0, 2_048),
    iat: world.nowSeconds(),
    jti: randomId(),
    nonce: proof === 'old nonce' ? randomSalt() : nonce,
    ...(bound === null ? {} : { body: bound }),
  }
  const raw = await encodeDpop(claims, signer)
  return proof === 'cut' ? raw.slice(0, -10) : raw
}

/** Null when the connection ended without an answer, as it may under a body that was refused before it was read. */
async function send(given: HttpCase): Promise<RawAnswer | null> {
  const { method, path, headers, body, hasDigest } = given
  const dpop = await proofOf(given)
  const answer = await http
    .send({
      method,
      path,
      headers: {
        ...headers,
        ...(dpop === null ? {} : { dpop }),
        ...(body === null ? {} : { 'content-length': String(body.length) }),
        ...(body && body.length > 0
          ? { 'content-digest': contentDigestOf(sha256(hasDigest ? body : new Uint8Array(1))) }
          : {}),
      },
      ...(body === null ? {} : { body }),
    })
    .catch((error: unknown) => {
      if (['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
      throw error
    })
  nonce = (answer?.headers['dpop-nonce'] as string | undefined) ?? nonce
  return answer
}

const TELLTALES = [CANARY, 'node_modules', 'file://', '.ts:', '    at ', 'Error:', 'SELECT', 'postgres', process.cwd()]

/** What is wrong with an answer; empty when it is one that a relay may give. */
function complaints({ method }: Pick<HttpCase, 'method'>, answer: RawAnswer | null): string[] {
  if (answer === null) return []
  const { status, headers, body } = answer
  const text = body.toString('latin1')
  const leaks = TELLTALES.filter((word) => status >= 400 && (text + JSON.stringify(headers)).includes(word))
  const told = leaks.map((word) => `tells ${word}`)
  if (status < 400 || method === 'HEAD') return told
  if (headers['content-type']?.split(';', 1)[0] !== PROBLEM_MEDIA_TYPE)
    return [...told, `answers ${headers['content-type']}`]
  return [...told, ...problemComplaints(status, text)]
}

function problemComplaints(status: number, text: string): string[] {
  let value: unknown = null
  try {
    value = JSON.parse(text)
  } catch {
    return ['answers no JSON']
  }
  if (!problem.check(value)) return ['answers no problem']
  const { code } = value
  if (!(code in ERROR_CODES)) return [`answers the unknown code ${code}`]
  const entry = ERROR_CODES[code as ErrorCode]
  if (entry.status !== status) return [`answers ${status} for ${code}`]
  return status >= 500 && code !== 'UNAVAILABLE' ? [`answers ${code}`] : []
}

/** Sends them a few at a time. @returns what is wrong, and how often which status came */
async function sendAll(cases: readonly HttpCase[], memory: MemoryWatch): Promise<string[]> {
  const wrong: string[] = []
  for (let at = 0; at < cases.length; at += AT_ONCE) {
    const batch = cases.slice(at, at + AT_ONCE)
    for (const [i, answer] of (await Promise.all(batch.map(send))).entries()) {
      const { method, path, role, proof } = batch[i]!
      const found = complaints(batch[i]!, answer)
      if (found.length > 0) wrong.push(`${method} ${path.slice(0, 80)} ${role} ${proof}: ${found.join(', ')}`)
      statuses.add(answer?.status ?? 0)
    }
    memory.sample()
  }
  return wrong
}

describe('bad input', () => {
  it('is answered with a known code on every route, tells nothing, and costs no memory', async () => {
    const count = runs(2_000, 100_000)
    // What the cases themselves take makes resident memory leap with each chunk: of a few chunks, what is held is asked.
    const memory = createMemoryWatch()
    const held = createMemoryWatch(() => heldMemory().data)
    const wrong: string[] = []
    for (let start = 0; start < count; start += CHUNK) {
      const size = Math.min(CHUNK, count - start)
      wrong.push(...(await sendAll(httpCases(ROUTES, known, { seed: SEED + start, count: size }), memory)))
      held.sample()
    }
    expect(wrong).toEqual([])
    expect(faults).toEqual([])
    // The cases reached what they were made for: every kind of refusal, and what is right by chance.
    expect([...statuses]).toEqual(expect.arrayContaining([200, 201, 400, 401, 403, 404, 405, 413, 415, 422, 428]))
    expect(held.growthBytes()).toBeLessThan(32 * MEGABYTE)
    if (IS_FULL) expect(memory.growthBytes()).toBeLessThan(100 * MEGABYTE)
    tellSoak({ what: 'bad HTTP requests', count, outcome: 'a known code each, no crash, memory flat' })
  }, 3_600_000)

  it('that is not even HTTP is refused and hung up on', async () => {
    const random = createSeededRandom(SEED)
    const wrong = [...NOT_HTTP, ...Array.from({ length: runs(40, 1_000) }, () => randomBytes(1 + random(300)))]
    const ended = await Promise.all(wrong.map((bytes) => converse(bytes)))
    for (const text of ended) {
      expect(text).toMatch(/^$|^HTTP\/1\.1 (400|413) .*"code":"MESSAGE_(INVALID|TOO_LARGE)"/s)
      expect(TELLTALES.filter((word) => text.includes(word))).toEqual([])
    }
    expect(faults).toEqual([])
  })

  it('leaves the relay as it was: a case from camera to release still goes through', async () => {
    const { download } = await releasedDownload(await createCase(world))
    expect(download).toHaveLength(22)
  })
})

/** Everything that a peer says until it hangs up. */
function converse(bytes: Uint8Array): Promise<string> {
  const { hostname, port } = new URL(world.relay.publicOrigin)
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(Number(port), hostname, () => socket.end(bytes))
    socket.setTimeout(20_000, () => reject(new Error('the relay did not hang up')))
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.on('error', () => {})
    socket.on('close', () => {
      resolve(text)
    })
  })
}

const NOT_HTTP = [
  'HELLO\r\n\r\n',
  `${CANARY} / HTTP/1.1\r\n\r\n`,
  'GET / HTTP/9.9\r\n\r\n',
  `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`,
  'POST /v1/consents HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
  'POST /v1/consents HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'PUT /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03',
].map((text) => new Uint8Array(Buffer.from(text, 'latin1')))

describe('what exists looks to those without a right to it like what does not:', () => {
  /** What a caller learns: everything but the freshness of the answer. */
  async function learned(role: string, route: Pick<HttpCase, 'method' | 'path'>, json?: object) {
    const body = json === undefined ? null : new Uint8Array(Buffer.from(JSON.stringify(json)))
    const headers = json === undefined ? {} : { 'content-type': 'application/json' }
    const given = { ...route, role, proof: 'good', headers, body, hasDigest: true, route: ROUTES[0]! } as const
    const answer = (await send(given))!
    return { status: answer.status, headers: Object.keys(answer.headers), body: answer.body.toString('utf8') }
  }

  const others = ['stranger', 'root', 'member', 'device', 'investigator', 'operator']
  const named = ROUTES.filter((route) => !route.callers.includes('anyone') && route.url.includes(':'))

  it.each(named)('$method $url', async (route) => {
    const fill = (params: Readonly<Record<string, string>>) =>
      route.url.replaceAll(/:([a-z]+)/g, (_, name: string) => params[name]!)
    const real = Object.fromEntries(Object.entries(known.params).map(([name, [first]]) => [name, first!]))
    const unreal = { ...real, clip: randomId(), download: randomId(), consent: randomSalt(), digest: randomSalt() }
    for (const role of others.filter((kind) => !(route.callers as readonly string[]).includes(kind)))
      expect(await learned(role, { method: route.method, path: fill(real) })).toEqual(
        await learned(role, { method: route.method, path: fill(unreal) }),
      )
  })

  it('another household, another device and another investigator', async () => {
    const other = await createCase(world)
    signers = {
      ...signers,
      'other member': other.household.owner.signer,
      'other device': other.device.signer,
      'other investigator': other.investigator.signer,
    }
    const pairs: [role: string, method: string, path: (clip: string, download: string, consent: string) => string][] = [
      ['other member', 'GET', (clip) => `/v1/clips/${clip}/headers`],
      ['other member', 'GET', (clip) => `/v1/clips/${clip}/items/0`],
      ['other member', 'DELETE', (clip) => `/v1/clips/${clip}`],
      ['other investigator', 'GET', (_, id) => `/v1/downloads/${id}/items/0`],
      ['other investigator', 'GET', (_, id) => `/v1/downloads/${id}/bundle.zip`],
      ['other investigator', 'POST', (_, __, consent) => `/v1/releases/${consent}/downloads`],
    ]
    for (const [role, method, path] of pairs) {
      const json = method === 'POST' ? { download: randomId() } : undefined
      const real = await learned(
        role,
        { method, path: path(subject.clip.clip, released.download, released.consent) },
        json,
      )
      expect(real).toEqual(await learned(role, { method, path: path(randomId(), randomId(), randomSalt()) }, json))
    }
  })

  it('what another household or investigator is named in a signed word', async () => {
    const other = await createCase(world)
    const { signer } = other.household.owner
    signers = { ...signers, 'other member': signer, 'other investigator': other.investigator.signer }
    const revoking = async (revokes: string) => {
      const latchkey = { v: 1 as const, revokes, keyset: other.household.keyset.digest }
      const word = { iss: other.household.root.urn, jti: randomId(), iat: world.nowSeconds(), latchkey }
      const json = { revocation: await revocation.encode(word, signer), salt: randomSalt() }
      return learned('other member', { method: 'POST', path: '/v1/revocations' }, json)
    }
    const nothing = await revoking(randomSalt())
    expect(nothing.status).toBe(422)
    expect(await revoking(released.consent)).toEqual(nothing)
    expect(await revoking(digestOfJws(subject.device.certificate))).toEqual(nothing)
    const consenting = async (identifier: string) => {
      const { consent: raw, headers } = await signConsent(other, consentPlan(world, other))
      const { payload } = consent.parse(raw)
      const detail = { ...payload.authorization_details[0]!, identifier }
      const changed = await consent.encode({ ...payload, authorization_details: [detail] }, signer)
      const json = { consent: changed, headers, salt: randomSalt() }
      return learned('other member', { method: 'POST', path: '/v1/consents' }, json)
    }
    expect(await consenting(subject.clip.manifest.digest)).toEqual(await consenting(randomSalt()))
    const receiving = async (release: string) => {
      const latchkey = {
        v: 1 as const,
        release,
        consent: released.consent,
        plaintextsSha256: randomSalt(),
        items: 4,
        tool: 'x',
      }
      const { agency, signer: requester } = other.investigator
      const claims = { iss: agency.uri, sub: requester.urn, jti: randomId(), iat: world.nowSeconds(), latchkey }
      const json = { received: await received.encode(claims, requester), salt: randomSalt() }
      return learned('other investigator', { method: 'POST', path: '/v1/received' }, json)
    }
    expect(await receiving(released.release)).toEqual(await receiving(randomSalt()))
  })
})
