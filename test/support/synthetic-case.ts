import { readFileSync } from 'node:fs'
import {
  approval,
  buildConsent,
  type BundleAgency,
  type BundleParts,
  bundleEntries,
  bundleZip,
  type ClipManifest,
  clipManifest,
  type ClipRequest,
  clipRequest,
  concatBytes,
  type Consent,
  consent,
  createSigner,
  createVerifierTrust,
  decodeBase64url,
  deviceCertificate,
  digestOf,
  digestOfJson,
  encodeBase64url,
  encodeDescriptor,
  encodeDpop,
  hashLeaf,
  headersDigest,
  type Identity,
  identityOf,
  inclusionProof,
  type InvestigatorCertificate,
  investigatorCertificate,
  type ItemDescriptor,
  type ItemKind,
  type Keyset,
  keyset,
  keysetLabel,
  type Leaf,
  leafHourOf,
  type LoggedAt,
  parseWith,
  type Policy,
  policy as policyValidator,
  rawKeyOf,
  type Release,
  release,
  requestLeafData,
  revocation,
  rootOfLeaves,
  sealedLeafData,
  type SealedItem,
  type SealedKind,
  sealItem,
  sha256,
  type Signed,
  type Signer,
  type Trust,
  utf8,
  type VerifierTrust,
} from '@latchkey/shared'
import { createMemoryLog, type MemoryLog } from './memory-log.ts'

/** Hashed bytes of {@link seededBytes}; longer ones repeat them, so that a large clip costs no time. */
const SEEDED_PERIOD = 4096

/** Bytes that are the same in every run and differ by `label`. */
export function seededBytes(label: string, size = 32): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < Math.min(size, SEEDED_PERIOD); at += 32)
    bytes.set(sha256(utf8(`${label} ${at / 32}`)).subarray(0, size - at), at)
  for (let at = SEEDED_PERIOD; at < size; at += SEEDED_PERIOD) bytes.copyWithin(at, 0, SEEDED_PERIOD)
  return bytes
}

const id16 = (label: string) => encodeBase64url(seededBytes(label, 16))
const digest32 = (label: string) => encodeBase64url(seededBytes(label))

/** When the investigator asks, seconds. Everything else happens around it. */
export const REQUESTED_SECONDS = 1_790_000_000
const CLIP_START_MS = (REQUESTED_SECONDS - 7_200) * 1000
const ORIGIN = 'https://relay.example'
const AGENCY = 'https://police.example'
const AGENCY_NAME = 'Example Police Department'

/** Everybody's keys; the same in every run. */
export interface SyntheticParties {
  readonly root: Signer
  readonly owner: { readonly signer: Signer; readonly identity: Identity }
  /** A second owner. */
  readonly partner: { readonly signer: Signer; readonly identity: Identity }
  readonly recovery: Identity
  readonly device: Signer
  readonly agency: Signer
  readonly requester: { readonly signer: Signer; readonly identity: Identity }
  readonly relay: Signer
}

/** The parties of every synthetic case. */
export function createParties(): SyntheticParties {
  const signer = (label: string) => createSigner(seededBytes(`${label} signing key`))
  const identity = (label: string) => identityOf(seededBytes(`${label} identity`))
  const person = (label: string) => ({ signer: signer(label), identity: identity(label) })
  return {
    root: signer('root'),
    owner: person('owner'),
    partner: person('partner'),
    recovery: identity('recovery'),
    device: signer('device'),
    agency: signer('agency'),
    requester: person('requester'),
    relay: signer('relay'),
  }
}

