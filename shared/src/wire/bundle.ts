import { Type, type Static } from 'typebox'
import { DigestField, Exact, B64u32, Id16, Line } from './fields.ts'
import { ItemDescriptor, MAX_ITEMS } from './clip.ts'
import { createValidator } from './schema.ts'

/** `data/proof/items.json`: one entry per released item. */
export const BundleItems = Exact({
  v: Type.Literal(1),
  clip: Id16,
  items: Type.Array(
    Exact({
      descriptor: ItemDescriptor,
      /** Path of the sealed item below `data/media/`. */
      file: Line(128),
      headerSha256: DigestField,
      /** RFC 6962 inclusion proof in the manifest's `itemsRoot`, base64url hashes from leaf to root. */
      inclusion: Type.Array(B64u32, { maxItems: 16 }),
    }),
    { minItems: 1, maxItems: MAX_ITEMS },
  ),
})
export type BundleItems = Static<typeof BundleItems>
export const bundleItems = createValidator(BundleItems)

/** `data/proof/leaves.json`: how each sealed leaf opens. */
export const BundleLeaves = Exact({
  v: Type.Literal(1),
  leaves: Type.Array(
    Exact({
      /** Log index. */
      index: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
      /** File below `data/proof/` whose object the leaf commits to. */
      file: Line(128),
      type: Line(32),
      /** Kind inside a `sealed` leaf; null for public leaves. */
      kind: Type.Union([Line(32), Type.Null()]),
      salt: Type.Union([B64u32, Type.Null()]),
      /** UTC hour of the leaf. */
      hour: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
      /** The data of a public leaf (JCS value), null for sealed ones. */
      data: Type.Unknown(),
      /** File of its tlog-proof below `data/proof/`. */
      proof: Line(128),
    }),
    { maxItems: 64 },
  ),
})
export type BundleLeaves = Static<typeof BundleLeaves>
export const bundleLeaves = createValidator(BundleLeaves)
