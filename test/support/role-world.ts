/** One world with a real key for every role that a relay knows, and real things that each could be after. */
import {
  dayRecord,
  digestOfJson,
  digestOfJws,
  type Keyset,
  keyset,
  revocation,
  type Signed,
  type Signer,
} from '@latchkey/shared'
import type { RelayClient } from '@latchkey/shared/client'
import { eventually } from './poll.ts'
import {
  acceptedRequest,
  type Case,
  certifyDevice,
  certifyInvestigator,
  consentPlan,
  createRelayWorld,
  type Device,
  enrolAgency,
  enrolDevice,
  enrolHousehold,
  expectStatus,
  type Household,
  memberOf,
  type Party,
  postConsent,
  randomId,
  randomSalt,
  randomSigner,
  type RelayWorld,
  signConsent,
  uploadClip,
  type UploadedClip,
} from './relay-world.ts'

/** Everyone who may knock. `removed` and `lost` once belonged to the household, `suspended` to an agency in good standing. */
export const ROLES = [
  'nobody',
  'stranger',
  'operator',
  'other',
  'removed',
  'viewer',
  'owner',
  'root',
  'lost',
  'device',
  'rival',
  'suspended',
  'asker',
] as const
export type Role = (typeof ROLES)[number]

/** What a requester was given: a consent, and the download taken under it. */
export interface Given {
  readonly subject: Case
  readonly consent: string
  readonly download: string
  readonly release: string
}

/** The world of the matrix. */
export interface RoleWorld extends AsyncDisposable {
  readonly world: RelayWorld
  readonly household: Household
  /** Its first keyset. */
  readonly first: string
  readonly viewer: Party
  readonly removed: Party
  readonly device: Device
  readonly clip: UploadedClip
  /** A clip that nobody asked for; whoever may delete deletes this one. */
  readonly spare: UploadedClip
  readonly asker: Given
  readonly suspended: Given
  readonly rival: Case['investigator']
  /** A day record of the device. */
  readonly day: string
  /** A consent that whoever may revoke revokes. */
  readonly doomed: string
  /** Digest of the policy in force. */
  readonly policy: string
  readonly registerDigest: string
  readonly pairing: Awaited<ReturnType<typeof pairs>>
  readonly clients: Readonly<Record<Role, RelayClient>>
  readonly signers: Readonly<Record<Exclude<Role, 'nobody'>, Signer>>
}

/** The household of three phones, from which one was removed. */
async function threePhones(world: RelayWorld) {
  const [owner, removed, viewer] = [world.party(), world.party(), world.party()]
  const first = await enrolHousehold(world, { members: [owner, removed], viewers: [viewer] })
  const second = await keysetAfter(world, first.keyset, owner.signer, [memberOf(owner), memberOf(viewer, 'viewer')])
  await expectStatus(await owner.client.send('POST', '/v1/keysets', { json: { keyset: second.raw } }), 201)
  return { household: { ...first, keyset: second }, first: first.keyset.raw, removed, viewer }
}

/** The next keyset of a household, by anybody's key. */
export async function keysetAfter(
  world: RelayWorld,
  before: Signed<Keyset>,
  signer: Signer,
  members: Keyset['latchkey']['members'],
): Promise<Signed<Keyset>> {
  const { iss, latchkey } = before.payload
  const next = { ...latchkey, version: latchkey.version + 1, previous: before.digest, members }
  return keyset.parse(await keyset.encode({ iss, iat: world.nowSeconds(), latchkey: next }, signer))
}

/** A consent to a case. */
async function consented(world: RelayWorld, subject: Case): Promise<string> {
  const submission = await signConsent(subject, consentPlan(world, subject))
  await expectStatus(await postConsent(subject.household.owner, submission), 201)
  return digestOfJws(submission.consent)
}

async function given(world: RelayWorld, subject: Case): Promise<Given> {
  const consent = await consented(world, subject)
  const download = randomId()
  const release = await eventually(async () => {
    const { client } = subject.investigator
    const answer = await client.send('POST', `/v1/releases/${consent}/downloads`, { json: { download } })
    return answer.status === 200 ? digestOfJws(((await answer.json()) as { release: string }).release) : null
  }, 'the release to be logged')
  return { subject, consent, download, release }
}

async function asks(world: RelayWorld, parts: Pick<Case, 'household' | 'device' | 'clip'>): Promise<Case> {
  const investigator = await certifyInvestigator(world, await enrolAgency(world))
  return { ...parts, investigator, request: await acceptedRequest(world, investigator) }
}

