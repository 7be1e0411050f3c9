import type { ReadyOpener } from '../crypto/keys.ts'
import type { ItemDescriptor } from '../wire/clip.ts'
import type { OwnerDetails } from '../wire/owner-details.ts'
import type { BundleCase, BundleFiles } from './bundle-case.ts'
import type { BundleFinding } from './finding.ts'
import type { VerifierTrust } from './trust.ts'

/** How a verification may be bounded or deepened. */
export interface VerifyOptions {
  /** The verifier's clock, seconds; without it nothing is compared with "now". */
  readonly nowSeconds?: number
  /** The requester's key: with it every item is opened and its commitments are checked. */
  readonly identity?: ReadyOpener
}

/** One item that was opened and matched both its commitments. */
export interface OpenedItem {
  readonly descriptor: ItemDescriptor
  /** 16 bytes. Secret. */
  readonly fileKey: Uint8Array
  readonly plaintext: Uint8Array
}

/** A sealed item of the bundle, split. */
export interface MediaItem {
  readonly path: string
  readonly descriptor: ItemDescriptor
  readonly headerSha256: string
  /** The first 168 bytes, or fewer where the file is shorter. */
  readonly header: Uint8Array
  readonly payload: Uint8Array
}

/** What every check sees. */
export interface CheckContext {
  readonly files: BundleFiles
  /** Proof files that were read, in reading order. */
  readonly read: readonly string[]
  /** What reading them found. */
  readonly parseFindings: readonly BundleFinding[]
  /** Null when a proof file does not parse. */
  readonly bundleCase: BundleCase | null
  readonly trust: VerifierTrust
  readonly options: VerifyOptions
}

/** {@link CheckContext} once all proof files parse. */
export interface CaseContext extends CheckContext {
  readonly bundleCase: BundleCase
  /** Items whose file is there, index order. */
  readonly media: readonly MediaItem[]
}

/** What a check says: findings (none: it holds), or why there was nothing to check. */
export interface CheckOutcome {
  readonly findings: readonly BundleFinding[]
  /** Why the check does not apply; counts only without findings. */
  readonly notApplicable?: string
  /** What check 14 opened. */
  readonly opened?: readonly OpenedItem[]
  /** What the owner told, opened by check 14; null for nothing. */
  readonly ownerDetails?: OwnerDetails | null
}

/** One check of the list. `onCase` checks need every proof file parsed. */
export type Check = {
  readonly number: number
  readonly name: string
} & (
  | { readonly needs: 'files'; run(context: CheckContext): CheckOutcome }
  | { readonly needs: 'case'; run(context: CaseContext): CheckOutcome }
)

/** Digests of the keysets of a bundle, by digest. */
export function keysetByDigest(bundleCase: BundleCase, digest: string): BundleCase['keysets'][number] | null {
  return bundleCase.keysets.find(({ keyset }) => keyset.digest === digest) ?? null
}
