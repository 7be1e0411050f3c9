import {
  type BundleAgency,
  type ClipManifest,
  type ClipRequest,
  type Consent,
  type deviceCertificate,
  type InvestigatorCertificate,
  type ItemDescriptor,
  type Keyset,
  type OwnerDetails,
  type Release,
  type SealedItem,
  type Signer,
} from '@latchkey/shared'

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
/** What a device certificate says. */
export type DeviceCertificatePayload = ReturnType<typeof deviceCertificate.parse>['payload']

/** How a case is made. */
export interface SyntheticOptions {
  /** Bytes of plaintext of each media item; two small ones unless told. */
  readonly mediaBytes?: readonly number[]
  readonly quorum?: 1 | 2
  /** A viewer was added by a second keyset, with a press of the device's button, before the consent. */
  readonly hasViewer?: boolean
  /** The partner takes the consent back; its leaf stands where `leafOrder` puts it, last unless told. */
  readonly isRevoked?: boolean
  /** What the owner tells about themselves; nothing unless told. */
  readonly disclosure?: OwnerDetails
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

/** Leaves of a case, in the order in which they are appended unless told. */
export const LEAF_NAMES = [
  'policy',
  'agency',
  'keyset',
  'device',
  'nextKeyset',
  'request',
  'consent',
  'approval',
  'release',
  'revocation',
] as const
/** One of them. */
export type LeafName = (typeof LEAF_NAMES)[number]

/** What an edit that is not there does. */
export const keep = <T>(value: T): T => value