async function suspend(world: RelayWorld, { investigator: { agency } }: Case): Promise<void> {
  const { uri, name, signer } = agency
  const json = { uri, name, kind: 'police', status: 'suspended', keys: [signer.jwk] }
  await expectStatus(await world.operator.send('POST', '/v1/agencies', { json }), 201)
}

/** A device whose certificate its household took back. */
async function lostDevice(world: RelayWorld, household: Household): Promise<Device> {
  const device = await enrolDevice(world, household)
  const { owner, root, keyset: inForce } = household
  const latchkey = { v: 1 as const, revokes: digestOfJws(device.certificate), keyset: inForce.digest }
  const word = { iss: root.urn, jti: randomId(), iat: world.nowSeconds(), latchkey }
  const json = { revocation: await revocation.encode(word, owner.signer), salt: randomSalt() }
  await expectStatus(await owner.client.send('POST', '/v1/revocations', { json }), 201)
  return device
}

async function disclose(world: RelayWorld): Promise<string> {
  const kept = {
    kind: 'gift',
    giver: 'A shop',
    receiver: 'A department',
    value: '2 doorbells',
    terms: 'None.',
  } as const
  const json = { v: 1, book: 'disclosure', id: 'gift-1', ...kept, date: '2026-01-02', isResolved: false }
  const { digest } = await expectStatus(await world.operator.send('POST', '/v1/register', { json }), 201)
  return digest as string
}

/** A minute that the doorbell watched, in its word. */
async function watched(world: RelayWorld, { household, device }: { household: Household; device: Device }) {
  const toMs = world.clock.nowMs()
  const fromMs = toMs - 60_000
  const latchkey = {
    v: 1 as const,
    deviceCertificate: digestOfJws(device.certificate),
    epoch: 1,
    fromMs,
    toMs,
    boot: randomId(),
    keyset: household.keyset.digest,
    manifests: { first: 0, last: 0, head: null },
    events: { stream: randomId(), first: 0, last: 0, sha256: randomSalt() },
    watching: [{ fromMs, toMs, state: 'on' as const }],
    seen: null,
  }
  return dayRecord.encode({ iss: device.signer.urn, iat: world.nowSeconds(), latchkey }, device.signer)
}

/** A mailbox with a letter in every slot. */
async function pairs(world: RelayWorld, household: Household) {
  const id = randomId()
  const { deviceCertificate, hello } = await certifyDevice(world, household, randomSigner())
  const { keyset: inForce, root } = household
  const answer = { keyset: inForce.raw, deviceCertificate, rootJwk: root.jwk, mac: randomSalt() }
  const letters = { hello: { hello }, answer, done: { ack: hello } }
  for (const [slot, json] of Object.entries(letters))
    await expectStatus(await world.anyone.send('PUT', `/v1/pairings/${id}/${slot}`, { json }), 201)
  return { id, letters }
}

/** Starts a relay and fills it. */
export async function createRoleWorld(operator: Signer): Promise<RoleWorld> {
  await using stack = new AsyncDisposableStack()
  const world = stack.use(await createRelayWorld({ operator }))
  const { household, first, removed, viewer } = await threePhones(world)
  const device = await enrolDevice(world, household)
  const clip = await uploadClip(world, { household, device })
  const spare = await uploadClip(world, { household, device }, { media: 1 })
  const lost = await lostDevice(world, household)
  const asker = await given(world, await asks(world, { household, device, clip }))
  const suspended = await given(world, await asks(world, { household, device, clip }))
  await suspend(world, suspended.subject)
  const doomed = await consented(world, asker.subject)
  const { investigator: rival } = await asks(world, { household, device, clip })
  const other = await enrolHousehold(world)
  const parties = {
    stranger: world.party().signer,
    operator,
    other: other.owner.signer,
    removed: removed.signer,
    viewer: viewer.signer,
    owner: household.owner.signer,
    root: household.root,
    lost: lost.signer,
    device: device.signer,
    rival: rival.signer,
    suspended: suspended.subject.investigator.signer,
    asker: asker.subject.investigator.signer,
  }
  const clients = Object.fromEntries(Object.entries(parties).map(([role, signer]) => [role, world.client(signer)]))
  const registerDigest = await disclose(world)
  const pairing = await pairs(world, household)
  const things = { household, first, viewer, removed, device, clip, spare, asker, suspended, rival, registerDigest }
  const kept = stack.move()
  return {
    world,
    policy: digestOfJson(world.policy),
    doomed,
    day: await watched(world, { household, device }),
    ...things,
    pairing,
    signers: parties,
    clients: { ...clients, nobody: world.anyone } as RoleWorld['clients'],
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
