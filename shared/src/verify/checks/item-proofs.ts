import { decodeBase64url } from '../../bytes/base64url.ts'
import { areCanonicalRanges, indexesOf } from '../../consent/item-ranges.ts'
import { hashLeaf, verifyInclusion } from '../../tlog/merkle.ts'
import type { BundleItems } from '../../wire/bundle.ts'
import { encodeDescriptor } from '../../wire/clip.ts'
import type { BundleCase } from '../bundle-case.ts'
import { itemPath, PROOF_FILES } from '../bundle-paths.ts'
import type { CaseContext, CheckOutcome } from '../check.ts'
import { bundleFinding, type BundleFinding } from '../finding.ts'

function isProven({ manifest }: BundleCase, item: BundleItems['items'][number]): boolean {
  const { items, itemsRoot } = manifest.payload.latchkey
  const claim = {
    index: item.descriptor.index,
    leafHash: hashLeaf(encodeDescriptor(item.descriptor)),
    hashes: item.inclusion.map(decodeBase64url),
  }
  return verifyInclusion(claim, { size: items, root: decodeBase64url(itemsRoot) })
}

/** Check 6: exactly the consented items, each proved to stand in the manifest's tree. */
export function checkItemProofs({ bundleCase }: CaseContext): CheckOutcome {
  const { items, manifest, consent } = bundleCase
  const findings: BundleFinding[] = []
  const wrong = (message: string) => findings.push(bundleFinding('ITEM_INVALID', PROOF_FILES.items, message))
  if (items.clip !== manifest.payload.latchkey.clip) wrong('names another clip than the manifest')
  const ranges = consent.payload.authorization_details[0]!.items
  const named = areCanonicalRanges(ranges) ? indexesOf(ranges).join() : null
  if (items.items.map(({ descriptor }) => descriptor.index).join() !== named)
    wrong('does not list exactly the items of the consent, in order')
  for (const item of items.items) {
    const { index } = item.descriptor
    if (item.file !== itemPath(items.clip, item.descriptor)) wrong(`item ${index} names another file than its own`)
    if (!isProven(bundleCase, item)) wrong(`item ${index} is not proved to be in the manifest's tree`)
  }
  return { findings }
}
