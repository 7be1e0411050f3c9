import {
  type BundleParts,
  bundleEntries,
  bundleZip,
  type ClipManifest,
  type ClipRequest,
  concatBytes,
  type Consent,
  createVerifierTrust,
  encodeDescriptor,
  hashLeaf,
  inclusionProof,
  type ItemDescriptor,
  type Keyset,
  type Policy,
  type SealedItem,
  type Signed,
  type Trust,
  type VerifierTrust,
} from '@latchkey/shared'
import { type MemoryLog } from './memory-log.ts'
import { createApprovals, createConsent, createRelease, createRequest, createRevocations } from './synthetic-consent.ts'
import { createItems, createManifest, createSettledHousehold } from './synthetic-household.ts'
import { agencyData, createLog, leavesOf } from './synthetic-log.ts'
import { LEAF_NAMES, type DeviceCertificatePayload, type LeafName, type SyntheticOptions } from './synthetic-options.ts'
import { AGENCY, ORIGIN, createParties, loadPolicy, type SyntheticParties } from './synthetic-parties.ts'

export {
  createParties,
  loadPolicy,
  REQUESTED_SECONDS,
  seededBytes,
  type SyntheticParties,
} from './synthetic-parties.ts'
export type { SyntheticEdits, SyntheticOptions } from './synthetic-options.ts'

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
  const household = await createSettledHousehold(parties, options)
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
      keysets: [
        { jws: household.firstKeyset.raw, logged: logged('keyset') },
        ...(household.added
          ? [{ jws: household.added.next.raw, logged: logged('nextKeyset'), ack: household.added.ack }]
          : []),
      ],
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
      disclosure: given.identityItem,
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
