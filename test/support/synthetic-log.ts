import {
  type BundleAgency,
  type ClipRequest,
  type Consent,
  digestOfJson,
  encodeBase64url,
  type Keyset,
  keysetLabel,
  type Leaf,
  leafHourOf,
  type LoggedAt,
  type Policy,
  rawKeyOf,
  requestLeafData,
  sealedLeafData,
  type SealedKind,
  type Signed,
  utf8,
} from '@latchkey/shared'
import { createMemoryLog } from './memory-log.ts'
import { type Household } from './synthetic-household.ts'
import { keep, type LeafName, type SyntheticOptions } from './synthetic-options.ts'
import {
  AGENCY,
  AGENCY_NAME,
  REQUESTED_SECONDS,
  digest32,
  seededBytes,
  type SyntheticParties,
} from './synthetic-parties.ts'

/** Leaves by name, appended in `order`, then filled with random commitments; `at` proves one of them. */
export async function createLog(
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

/** The agency’s log entry. */
export function agencyData({ agency }: SyntheticParties, { edits = {} }: SyntheticOptions): BundleAgency {
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
  readonly firstKeyset: Signed<Keyset>
  readonly added: Household['added']
  readonly deviceCertificate: Signed<unknown>
  readonly request: Signed<ClipRequest>
  readonly consent: Signed<Consent>
  readonly approvals: readonly Signed<{ iat: number }>[]
  readonly release: { readonly jws: string; readonly toe: number }
  readonly revocations: readonly Signed<{ iat: number }>[]
}

/** The leaf of every object. */
export function leavesOf(given: Logged) {
  const { parties, policy, agency, firstKeyset, added, request, consent, approvals, release } = given
  const hourOf = (seconds: number) => leafHourOf(seconds * 1000)
  const setUp = hourOf(REQUESTED_SECONDS - 990_000)
  const sealed = (kind: SealedKind, raw: string, hour: number) => {
    const salt = seededBytes(`${kind} salt`)
    const leaf: Leaf = { v: 1, type: 'sealed', data: sealedLeafData(salt, kind, utf8(raw)), hour }
    return { leaf, salt: encodeBase64url(salt) }
  }
  const open = (leaf: Leaf) => ({ leaf, salt: null })
  const label = (version: number) => keysetLabel(rawKeyOf(parties.root.jwk), version)
  const leaves = new Map<LeafName, { leaf: Leaf; salt: string | null }>([
    ['policy', open({ v: 1, type: 'policy', data: { digest: digestOfJson(policy) }, hour: setUp })],
    ['agency', open({ v: 1, type: 'agency', data: agency, hour: setUp } as Leaf)],
    ['keyset', open({ v: 1, type: 'keyset', data: { label: label(1), digest: firstKeyset.digest }, hour: setUp })],
    ['device', sealed('device', given.deviceCertificate.raw, setUp)],
    ['request', open({ v: 1, type: 'request', data: requestLeafData(request), hour: hourOf(request.payload.iat) })],
    ['consent', sealed('consent', consent.raw, hourOf(consent.payload.iat))],
  ])
  if (added)
    leaves.set(
      'nextKeyset',
      open({ v: 1, type: 'keyset', data: { label: label(2), digest: added.next.digest }, hour: setUp }),
    )
  for (const signed of approvals) leaves.set('approval', sealed('approval', signed.raw, hourOf(signed.payload.iat)))
  for (const signed of given.revocations)
    leaves.set('revocation', sealed('revoke', signed.raw, hourOf(signed.payload.iat)))
  return leaves.set('release', sealed('release', release.jws, hourOf(release.toe)))
}