/** What a test may change before it is signed; everything that follows is built on the changed object. */
export interface SyntheticEdits {
  readonly keyset?: (payload: Keyset) => Keyset
  readonly deviceCertificate?: (payload: DeviceCertificatePayload) => DeviceCertificatePayload
  /** The device's sealed items, before it describes them. */
  readonly sealed?: (sealed: SealedItem[]) => SealedItem[]
  readonly descriptors?: (descriptors: ItemDescriptor[]) => ItemDescriptor[]
  readonly manifest?: (payload: ClipManifest) => ClipManifest
  readonly investigator?: (payload: InvestigatorCertificate) => InvestigatorCertificate
  readonly request?: (payload: ClipRequest) => ClipRequest
  readonly agency?: (data: BundleAgency) => BundleAgency
  /** Release headers of the named items; the consent signs the changed ones. */
  readonly headers?: (headers: Uint8Array[]) => Uint8Array[]
  readonly consent?: (payload: Consent) => Consent
  readonly release?: (payload: Release) => Release
}
type DeviceCertificatePayload = ReturnType<typeof deviceCertificate.parse>['payload']

/** How a case is made. */
export interface SyntheticOptions {
  /** Bytes of plaintext of each media item; two small ones unless told. */
  readonly mediaBytes?: readonly number[]
  readonly quorum?: 1 | 2
  /** The partner takes the consent back; its leaf stands where `leafOrder` puts it, last unless told. */
  readonly isRevoked?: boolean
  /** Without a log and a relay: what the command line makes alone. */
  readonly isOffline?: boolean
  readonly edits?: SyntheticEdits
  /** Who signs instead of who should, by object. */
  readonly signers?: Partial<
    Record<'keyset' | 'device' | 'manifest' | 'investigator' | 'request' | 'consent' | 'release' | 'dpop', Signer>
  >
  /** Order of the leaves. */
  readonly leafOrder?: readonly LeafName[]
}

const LEAF_NAMES = [
  'policy',
  'agency',
  'keyset',
  'device',
  'request',
  'consent',
  'approval',
  'release',
  'revocation',
] as const
type LeafName = (typeof LEAF_NAMES)[number]

/** A household, a clip, a request, a consent, a release, all real and signed, and the bundle parts they make. */
export interface SyntheticCase {
  readonly parties: SyntheticParties
  readonly policy: Policy
  readonly keyset: Signed<Keyset>
  readonly deviceCertificate: Signed<DeviceCertificatePayload>
  /** The household's sealed items, index order. */
  readonly sealed: readonly SealedItem[]
  readonly plaintexts: readonly Uint8Array[]
  readonly descriptors: readonly ItemDescriptor[]
  readonly manifest: Signed<ClipManifest>
  readonly request: Signed<ClipRequest>
  readonly consent: Signed<Consent>
  /** Release headers of the named items. */
  readonly headers: readonly Uint8Array[]
  readonly notice: string
  readonly log: MemoryLog
  readonly parts: BundleParts
  readonly trust: Trust
  readonly verifierTrust: VerifierTrust
}

/** The policy that ships with the project. */
export function loadPolicy(): Policy {
  const text = readFileSync(new URL('../../shared/policy/us.json', import.meta.url), 'utf8')
  return parseWith(policyValidator, JSON.parse(text), 'us.json')
}

const keep = <T>(value: T): T => value

async function createHousehold(parties: SyntheticParties, { quorum = 1, edits = {}, signers = {} }: SyntheticOptions) {
  const member = ({ signer, identity }: SyntheticParties['owner']) =>
    ({ signingKey: signer.jwk, recipient: identity.recipient, role: 'owner' }) as const
  const firstKeyset = keyset.parse(
    await keyset.encode(
      (edits.keyset ?? keep)({
        iss: parties.root.urn,
        iat: REQUESTED_SECONDS - 1_000_000,
        latchkey: {
          v: 1,
          version: 1,
          previous: null,
          effectiveMs: (REQUESTED_SECONDS - 1_000_000) * 1000,
          members: [member(parties.owner), member(parties.partner)],
          recovery: parties.recovery.recipient,
          quorum,
        },
      }),
      signers.keyset ?? parties.root,
    ),
  )
  const certificate = deviceCertificate.parse(
    await deviceCertificate.encode(
      (edits.deviceCertificate ?? keep)({
        iss: parties.root.urn,
        sub: parties.device.urn,
        iat: REQUESTED_SECONDS - 999_000,
        cnf: { jwk: parties.device.jwk },
        latchkey: { v: 1, epoch: 0, device: id16('device'), keyset: firstKeyset.digest, hello: digest32('hello') },
      }),
      signers.device ?? parties.owner.signer,
    ),
  )
  return { keyset: firstKeyset, deviceCertificate: certificate }
}

