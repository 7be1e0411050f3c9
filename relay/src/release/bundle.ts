import {
  type BundleParts,
  consent as consentMessage,
  type Consent,
  encodeBase64url,
  decodeBase64url,
  encodeDescriptor,
  hashLeaf,
  inclusionProof,
  indexesOf,
  type ItemDescriptor,
  type ItemPart,
  LatchkeyError,
  type LeafData,
  type LoggedAt,
  type LoggedJws,
  type Policy,
  type PublicJwk,
} from '@latchkey/shared'
import type { GrantedConsent, InvestigatorCaller, LeafLog, Queryable } from '../flow.ts'
import { findProofs, keepProofs, type StoredDownload } from './download-store.ts'
import { requireDownload } from './downloads.ts'
import type { ReleasedItemParts } from './released-item.ts'

/** A signed object and the ticket of its leaf. */
export interface QueuedJws {
  readonly jws: string
  readonly leaf: number
  /** 32 bytes, base64url, of a sealed leaf; null for a public one. */
  readonly salt: string | null
}

/** A keyset and what accompanied its change. */
export interface QueuedKeyset extends QueuedJws {
  readonly ack: { readonly jws: string; readonly deviceCertificate: string } | null
  readonly approvals: readonly string[]
}

/** What the other stages hold of a case. Each throws NOT_FOUND for what is gone. */
export interface BundleSources {
  rootJwk(db: Queryable, root: string): Promise<PublicJwk>
  /** From version 1 to the named one. */
  keysetsUpTo(db: Queryable, root: string, digest: string): Promise<QueuedKeyset[]>
  device(db: Queryable, certificate: string): Promise<QueuedJws>
  manifest(db: Queryable, digest: string): Promise<{ jws: string; descriptors: readonly ItemDescriptor[] }>
  request(db: Queryable, digest: string): Promise<QueuedJws & { investigator: string; policy: string; index: number }>
  agencyAt(db: Queryable, uri: string, index: number): Promise<{ data: LeafData<'agency'>; leaf: number }>
  /** As it stood where the request of this index was judged by it. */
  policyAt(db: Queryable, digest: string, index: number): Promise<{ policy: Policy; leaf: number }>
  /** Published approvals of a consent. */
  approvals(db: Queryable, consent: string): Promise<QueuedJws[]>
  /** Published revocations of any of these digests. */
  revocations(db: Queryable, subjects: readonly string[]): Promise<QueuedJws[]>
}

export interface BundlePartsPorts extends ReleasedItemParts {
  readonly leaves: LeafLog
  readonly sources: BundleSources
  prove(index: number): Promise<Uint8Array>
}

/** Looks up where leaves stand and proves them; proofs are fixed with the first bundle, so that a bundle never changes. */
function createProver(ports: BundlePartsPorts, release: string) {
  const places: { ticket: number; index: number; hour: number }[] = []
  const placeOf = async (ticket: number): Promise<void> => {
    const { index, hour } = await ports.leaves.published(ticket)
    places.push({ ticket, index, hour })
  }
  const proveAll = async (): Promise<Readonly<Record<string, string>>> => {
    const kept = await findProofs(ports.database, release)
    if (kept && places.every(({ index }) => String(index) in kept)) return kept
    const proofs: Record<string, string> = {}
    for (const { index } of places) proofs[index] = encodeBase64url(await ports.prove(index))
    return keepProofs(ports.database, release, proofs)
  }
  return async (tickets: readonly number[]): Promise<(queued: { leaf: number; salt: string | null }) => LoggedAt> => {
    for (const ticket of tickets) await placeOf(ticket)
    const proofs = await proveAll()
    return ({ leaf, salt }) => {
      const place = places.find(({ ticket }) => ticket === leaf)
      const proof = place && proofs[String(place.index)]
      if (!place || proof === undefined) throw new LatchkeyError('INTERNAL', 'a leaf of the bundle has no proof')
      return { index: place.index, hour: place.hour, salt, proof: decodeBase64url(proof) }
    }
  }
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function itemParts(
  ports: BundlePartsPorts,
  grant: GrantedConsent,
  payload: Consent,
  descriptors: readonly ItemDescriptor[],
): ItemPart[] {
  const leafHashes = descriptors.map((descriptor) => hashLeaf(encodeDescriptor(descriptor)))
  return indexesOf(payload.authorization_details[0]!.items).map((index, place) => {
    const header = grant.headers[place]!
    return {
      descriptor: descriptors[index]!,
      inclusion: inclusionProof(leafHashes, index),
      header,
      readPayload: async () => {
        const file = await ports.openItem(grant.root, { clip: grant.clip, index, header })
        return readAll(await file.open())
      },
    }
  })
}

/** Every object of the case, before its place in the log is known. */
async function gather(ports: BundlePartsPorts, grant: GrantedConsent, payload: Consent) {
  const { database: db, sources } = ports
  const { latchkey } = payload
  const request = await sources.request(db, latchkey.request)
  const [, agency] = payload.aud
  return {
    root: await sources.rootJwk(db, grant.root),
    keysets: await sources.keysetsUpTo(db, grant.root, latchkey.keyset),
    device: await sources.device(db, latchkey.deviceCertificate),
    manifest: await sources.manifest(db, payload.authorization_details[0]!.identifier),
    request,
    agency: await sources.agencyAt(db, agency, request.index),
    policy: await sources.policyAt(db, request.policy, request.index),
    consent: { jws: grant.jws, leaf: grant.leaf, salt: grant.salt },
    approvals: await sources.approvals(db, grant.digest),
    revocations: await sources.revocations(db, [grant.digest, latchkey.deviceCertificate]),
  }
}

async function partsOf(
  ports: BundlePartsPorts,
  download: StoredDownload,
  grant: GrantedConsent,
  payload: Consent,
): Promise<BundleParts> {
  const found = await gather(ports, grant, payload)
  const release = { jws: download.releaseJws, leaf: download.leaf, salt: download.salt }
  const { keysets, device, request, agency, policy, consent, approvals, revocations } = found
  const queued = [...keysets, device, request, agency, policy, consent, ...approvals, ...revocations, release]
  const place = await createProver(ports, download.release)(queued.map(({ leaf }) => leaf))
  const logged = (object: QueuedJws): LoggedJws => ({ jws: object.jws, logged: place(object) })
  return {
    root: found.root,
    keysets: keysets.map((keyset) => ({
      ...logged(keyset),
      ...(keyset.ack ? { ack: keyset.ack } : {}),
      approvals: keyset.approvals,
    })),
    device: logged(device),
    manifest: found.manifest.jws,
    items: itemParts(ports, grant, payload, found.manifest.descriptors),
    request: logged(request),
    investigator: request.investigator,
    agency: { data: agency.data, logged: place({ leaf: agency.leaf, salt: null }) },
    policy: { data: policy.policy, logged: place({ leaf: policy.leaf, salt: null }) },
    consent: logged(consent),
    approvals: approvals.map(logged),
    release: { ...logged(release), dpop: download.proofJws },
    revocations: revocations.map(logged),
    disclosure: grant.disclosure,
  }
}

/**
 * The evidence bundle of a download, as parts that are read when their turn comes. The same parts every time.
 * @throws as `takeDownload`
 * @see protocol §9
 */
export async function loadBundle(
  ports: BundlePartsPorts,
  caller: InvestigatorCaller,
  downloadId: string,
): Promise<BundleParts> {
  const { download, grant } = await requireDownload(ports, caller, downloadId)
  return partsOf(ports, download, grant, consentMessage.parse(grant.jws).payload)
}
