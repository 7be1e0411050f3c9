/** One real call for every route: an address at which something stands, and a body that would be taken from the right caller. */
import {
  ack,
  approval,
  clipRequest,
  concatBytes,
  consent,
  digestOfJws,
  encodeBase64url,
  outcome,
  randomBytes,
  received,
  recipientOfKey,
  revocation,
  sealFile,
  sharedOn,
  type Signer,
  utf8,
} from '@latchkey/shared'
import {
  certifyDevice,
  consentPlan,
  draftOutcome,
  draftRequest,
  draftSharedOn,
  itemHeaders,
  memberOf,
  type Party,
  randomId,
  randomSalt,
  randomSigner,
  signConsent,
} from './relay-world.ts'
import { keysetAfter, type Role, type RoleWorld } from './role-world.ts'

/** What goes over the wire. */
export interface Call {
  readonly json?: object
  readonly bytes?: Uint8Array
  readonly headers?: Record<string, string>
}

type Body = (at: RoleWorld, role: Role) => Promise<Call>

/** The key that signs what this role submits: its own, where it has one of that kind. */
const signerOf = (at: RoleWorld, role: Role): Signer =>
  role === 'nobody' ? at.household.owner.signer : at.signers[role]

/** The phone in whose name a member's word is written. */
const phoneOf = (at: RoleWorld, role: Role): Party => (role === 'viewer' ? at.viewer : at.household.owner)

const wordOf = ({ household, world }: RoleWorld) => ({
  iss: household.root.urn,
  jti: randomId(),
  iat: world.nowSeconds(),
})

/** What the requester was given that a role is after: its own, or else the asker's. */
export const givenTo = (at: RoleWorld, role: Role) => (role === 'suspended' ? at.suspended : at.asker)

const requesterOf = (at: RoleWorld, role: Role) =>
  role === 'rival' ? at.rival : givenTo(at, role).subject.investigator

async function nextKeyset(at: RoleWorld, role: Role) {
  const { household, viewer, world } = at
  const members = [memberOf(household.owner), memberOf(viewer, 'viewer')]
  return (await keysetAfter(world, household.keyset, signerOf(at, role), members)).raw
}

const headersOf = ({ clip }: RoleWorld): string[] =>
  clip.bodies.map((body, i) => encodeBase64url(body.subarray(0, body.length - clip.descriptors[i]!.payloadBytes)))

/** All that a relay can tell of an encrypted push: a salt, the size of a record, the beginning of a key. */
const pushBody = (): Uint8Array => concatBytes(randomBytes(16), Uint8Array.of(0, 0, 16, 0, 65, 4), randomBytes(300))