function createItems(parties: SyntheticParties, { mediaBytes = [700, 300], edits = {} }: SyntheticOptions) {
  const recipients = [parties.owner.identity, parties.partner.identity, parties.recovery].map((key) => key.recipient)
  const kinds: ItemKind[] = ['init', ...mediaBytes.map((): ItemKind => 'media'), 'poster']
  const plaintexts = kinds.map((kind, i) => seededBytes(`${kind} ${i}`, kind === 'media' ? mediaBytes[i - 1]! : 120))
  const sealed = (edits.sealed ?? keep)(plaintexts.map((plaintext) => sealItem(plaintext, recipients)))
  const descriptors = sealed.map((item, index): ItemDescriptor => {
    const isMedia = kinds[index] === 'media'
    return {
      index,
      kind: kinds[index]!,
      startMs: CLIP_START_MS + (isMedia ? (index - 1) * 2_000 : 0),
      durationMs: isMedia ? 2_000 : 0,
      payloadSha256: digestOf(item.payload),
      payloadBytes: item.payload.length,
      keyCommitment: encodeBase64url(item.keyCommitment),
      plaintextCommitment: encodeBase64url(item.plaintextCommitment),
    }
  })
  return { plaintexts, sealed, descriptors: (edits.descriptors ?? keep)(descriptors) }
}

type Household = Awaited<ReturnType<typeof createHousehold>>

async function createManifest(
  { device }: SyntheticParties,
  household: Household,
  { descriptors, edits = {}, signers = {} }: SyntheticOptions & { descriptors: readonly ItemDescriptor[] },
) {
  const payload: ClipManifest = {
    iss: device.urn,
    iat: REQUESTED_SECONDS - 7_100,
    latchkey: {
      v: 1,
      deviceCertificate: household.deviceCertificate.digest,
      keyset: household.keyset.digest,
      epoch: 0,
      clip: id16('clip'),
      event: id16('event'),
      sequence: 1,
      previous: null,
      revision: 1,
      open: false,
      startMs: CLIP_START_MS,
      endMs: CLIP_START_MS + 2_000 * (descriptors.length - 2),
      clock: { source: 'ntp', offsetMs: 0, uncertaintyMs: 40, checkedMs: CLIP_START_MS },
      boot: id16('boot'),
      monotonicStartMs: 86_400_000,
      seen: null,
      items: descriptors.length,
      itemsRoot: encodeBase64url(rootOfLeaves(descriptors.map((item) => hashLeaf(encodeDescriptor(item))))),
      gaps: [],
      masks: null,
      software: 'synthetic 1',
    },
  }
  return clipManifest.parse(await clipManifest.encode((edits.manifest ?? keep)(payload), signers.manifest ?? device))
}

async function createRequest(
  { requester, agency }: SyntheticParties,
  policy: Policy,
  { edits = {}, signers = {} }: SyntheticOptions,
) {
  const certificate = investigatorCertificate.parse(
    await investigatorCertificate.encode(
      (edits.investigator ?? keep)({
        iss: AGENCY,
        sub: requester.signer.urn,
        iat: REQUESTED_SECONDS - 86_400,
        exp: REQUESTED_SECONDS + 100 * 86_400,
        cnf: { jwk: requester.signer.jwk },
        latchkey: { v: 1, name: 'A. Example', role: 'Detective', recipient: requester.identity.recipient },
      }),
      signers.investigator ?? agency,
    ),
  )
  const payload: ClipRequest = {
    iss: AGENCY,
    sub: requester.signer.urn,
    aud: ORIGIN,
    jti: id16('request'),
    iat: REQUESTED_SECONDS,
    exp: REQUESTED_SECONDS + policy.requestLifeSeconds.default,
    cnf: { jwk: requester.signer.jwk },
    authorization_details: [
      {
        type: 'latchkey/clip-request',
        actions: ['decrypt'],
        window: { startMs: CLIP_START_MS - 600_000, endMs: CLIP_START_MS + 1_200_000 },
        area: [
          [52_500_000, 13_400_000],
          [52_500_000, 13_405_000],
          [52_503_000, 13_405_000],
          [52_503_000, 13_400_000],
        ],
      },
    ],
    latchkey: {
      v: 1,
      caseNumber: '26-004211',
      incidentType: 'burglary',
      reason: 'A door was forced. We look for two people on foot.',
      basis: 'voluntary',
      retentionDays: 7,
      contact: 'Detective Example, +1 555 0100',
      recipient: requester.identity.recipient,
      investigatorCertificate: certificate.digest,
      template: 'burglary-1',
      policy: digestOfJson(policy),
    },
  }
  const request = clipRequest.parse(
    await clipRequest.encode((edits.request ?? keep)(payload), signers.request ?? requester.signer),
  )
  return { certificate, request }
}

