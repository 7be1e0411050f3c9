import {
  buildConsent,
  clipManifest,
  type ClipManifest,
  type ClipRequest,
  clipRequest,
  type ConsentPlan,
  type ConsentSubmission,
  createSigner,
  defaultItems,
  deviceCertificate,
  digestOf,
  encodeBase64url,
  encodeDescriptor,
  generateIdentity,
  hashLeaf,
  hello,
  type Identity,
  investigatorCertificate,
  type ItemDescriptor,
  type ItemKind,
  outcome,
  type Outcome,
  keyset,
  type Keyset,
  type Policy,
  digestOfJson,
  digestOfJws,
  randomBytes,
  rootOfLeaves,
  sealItem,
  sharedOn,
  type SharedOn,
  type Signed,
  type Signer,
  concatBytes,
} from '@latchkey/shared'
import { createRelayClient, type RelayClient } from '@latchkey/shared/client'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadConfig, type RelayConfig, type RelayConfigFile } from '../../relay/src/config.ts'
import { type Clock, systemClock } from '../../relay/src/kernel/clock.ts'
import type { Failpoints } from '../../relay/src/kernel/failpoint.ts'
import { createLog, type Log } from '../../relay/src/kernel/log.ts'
import { createRelay, type Relay, type RelayParts } from '../../relay/src/relay.ts'
import { isCity, openCityPlace } from './city-engines.ts'
import { placeDatabase } from './database-template.ts'
import { eventually } from './poll.ts'
import { createTemporaryFolder } from './temporary-folder.ts'

export const randomId = (): string => encodeBase64url(randomBytes(16))
export const randomSalt = (): string => encodeBase64url(randomBytes(32))
export const randomSigner = (): Signer => createSigner(randomBytes(32))

/** The `us` policy with nothing to wait for. */
export async function loadTestPolicy(change: Partial<Policy> = {}): Promise<Policy> {
  const path = new URL('../../shared/policy/us.json', import.meta.url)
  const policy = JSON.parse(await readFile(path, 'utf8')) as Policy
  return {
    ...policy,
    agencyNoticeMs: 0,
    agencyLimits: { perDay: 100, per30Days: 100, open: 100 },
    consent: { ...policy.consent, undoSeconds: 0 },
    ...change,
  }
}

/** A clock that runs as the machine's does, shifted. */
export interface ShiftedClock extends Clock {
  /** Moves wall time; timers and monotonic time stay. */
  shift(ms: number): void
  /** Makes every repeating job run once more, now. */
  tick(): void
}

export function createShiftedClock(startMs = 0): ShiftedClock {
  let offsetMs = startMs
  const jobs = new Set<() => void>()
  return {
    ...systemClock,
    nowMs: () => systemClock.nowMs() + offsetMs,
    shift: (ms) => void (offsetMs += ms),
    tick: () => jobs.forEach((job) => job()),
    every: (ms, job) => {
      jobs.add(job)
      const timer = systemClock.every(ms, job)
      return {
        [Symbol.dispose]: () => {
          jobs.delete(job)
          timer[Symbol.dispose]()
        },
      }
    },
  }
}

/** A phone's or an investigator's keys and its way to the relay. */
export interface Party {
  readonly signer: Signer
  readonly identity: Identity
  readonly client: RelayClient
}

export interface Household {
  readonly root: Signer
  readonly rootClient: RelayClient
  readonly owner: Party
  readonly recovery: Identity
  readonly keyset: Signed<Keyset>
}

export interface Device {
  readonly signer: Signer
  readonly client: RelayClient
  readonly certificate: string
  readonly device: string
  /** Final manifests so far, oldest first. */
  readonly finals: Signed<ClipManifest>[]
}

export interface Agency {
  readonly uri: string
  readonly name: string
  readonly signer: Signer
}

export interface Investigator extends Party {
  readonly agency: Agency
  readonly certificate: string
}

export interface UploadedClip {
  readonly clip: string
  readonly plaintexts: readonly Uint8Array[]
  readonly bodies: readonly Uint8Array[]
  readonly descriptors: readonly ItemDescriptor[]
  readonly manifest: Signed<ClipManifest>
}