/** By `METHOD url`; a route that is not here takes no body. */
const BODIES: Readonly<Record<string, Body>> = {
  'PUT /v1/pairings/:id/hello': async ({ pairing }) => ({ json: pairing.letters.hello }),
  'PUT /v1/pairings/:id/answer': async ({ pairing }) => ({ json: pairing.letters.answer }),
  'PUT /v1/pairings/:id/done': async ({ pairing }) => ({ json: pairing.letters.done }),
  'POST /v1/households': async ({ first, household }) => ({
    json: { keyset: first, rootJwk: household.root.jwk, cell: '9q8yy' },
  }),
  'POST /v1/keysets': async (at, role) => ({ json: { keyset: await nextKeyset(at, role) } }),
  'PUT /v1/keysets/proposed': async (at, role) => ({ json: { keyset: await nextKeyset(at, role) } }),
  'POST /v1/keysets/proposed/press': async (at, role) => {
    const { household, world } = at
    const latchkey = { v: 1 as const, keyset: household.keyset.digest, deviceCertificate: null, epoch: 1 }
    const signer = signerOf(at, role)
    return { json: { ack: await ack.encode({ iss: signer.urn, iat: world.nowSeconds(), latchkey }, signer) } }
  },
  'POST /v1/devices': async (at, role) => {
    const household = { ...at.household, owner: phoneOf(at, role) }
    const { deviceCertificate, hello } = await certifyDevice(at.world, household, randomSigner())
    return { json: { deviceCertificate, hello, salt: randomSalt() } }
  },
  'PUT /v1/settings': async ({ household }) => ({
    bytes: sealFile(utf8('names and quiet hours'), [household.owner.identity.recipient]),
    headers: { 'content-type': 'application/octet-stream', 'if-none-match': '*' },
  }),
  'PUT /v1/push-subscriptions': async ({ device }) => ({
    json: {
      endpoint: 'https://updates.push.services.mozilla.com/wpush/v2/x',
      minuteUtc: 600,
      keys: encodeBase64url(sealFile(utf8('how to write to me'), [recipientOfKey(device.signer.jwk)])),
    },
  }),
  'POST /v1/pushes': async ({ viewer }) => ({
    json: { member: viewer.signer.thumbprint, body: encodeBase64url(pushBody()) },
  }),
  'PUT /v1/clips/:clip/headers/:keyset': async (at) => ({ json: { headers: headersOf(at) } }),
  'PUT /v1/clips/:clip/items/:index': async ({ clip }) => ({
    bytes: clip.bodies[0]!,
    headers: itemHeaders(clip.descriptors[0]!.payloadSha256),
  }),
  'PUT /v1/clips/:clip/manifest': async ({ clip }) => ({
    json: { manifest: clip.manifest.raw, descriptors: clip.descriptors },
  }),
  'PUT /v1/days/:digest': async ({ day }) => ({ json: { day, salt: randomSalt() } }),
  'POST /v1/agencies': async () => {
    const keys = [randomSigner().jwk]
    return { json: { uri: 'https://new.example.gov', name: 'New', kind: 'police', status: 'active', keys } }
  },
  'POST /v1/register': async () => {
    const what = { kind: 'gift', giver: 'A', receiver: 'B', value: 'C', terms: 'D', date: '2026-01-02' }
    return { json: { v: 1, book: 'disclosure', id: 'gift-2', ...what, isResolved: false } }
  },
  'POST /v1/consents': async (at, role) => {
    const { subject } = at.asker
    const submission = await signConsent(subject, consentPlan(at.world, subject))
    const { payload } = consent.parse(submission.consent)
    return { json: { ...submission, consent: await consent.encode(payload, phoneOf(at, role).signer) } }
  },
  'POST /v1/approvals': async (at, role) => {
    const latchkey = { v: 1 as const, consent: at.asker.consent, keyset: at.household.keyset.digest }
    const { signer } = phoneOf(at, role)
    return { json: { approval: await approval.encode({ ...wordOf(at), latchkey }, signer), salt: randomSalt() } }
  },
  'POST /v1/revocations': async (at, role) => {
    const latchkey = { v: 1 as const, revokes: at.doomed, keyset: at.household.keyset.digest }
    const { signer } = phoneOf(at, role)
    return { json: { revocation: await revocation.encode({ ...wordOf(at), latchkey }, signer), salt: randomSalt() } }
  },
  'POST /v1/requests': async (at, role) => {
    const investigator = requesterOf(at, role)
    const request = await clipRequest.encode(draftRequest(at.world, investigator), investigator.signer)
    return { json: { request, investigatorCertificate: investigator.certificate } }
  },
  'POST /v1/outcomes': async (at, role) => {
    const investigator = requesterOf(at, role)
    const report = draftOutcome(at.world, investigator, givenTo(at, role).subject.request.digest)
    const json = { outcome: await outcome.encode(report, investigator.signer) }
    return { json: { ...json, investigatorCertificate: investigator.certificate } }
  },
  'POST /v1/releases/:consent/downloads': async (at, role) => ({ json: { download: givenTo(at, role).download } }),
  'POST /v1/received': async (at, role) => {
    const { subject, consent: released, release } = givenTo(at, role)
    const investigator = requesterOf(at, role)
    const opened = { plaintextsSha256: randomSalt(), items: subject.clip.descriptors.length - 1, tool: 'x' }
    const who = { iss: investigator.agency.uri, sub: investigator.signer.urn, jti: randomId() }
    const word = {
      ...who,
      iat: at.world.nowSeconds(),
      latchkey: { v: 1 as const, release, consent: released, ...opened },
    }
    return { json: { received: await received.encode(word, investigator.signer), salt: randomSalt() } }
  },
  'POST /v1/shared-on': async (at, role) => {
    const entry = draftSharedOn(at.world, requesterOf(at, role), givenTo(at, role))
    return { json: { sharedOn: await sharedOn.encode(entry, requesterOf(at, role).signer), salt: randomSalt() } }
  },
}

/** What this role sends to this route. */
export const bodyOf = (key: string, at: RoleWorld, role: Role): Promise<Call> =>
  BODIES[key]?.(at, role) ?? Promise.resolve({})

/** Where the thing stands that a role is after. */
export function addressOf(key: string, at: RoleWorld, role: Role): string {
  const { clip, spare, household, pairing } = at
  const { subject, consent: released, download } = givenTo(at, role)
  const digests: Readonly<Record<string, string>> = {
    requests: subject.request.digest,
    policies: at.policy,
    register: at.registerDigest,
    days: digestOfJws(at.day),
  }
  return key
    .split(' ')[1]!
    .replace(':clip', key === 'DELETE /v1/clips/:clip' ? spare.clip : clip.clip)
    .replace(':index', '0')
    .replace(':keyset', household.keyset.digest)
    .replace(':id', pairing.id)
    .replace(':cell', '9q8yy')
    .replace(/([a-z]+)\/:digest/, (_all, list: string) => `${list}/${digests[list]}`)
    .replace(':consent', released)
    .replace(':download', download)
    .replace('*', '0/000.p/1')
}