type Asked = Awaited<ReturnType<typeof createRequest>>
type Items = ReturnType<typeof createItems> & { manifest: Signed<ClipManifest> }

async function createConsent(
  parties: SyntheticParties,
  given: Household & Items & Asked & { policy: Policy },
  { edits = {}, signers = {} }: SyntheticOptions,
) {
  const plan = {
    ...given,
    agencyName: AGENCY_NAME,
    relayOrigin: ORIGIN,
    items: given.descriptors.filter((item) => item.kind === 'media').map((item) => item.index),
    purpose: 'case-investigation',
    retentionDays: 7,
    utcOffsetMinutes: 60,
    disclosure: null,
    seen: null,
    nowSeconds: REQUESTED_SECONDS + 3_600,
  }
  const fetched = new Map(given.sealed.map(({ header, payload }, i) => [i, { header, nonce: payload.subarray(0, 16) }]))
  const built = await buildConsent(plan, parties.owner, fetched)
  const headers = (edits.headers ?? keep)(built.submission.headers.map(decodeBase64url))
  const payload = withHeaders(consent.parse(built.submission.consent).payload, headers)
  const raw = await consent.encode((edits.consent ?? keep)(payload), signers.consent ?? parties.owner.signer)
  return { consent: consent.parse(raw), headers, notice: built.notice }
}

function withHeaders(payload: Consent, headers: readonly Uint8Array[]): Consent {
  const [detail] = payload.authorization_details
  return { ...payload, authorization_details: [{ ...detail!, headersSha256: headersDigest(headers) }] }
}

async function createRelease(
  parties: SyntheticParties,
  { consent: given, request }: { consent: Signed<Consent>; request: Signed<ClipRequest> },
  { edits = {}, signers = {} }: SyntheticOptions,
) {
  const toe = given.payload.nbf + 60
  const dpop = await encodeDpop(
    {
      htm: 'POST',
      htu: `${ORIGIN}/v1/releases/${given.digest}/downloads`,
      iat: toe,
      jti: id16('dpop'),
      nonce: id16('nonce'),
      body: digest32('download'),
    },
    signers.dpop ?? parties.requester.signer,
  )
  const { items, headersSha256 } = given.payload.authorization_details[0]!
  const payload: Release = {
    iss: ORIGIN,
    aud: parties.requester.signer.urn,
    jti: id16('release'),
    iat: toe + 1,
    toe,
    latchkey: {
      v: 1,
      request: request.digest,
      consent: given.digest,
      items,
      headersSha256,
      proof: digestOf(utf8(dpop)),
      download: 1,
    },
  }
  const jws = await release.encode((edits.release ?? keep)(payload), signers.release ?? parties.relay)
  return { jws, dpop, toe }
}

