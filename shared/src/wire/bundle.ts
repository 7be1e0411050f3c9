import { Type, type Static } from 'typebox'
import { ItemDescriptor, MAX_ITEMS } from './clip.ts'
import { AgencyUri, B64u32, Count, DigestField, EpochMs, Exact, Id16, Jwk, Line } from './fields.ts'
import { AgencyStatus } from './http.ts'
import { createValidator } from './schema.ts'

/** A clip of 4,096 items has inclusion paths of twelve hashes. */
const MAX_INCLUSION_HASHES = 12

/** `data/proof/items.json`: one entry per released item, index order. */
export const BundleItems = Exact({
  v: Type.Literal(1),
  clip: Id16,
  items: Type.Array(
    Exact({
      descriptor: ItemDescriptor,
      /** Path of the sealed item inside the bundle. */
      file: Line(128),
      /** Of the release header that stands before the payload. */
      headerSha256: DigestField,
      /** RFC 6962 inclusion proof in the manifest's `itemsRoot`: from the leaf's sibling to the root's child. */
      inclusion: Type.Array(B64u32, { maxItems: MAX_INCLUSION_HASHES }),
    }),
    { minItems: 1, maxItems: MAX_ITEMS },
  ),
})
export type BundleItems = Static<typeof BundleItems>
export const bundleItems = createValidator(BundleItems)

const BundleLeaf = Exact({
  /** Object below `data/proof/` that the leaf is about; its proof is the `.tlog-proof` of the same name. */
  file: Line(128),
  /** Whole hours since 1970, UTC, as the leaf says. */
  hour: Count,
  /** Log index. */
  index: Count,
  /** Kind inside a `sealed` leaf; null for public leaves. */
  kind: Type.Union([Line(32), Type.Null()]),
  /** Salt of a `sealed` leaf; null for public leaves. */
  salt: Type.Union([B64u32, Type.Null()]),
  type: Line(32),
})
/** How one leaf of the log is opened. */
export type BundleLeaf = Static<typeof BundleLeaf>

/** `data/proof/leaves.json`: sorted by index. What a public leaf says is recomputed from its object. */
export const BundleLeaves = Exact({ v: Type.Literal(1), leaves: Type.Array(BundleLeaf, { maxItems: 256 }) })
export type BundleLeaves = Static<typeof BundleLeaves>
export const bundleLeaves = createValidator(BundleLeaves)

/**
 * `data/proof/agency.json`: the data of the agency's log leaf. Where there is no log nobody vouches for more than the
 * name (bound by the notice) and the address (bound by the request), so nothing more is said.
 */
export const BundleAgency = Type.Union([
  Exact({ uri: AgencyUri, name: Line(200) }),
  Exact({
    uri: AgencyUri,
    name: Line(200),
    kind: Line(64),
    status: AgencyStatus,
    keys: Type.Array(Jwk, { maxItems: 16 }),
    statusSinceMs: EpochMs,
    noticeUntilMs: EpochMs,
  }),
])
export type BundleAgency = Static<typeof BundleAgency>
export const bundleAgency = createValidator(BundleAgency)

/** `data/proof/root.jwk.json`: the household's public root key; its thumbprint is the household. */
export const bundleRoot = createValidator(Jwk)
