import {
  type ClipManifest,
  type DeviceCertificate,
  encodeBase64url,
  encodeDescriptor,
  hashLeaf,
  isSignedBy,
  type ItemDescriptor,
  LatchkeyError,
  rootOfLeaves,
  type Signed,
} from '@latchkey/shared'

/** A manifest under judgement and everything it is judged by. */
export interface ManifestCase {
  readonly signed: Signed<ClipManifest>
  /** Untrusted: as uploaded. */
  readonly descriptors: readonly ItemDescriptor[]
  /** Clip of the address. */
  readonly clip: string
  readonly certificate: Signed<DeviceCertificate>
  readonly stored: ReadonlyMap<number, { sha256: string; sizeBytes: number }>
}

/** An accepted revision of the same clip. */
export interface EarlierRevision {
  readonly manifest: ClipManifest
  readonly descriptors: readonly ItemDescriptor[]
}

function refuse(reason: string): never {
  throw new LatchkeyError('MANIFEST_INVALID', reason)
}

function assertParties({ signed, certificate, clip }: ManifestCase): void {
  const { iss, latchkey } = signed.payload
  if (!isSignedBy(signed, certificate.payload.cnf.jwk) || iss !== certificate.payload.sub)
    throw new LatchkeyError('SIGNATURE_INVALID', 'the manifest is not signed by the calling device')
  if (latchkey.deviceCertificate !== certificate.digest) refuse('names another device certificate')
  if (latchkey.epoch !== certificate.payload.latchkey.epoch) refuse('names another epoch')
  if (latchkey.clip !== clip) refuse('names another clip')
}

/** Root over the descriptors, as RFC 6962 hashes their JCS bytes. */
export function itemsRootOf(descriptors: readonly ItemDescriptor[]): string {
  return encodeBase64url(rootOfLeaves(descriptors.map((descriptor) => hashLeaf(encodeDescriptor(descriptor)))))
}

function assertItems({ signed, descriptors, stored }: ManifestCase): void {
  const { items, itemsRoot } = signed.payload.latchkey
  if (descriptors.length !== items || descriptors.some((descriptor, i) => descriptor.index !== i))
    refuse('the descriptors are not items 0 to n-1 in order')
  if (itemsRootOf(descriptors) !== itemsRoot) refuse('the descriptors do not hash to itemsRoot')
  for (const { index, payloadSha256, payloadBytes } of descriptors) {
    const item = stored.get(index)
    if (!item) refuse(`item ${index} is not stored: items come before the manifest that names them`)
    if (item.sha256 !== payloadSha256 || item.sizeBytes !== payloadBytes) refuse(`item ${index} is not the stored one`)
  }
}

/** Rules of a manifest on its own. @throws MANIFEST_INVALID | SIGNATURE_INVALID */
export function assertManifest(subject: ManifestCase): void {
  const { latchkey } = subject.signed.payload
  assertParties(subject)
  if (latchkey.endMs < latchkey.startMs) refuse('ends before it starts')
  if (latchkey.gaps.some((gap) => gap.endMs < gap.startMs)) refuse('a gap ends before it starts')
  // The clip before is named by its final manifest, which an open one cannot know yet and the first has none of.
  const hasPrevious = !latchkey.open && latchkey.sequence > 1
  if (hasPrevious !== (latchkey.previous !== null)) refuse('its place in the chain of clips is impossible')
  assertItems(subject)
}

const FIXED = [
  'clip',
  'event',
  'sequence',
  'epoch',
  'deviceCertificate',
  'startMs',
  'boot',
  'monotonicStartMs',
] as const

/** Revision r+1 extends r: same clip, all its items, more behind them. @throws MANIFEST_CONFLICT */
export function assertExtends(next: EarlierRevision, before: EarlierRevision): void {
  const [newer, older] = [next.manifest.latchkey, before.manifest.latchkey]
  const conflict = (reason: string): never => {
    throw new LatchkeyError('MANIFEST_CONFLICT', reason)
  }
  if (newer.revision <= older.revision) conflict('a newer revision is stored')
  if (!older.open) conflict('the stored manifest is final')
  for (const member of FIXED)
    if (newer[member] !== older[member]) conflict(`${member} differs from the revision before`)
  const prefix = next.descriptors.slice(0, before.descriptors.length)
  if (itemsRootOf(prefix) !== older.itemsRoot) conflict('items of the revision before are missing or changed')
}