/** Leaves by name, appended in `order`, then filled with random commitments; `at` proves one of them. */
async function createLog(
  leaves: ReadonlyMap<LeafName, { leaf: Leaf; salt: string | null }>,
  order: readonly LeafName[],
) {
  const log = createMemoryLog(seededBytes('log key'))
  const indexes = new Map<LeafName, number>()
  for (const name of order) {
    const entry = leaves.get(name)
    if (entry) indexes.set(name, log.append(entry.leaf))
  }
  const { hour } = [...leaves.values()].at(-1)!.leaf
  while (log.size < 16) log.append({ v: 1, type: 'sealed', data: digest32(`filling ${log.size}`), hour })
  const proofs = new Map<LeafName, LoggedAt>()
  for (const [name, index] of indexes) {
    const { leaf, salt } = leaves.get(name)!
    proofs.set(name, { index, hour: leaf.hour, salt, proof: await log.prove(index) })
  }
  return { log, at: (name: LeafName): LoggedAt | null => proofs.get(name) ?? null }
}

function agencyData({ agency }: SyntheticParties, { edits = {} }: SyntheticOptions): BundleAgency {
  return (edits.agency ?? keep<BundleAgency>)({
    uri: AGENCY,
    name: AGENCY_NAME,
    kind: 'police',
    status: 'active',
    keys: [agency.jwk],
    statusSinceMs: (REQUESTED_SECONDS - 5_000_000) * 1000,
    noticeUntilMs: (REQUESTED_SECONDS - 3_000_000) * 1000,
  })
}

interface Logged {
  readonly parties: SyntheticParties
  readonly policy: Policy
  readonly agency: BundleAgency
  readonly keyset: Signed<Keyset>
  readonly deviceCertificate: Signed<unknown>
  readonly request: Signed<ClipRequest>
  readonly consent: Signed<Consent>
  readonly approvals: readonly Signed<{ iat: number }>[]
  readonly release: { readonly jws: string; readonly toe: number }
  readonly revocations: readonly Signed<{ iat: number }>[]
}

function leavesOf(given: Logged) {
  const { parties, policy, agency, keyset, request, consent, approvals, release } = given
  const hourOf = (seconds: number) => leafHourOf(seconds * 1000)
  const setUp = hourOf(REQUESTED_SECONDS - 990_000)
  const sealed = (kind: SealedKind, raw: string, hour: number) => {
    const salt = seededBytes(`${kind} salt`)
    const leaf: Leaf = { v: 1, type: 'sealed', data: sealedLeafData(salt, kind, utf8(raw)), hour }
    return { leaf, salt: encodeBase64url(salt) }
  }
  const open = (leaf: Leaf) => ({ leaf, salt: null })
  const label = keysetLabel(rawKeyOf(parties.root.jwk), 1)
  const leaves = new Map<LeafName, { leaf: Leaf; salt: string | null }>([
    ['policy', open({ v: 1, type: 'policy', data: { digest: digestOfJson(policy) }, hour: setUp })],
    ['agency', open({ v: 1, type: 'agency', data: agency, hour: setUp } as Leaf)],
    ['keyset', open({ v: 1, type: 'keyset', data: { label, digest: keyset.digest }, hour: setUp })],
    ['device', sealed('device', given.deviceCertificate.raw, setUp)],
    ['request', open({ v: 1, type: 'request', data: requestLeafData(request), hour: hourOf(request.payload.iat) })],
    ['consent', sealed('consent', consent.raw, hourOf(consent.payload.iat))],
  ])
  for (const signed of approvals) leaves.set('approval', sealed('approval', signed.raw, hourOf(signed.payload.iat)))
  for (const signed of given.revocations)
    leaves.set('revocation', sealed('revoke', signed.raw, hourOf(signed.payload.iat)))
  return leaves.set('release', sealed('release', release.jws, hourOf(release.toe)))
}

async function createApprovals(parties: SyntheticParties, given: Signed<Consent>, { quorum = 1 }: SyntheticOptions) {
  if (quorum === 1) return []
  const payload = {
    iss: parties.root.urn,
    jti: id16('approval'),
    iat: given.payload.iat + 30,
    latchkey: { v: 1, consent: given.digest, keyset: given.payload.latchkey.keyset },
  } as const
  return [approval.parse(await approval.encode(payload, parties.partner.signer))]
}