/** A running relay and everything it takes to use it. */
export interface RelayWorld extends AsyncDisposable {
  readonly relay: Relay
  readonly clock: ShiftedClock
  readonly policy: Policy
  readonly operator: RelayClient
  readonly anyone: RelayClient
  /** Holds `policy.json` and the relay's `data`. */
  readonly folder: string
  client(signer: Signer): RelayClient
  party(): Party
  nowSeconds(): number
}

/** A world whose relay runs in this process. */
export interface OwnRelayWorld extends RelayWorld {
  /** Stops the relay; only {@link restart} makes it run again. */
  stop(): Promise<void>
  /** Stops the relay, where it runs, and starts it again over the same data, at the same address; by other rules, where some are given. */
  restart(policy?: Policy): Promise<void>
}

/** As many relays as there are configurations; their users know them as one. */
async function startRelays(configs: readonly RelayConfig[], parts: RelayParts): Promise<Relay> {
  await using stack = new AsyncDisposableStack()
  const relays: Relay[] = []
  for (const config of configs) relays.push(stack.use(await createRelay(config, parts)))
  const kept = stack.move()
  return { ...relays[0]!, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/**
 * Starts a relay on embedded defaults, on free ports, with 10 ms batches; on the engines of a city where the run asks for
 * them.
 * @param options.policy changes to {@link loadTestPolicy}
 */
export async function createRelayWorld(
  options: {
    policy?: Partial<Policy>
    failpoints?: Failpoints
    log?: Log
    batchMs?: number
    config?: object
    operator?: Signer
    /** How far the world's clock is from the machine's when it begins. */
    shiftMs?: number
  } = {},
): Promise<OwnRelayWorld> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await createTemporaryFolder()).path
  const policy = await loadTestPolicy(options.policy)
  await writeFile(join(folder, 'policy.json'), JSON.stringify(policy))
  const operatorSigner = options.operator ?? randomSigner()
  const listen = { host: '127.0.0.1', port: 0 }
  const given: Partial<RelayConfigFile> = options.config ?? {}
  const city = isCity() ? stack.use(await openCityPlace(folder, given.listen?.port)) : null
  const own = city?.own ?? [{}]
  const configs = await Promise.all(
    own.map((one) =>
      loadConfig(
        {
          listen,
          operatorListen: listen,
          ...(city || given.mosquitto ? {} : { broker: listen }),
          dataDir: 'data',
          policyFile: 'policy.json',
          operatorJwk: operatorSigner.jwk,
          log: { batchMs: options.batchMs ?? 10 },
          ...city?.config,
          ...given,
          ...one,
        },
        folder,
      ),
    ),
  )
  const [config] = configs as [RelayConfig]
  if (!config.database) await placeDatabase(join(config.dataDir, 'postgres'))
  const clock = createShiftedClock(options.shiftMs)
  const parts = {
    clock,
    log: options.log ?? createLog({ level: 'silent' }),
    ...(options.failpoints ? { failpoints: options.failpoints } : {}),
  }
  let relay = await startRelays(configs, parts)
  stack.defer(() => relay[Symbol.asyncDispose]())
  const { publicOrigin } = relay
  const client = (signer: Signer): RelayClient =>
    createRelayClient({ origin: publicOrigin, signer, nowMs: clock.nowMs })
  const kept = stack.move()
  return {
    get relay() {
      return relay
    },
    stop: async () => {
      await relay[Symbol.asyncDispose]()
    },
    restart: async (judgingBy = config.policy) => {
      await relay[Symbol.asyncDispose]()
      const port = config.listen.port || Number(new URL(publicOrigin).port)
      const again = configs.map((one) => ({
        ...one,
        policy: judgingBy,
        listen: { ...one.listen, port: one.listen.port || port },
      }))
      relay = await startRelays(again, parts)
    },
    clock,
    policy,
    folder,
    operator: client(operatorSigner),
    anyone: createRelayClient({ origin: publicOrigin, nowMs: clock.nowMs }),
    client,
    party: () => {
      const signer = randomSigner()
      return { signer, identity: generateIdentity(), client: client(signer) }
    },
    nowSeconds: () => Math.floor(clock.nowMs() / 1000),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** The problem's code of an answer. */
export async function codeOf(answer: Response | Promise<Response>): Promise<string> {
  const response = await answer
  const body = (await response.json()) as { code?: string }
  if (body.code === undefined) throw new Error(`expected a problem, got ${response.status}`)
  return body.code
}

/** The body of an answer that must have this status. */
export async function expectStatus(response: Response, status: number): Promise<Record<string, unknown>> {
  const text = await response.text()
  if (response.status !== status) throw new Error(`expected ${status}, got ${response.status}: ${text}`)
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
}

export function memberOf(party: Party, role: 'owner' | 'viewer' = 'owner'): Keyset['latchkey']['members'][number] {
  return { signingKey: party.signer.jwk, recipient: party.identity.recipient, role }
}

/** A household of one phone, enrolled, its keyset published. */
export async function enrolHousehold(
  world: RelayWorld,
  options: { members?: Party[]; viewers?: Party[]; quorum?: 1 | 2 } = {},
): Promise<Household> {
  const root = randomSigner()
  const owner = options.members?.[0] ?? world.party()
  const recovery = generateIdentity()
  const raw = await keyset.encode(
    {
      iss: root.urn,
      iat: world.nowSeconds(),
      latchkey: {
        v: 1,
        version: 1,
        previous: null,
        effectiveMs: world.clock.nowMs(),
        members: [
          ...(options.members ?? [owner]).map((member) => memberOf(member)),
          ...(options.viewers ?? []).map((viewer) => memberOf(viewer, 'viewer')),
        ],
        recovery: recovery.recipient,
        quorum: options.quorum ?? 1,
      },
    },
    root,
  )
  const rootClient = world.client(root)
  const body = { keyset: raw, rootJwk: root.jwk, cell: '9q8yy' }
  await expectStatus(await rootClient.send('POST', '/v1/households', { json: body }), 201)
  return { root, rootClient, owner, recovery, keyset: keyset.parse(raw) }
}

/** A certificate for a device key, and the hello that it names. */
export async function certifyDevice(
  world: RelayWorld,
  household: Household,
  signer: Signer,
  options: { epoch?: number; device?: string } = {},
): Promise<{ deviceCertificate: string; hello: string; device: string }> {
  const epoch = options.epoch ?? 1
  const device = options.device ?? randomId()
  const { publicOrigin, logVkey } = world.relay
  const greeting = await hello.encode(
    {
      iss: signer.urn,
      iat: world.nowSeconds(),
      cnf: { jwk: signer.jwk },
      latchkey: { v: 1, relay: publicOrigin, logVkey, nonce: randomSalt(), epoch },
    },
    signer,
  )
  const certificate = await deviceCertificate.encode(
    {
      iss: household.root.urn,
      sub: signer.urn,
      iat: world.nowSeconds(),
      cnf: { jwk: signer.jwk },
      latchkey: { v: 1, epoch, device, keyset: household.keyset.digest, hello: digestOfJws(greeting) },
    },
    household.owner.signer,
  )
  return { deviceCertificate: certificate, hello: greeting, device }
}

export async function enrolDevice(world: RelayWorld, household: Household): Promise<Device> {
  const signer = randomSigner()
  const { device, ...papers } = await certifyDevice(world, household, signer)
  const json = { ...papers, salt: randomSalt() }
  await expectStatus(await household.owner.client.send('POST', '/v1/devices', { json }), 201)
  return { signer, client: world.client(signer), certificate: papers.deviceCertificate, device, finals: [] }
}

let agencies = 0

export async function enrolAgency(world: RelayWorld, given: { readonly name?: string } = {}): Promise<Agency> {
  const signer = randomSigner()
  const uri = `https://police${++agencies}.example.gov`
  const { name = `Police Department ${agencies}` } = given
  const json = { uri, name, kind: 'police', status: 'active', keys: [signer.jwk] }
  await expectStatus(await world.operator.send('POST', '/v1/agencies', { json }), 201)
  return { uri, name, signer }
}

export async function certifyInvestigator(
  world: RelayWorld,
  agency: Agency,
  given: { readonly name?: string; readonly role?: string; readonly party?: Party } = {},
): Promise<Investigator> {
  const { name = 'Det. A. Rivera', role = 'detective', party = world.party() } = given
  const certificate = await investigatorCertificate.encode(
    {
      iss: agency.uri,
      sub: party.signer.urn,
      iat: world.nowSeconds(),
      exp: world.nowSeconds() + 86_400,
      cnf: { jwk: party.signer.jwk },
      latchkey: { v: 1, name, role, recipient: party.identity.recipient },
    },
    agency.signer,
  )
  return { ...party, agency, certificate }
}

/** What minutes are asked about. */
export type RequestWindow = ClipRequest['authorization_details'][0]['window']

/** About 0.1 km² in cell 9q8yy. */
export const TEST_AREA: ClipRequest['authorization_details'][0]['area'] = [
  [37_775_000, -122_420_000],
  [37_778_000, -122_420_000],
  [37_778_000, -122_416_000],
  [37_775_000, -122_416_000],
]

/** A request that policy allows, over the last hour unless told otherwise. */
export function draftRequest(world: RelayWorld, investigator: Investigator, window?: RequestWindow): ClipRequest {
  const nowMs = world.clock.nowMs()
  return {
    iss: investigator.agency.uri,
    sub: investigator.signer.urn,
    aud: world.relay.publicOrigin,
    jti: randomId(),
    iat: world.nowSeconds(),
    exp: world.nowSeconds() + world.policy.requestLifeSeconds.default,
    cnf: { jwk: investigator.signer.jwk },
    authorization_details: [
      {
        type: 'latchkey/clip-request',
        actions: ['decrypt'],
        window: window ?? { startMs: nowMs - 3_600_000, endMs: nowMs - 1_000 },
        area: TEST_AREA,
      },
    ],
    latchkey: {
      v: 1,
      caseNumber: `2026-${randomId().slice(0, 8)}`,
      incidentType: 'burglary',
      reason: 'A burglary at about noon.',
      basis: 'voluntary',
      retentionDays: 90,
      contact: '+1 555 0100',
      recipient: investigator.identity.recipient,
      investigatorCertificate: digestOfJws(investigator.certificate),
      template: 'burglary-1',
      policy: digestOfJson(world.policy),
    },
  }
}

export async function postRequest(investigator: Investigator, request: ClipRequest): Promise<Response> {
  const raw = await clipRequest.encode(request, investigator.signer)
  const json = { request: raw, investigatorCertificate: investigator.certificate }
  return investigator.client.send('POST', '/v1/requests', { json })
}

/** Asks and expects to be accepted. */
export async function acceptedRequest(
  world: RelayWorld,
  investigator: Investigator,
  window?: RequestWindow,
): Promise<Signed<ClipRequest> & { index: number; proof: string }> {
  const draft = draftRequest(world, investigator, window)
  const answer = await expectStatus(await postRequest(investigator, draft), 201)
  const raw = await clipRequest.encode(draft, investigator.signer)
  return { ...clipRequest.parse(raw), index: answer['index'] as number, proof: answer['proof'] as string }
}

/** What came of a request, by an investigator of the agency that asked. */
export function draftOutcome(world: RelayWorld, investigator: Investigator, request: string): Outcome {
  return {
    iss: investigator.agency.uri,
    sub: investigator.signer.urn,
    aud: world.relay.publicOrigin,
    jti: randomId(),
    iat: world.nowSeconds(),
    cnf: { jwk: investigator.signer.jwk },
    latchkey: {
      v: 1,
      request,
      outcome: 'not-used',
      investigatorCertificate: digestOfJws(investigator.certificate),
    },
  }
}

export async function postOutcome(investigator: Investigator, report: Outcome): Promise<Response> {
  const raw = await outcome.encode(report, investigator.signer)
  const json = { outcome: raw, investigatorCertificate: investigator.certificate }
  return investigator.client.send('POST', '/v1/outcomes', { json })
}

/** Handed to the prosecution just now, for what was allowed. @param of digests */
export function draftSharedOn(
  world: RelayWorld,
  { agency, signer }: Investigator,
  of: { readonly consent: string; readonly release: string },
): SharedOn {
  return {
    iss: agency.uri,
    sub: signer.urn,
    jti: randomId(),
    iat: world.nowSeconds(),
    cnf: { jwk: signer.jwk },
    latchkey: {
      v: 1,
      release: of.release,
      consent: of.consent,
      atMs: world.nowSeconds() * 1000,
      receiver: { kind: 'prosecution', name: 'Office of the District Attorney' },
      purpose: 'as-allowed',
      reason: 'Charges were filed.',
    },
  }
}

export async function postSharedOn(investigator: Investigator, entry: SharedOn): Promise<Response> {
  const json = { sharedOn: await sharedOn.encode(entry, investigator.signer), salt: randomSalt() }
  return investigator.client.send('POST', '/v1/shared-on', { json })
}

/** Headers that go with an item's body. */
export function itemHeaders(payloadSha256: string): Record<string, string> {
  return { 'content-type': 'application/octet-stream', 'latchkey-payload-digest': payloadSha256 }
}

/** How a clip is made up. `plaintexts`: of its items, in order; random ones where there is none. */
export interface ClipMaking {
  readonly media?: number
  readonly bytes?: number
  readonly plaintexts?: readonly Uint8Array[]
}

/** Seals items as a device would: init, then `media` segments of two seconds, then a poster. */
export function sealClip(household: Household, options: ClipMaking & { media: number; startMs: number }) {
  const recipients = [
    ...household.keyset.payload.latchkey.members.map((member) => member.recipient),
    household.recovery.recipient,
  ]
  const kinds: ItemKind[] = ['init', ...Array.from({ length: options.media }, (): ItemKind => 'media'), 'poster']
  const items = kinds.map((kind, index) => {
    const plaintext = options.plaintexts?.[index] ?? randomBytes(options.bytes ?? 2_000 + index)
    const sealed = sealItem(plaintext, recipients)
    const startMs = options.startMs + (kind === 'media' ? (index - 1) * 2_000 : 0)
    const descriptor: ItemDescriptor = {
      index,
      kind,
      startMs,
      durationMs: kind === 'media' ? 2_000 : 0,
      payloadSha256: digestOf(sealed.payload),
      payloadBytes: sealed.payload.length,
      keyCommitment: encodeBase64url(sealed.keyCommitment),
      plaintextCommitment: encodeBase64url(sealed.plaintextCommitment),
    }
    return { plaintext, body: concatBytes(sealed.header, sealed.payload), descriptor }
  })
  return {
    plaintexts: items.map((item) => item.plaintext),
    bodies: items.map((item) => item.body),
    descriptors: items.map((item) => item.descriptor),
  }
}

/** The manifest of some descriptors. */
export function draftManifest(
  world: RelayWorld,
  parties: { household: Household; device: Device },
  clip: { clip: string; descriptors: readonly ItemDescriptor[] },
): ClipManifest {
  const { household, device } = parties
  const { descriptors } = clip
  const startMs = descriptors[0]!.startMs
  return {
    iss: device.signer.urn,
    iat: world.nowSeconds(),
    latchkey: {
      v: 1,
      deviceCertificate: digestOfJws(device.certificate),
      keyset: household.keyset.digest,
      epoch: 1,
      clip: clip.clip,
      event: randomId(),
      sequence: device.finals.length + 1,
      previous: device.finals.at(-1)?.digest ?? null,
      revision: 1,
      open: false,
      startMs,
      endMs: startMs + descriptors.length * 2_000,
      clock: { source: 'ntp', offsetMs: 0, uncertaintyMs: 20, checkedMs: startMs },
      boot: randomId(),
      monotonicStartMs: 1_000,
      seen: null,
      items: descriptors.length,
      itemsRoot: encodeBase64url(rootOfLeaves(descriptors.map((item) => hashLeaf(encodeDescriptor(item))))),
      gaps: [],
      masks: null,
      software: 'latchkey-test/1',
    },
  }
}

export async function putItem(device: Device, clip: string, index: number, body: Uint8Array, payloadSha256: string) {
  return device.client.send('PUT', `/v1/clips/${clip}/items/${index}`, {
    bytes: body,
    headers: itemHeaders(payloadSha256),
  })
}

/** Uploads a whole clip of `media` segments that starts `agoMs` ago. */
export async function uploadClip(
  world: RelayWorld,
  parties: { household: Household; device: Device },
  options: ClipMaking & { agoMs?: number } = {},
): Promise<UploadedClip> {
  const clip = randomId()
  const startMs = world.clock.nowMs() - (options.agoMs ?? 600_000)
  const sealed = sealClip(parties.household, { ...options, media: options.media ?? 3, startMs })
  for (const [index, body] of sealed.bodies.entries())
    await expectStatus(await putItem(parties.device, clip, index, body, sealed.descriptors[index]!.payloadSha256), 201)
  const payload = draftManifest(world, parties, { clip, descriptors: sealed.descriptors })
  const raw = await clipManifest.encode(payload, parties.device.signer)
  const json = { manifest: raw, descriptors: sealed.descriptors }
  await expectStatus(await parties.device.client.send('PUT', `/v1/clips/${clip}/manifest`, { json }), 201)
  const manifest = clipManifest.parse(raw)
  parties.device.finals.push(manifest)
  return { clip, ...sealed, manifest }
}

/** Everything for a release: a household with a clip, an accepted request for its time. */
export interface Case {
  readonly household: Household
  readonly device: Device
  readonly clip: UploadedClip
  readonly investigator: Investigator
  readonly request: Signed<ClipRequest>
}

export async function createCase(world: RelayWorld, options: { media?: number } = {}): Promise<Case> {
  const household = await enrolHousehold(world)
  const device = await enrolDevice(world, household)
  const clip = await uploadClip(world, { household, device }, options)
  const investigator = await certifyInvestigator(world, await enrolAgency(world))
  return { household, device, clip, investigator, request: await acceptedRequest(world, investigator) }
}

/** What an owner who says yes would sign. */
export function consentPlan(world: RelayWorld, subject: Case, change: Partial<ConsentPlan> = {}): ConsentPlan {
  const { household, device, clip, request } = subject
  return {
    keyset: household.keyset,
    deviceCertificate: deviceCertificate.parse(device.certificate),
    manifest: clip.manifest,
    descriptors: clip.descriptors,
    request,
    agencyName: subject.investigator.agency.name,
    relayOrigin: world.relay.publicOrigin,
    policy: world.policy,
    items: defaultItems(clip.descriptors, request.payload),
    purpose: 'case-investigation',
    retentionDays: 30,
    utcOffsetMinutes: -480,
    disclosure: null,
    seen: null,
    nowSeconds: world.nowSeconds(),
    ...change,
  }
}

/** Fetches headers as a phone does, re-wraps and signs. */
export async function signConsent(
  subject: Case,
  plan: ConsentPlan,
  owner: Party = subject.household.owner,
): Promise<ConsentSubmission> {
  const fetched = new Map(
    subject.clip.bodies.map((body, index) => {
      const payloadBytes = subject.clip.descriptors[index]!.payloadBytes
      const header = body.subarray(0, body.length - payloadBytes)
      return [index, { header, nonce: body.subarray(header.length, header.length + 16) }] as const
    }),
  )
  return (await buildConsent(plan, { signer: owner.signer, identity: owner.identity }, fetched)).submission
}

/** Posts a consent; waits out the moment in which the device is not yet in the log. */
export async function postConsent(party: Party, submission: ConsentSubmission): Promise<Response> {
  return eventually(async () => {
    const response = await party.client.send('POST', '/v1/consents', { json: submission })
    return response.status === 503 ? null : response
  }, 'the device to be logged')
}