async function createRevocations(parties: SyntheticParties, given: Signed<Consent>, { isRevoked }: SyntheticOptions) {
  if (!isRevoked) return []
  const payload = {
    iss: parties.root.urn,
    jti: id16('revocation'),
    iat: given.payload.nbf,
    latchkey: { v: 1, revokes: given.digest, keyset: given.payload.latchkey.keyset },
  } as const
  return [revocation.parse(await revocation.encode(payload, parties.partner.signer))]
}

function trustOf(parties: SyntheticParties, log: MemoryLog, { isOffline = false }: SyntheticOptions): Trust {
  return {
    v: 1,
    logs: isOffline ? [] : [log.vkey],
    witnesses: [],
    quorum: 0,
    agencies: [{ uri: AGENCY, keys: [parties.agency.jwk] }],
    relays: isOffline ? [] : [{ origin: ORIGIN, jwk: parties.relay.jwk }],
    households: [parties.root.urn],
  }
}

/**
 * A whole case in memory, everything signed with keys that are the same in every run (sealing is random).
 * @returns parts for `bundleZip`, and all that went into them
 */
export async function createSyntheticCase(options: SyntheticOptions = {}): Promise<SyntheticCase> {
  const parties = createParties()
  const policy = loadPolicy()
  const household = await createHousehold(parties, options)
  const items = createItems(parties, options)
  const manifest = await createManifest(parties, household, { ...options, descriptors: items.descriptors })
  const asked = await createRequest(parties, policy, options)
  const given = await createConsent(parties, { ...household, ...items, ...asked, manifest, policy }, options)
  const released = await createRelease(parties, { ...given, request: asked.request }, options)
  const approvals = await createApprovals(parties, given.consent, options)
  const revocations = await createRevocations(parties, given.consent, options)
  const agency = agencyData(parties, options)
  const leaves = leavesOf({
    ...household,
    ...asked,
    ...given,
    parties,
    policy,
    agency,
    approvals,
    revocations,
    release: released,
  })
  const { log, at } = await createLog(leaves, options.leafOrder ?? LEAF_NAMES)
  const logged = (name: LeafName) => (options.isOffline ? null : at(name))
  const hashes = items.descriptors.map((item) => hashLeaf(encodeDescriptor(item)))
  const named = items.descriptors.filter((item) => item.kind === 'init' || item.kind === 'media')
  const trust = trustOf(parties, log, options)
  return {
    parties,
    policy,
    ...household,
    ...items,
    manifest,
    request: asked.request,
    ...given,
    log,
    trust,
    verifierTrust: createVerifierTrust(trust),
    parts: {
      root: parties.root.jwk,
      keysets: [{ jws: household.keyset.raw, logged: logged('keyset') }],
      device: { jws: household.deviceCertificate.raw, logged: logged('device') },
      manifest: manifest.raw,
      items: named.map((descriptor, i) => ({
        descriptor,
        inclusion: inclusionProof(hashes, descriptor.index),
        header: given.headers[i]!,
        readPayload: () => items.sealed[descriptor.index]!.payload,
      })),
      request: { jws: asked.request.raw, logged: logged('request') },
      investigator: asked.certificate.raw,
      agency: {
        data: options.isOffline ? { uri: agency.uri, name: agency.name } : agency,
        logged: logged('agency'),
      },
      policy: { data: policy, logged: logged('policy') },
      consent: { jws: given.consent.raw, logged: logged('consent') },
      approvals: approvals.map(({ raw }) => ({ jws: raw, logged: logged('approval') })),
      release: options.isOffline ? null : { jws: released.jws, dpop: released.dpop, logged: logged('release') },
      revocations: revocations.map(({ raw }) => ({ jws: raw, logged: logged('revocation') })),
    },
  }
}

/** The files of a bundle, by path. */
export async function bundleFilesOf(parts: BundleParts): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  for await (const { path, bytes } of bundleEntries(parts)) files.set(path, bytes)
  return files
}

/** A bundle as one zip. */
export async function bundleZipOf(parts: BundleParts): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bundleZip(parts)) chunks.push(chunk)
  return concatBytes(...chunks)
}
