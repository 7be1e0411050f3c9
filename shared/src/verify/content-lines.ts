import { formatTime } from '../consent/notice.ts'
import type { BundleFacts } from './verify-bundle.ts'

/**
 * What is not there, for people, as the device and the owner signed it: pieces that were not released, stretches without
 * pictures, parts of the picture that were painted over. Pure.
 * @see spec/clip-manifest.md
 */
export function contentLines({ items, clipItems, gaps, masks, hasOwnerDetails }: BundleFacts): readonly string[] {
  const missing = gaps.map(
    ({ startMs, endMs, reason }) => `Missing: ${formatTime(startMs, 0)} to ${formatTime(endMs, 0)}, ${reason}.`,
  )
  return [
    items === clipItems
      ? `All ${clipItems} pieces of the clip were released.`
      : `Of the clip’s ${clipItems} pieces ${items} were released.`,
    ...(missing.length === 0 ? ['The device states no gap.'] : missing),
    masks === null
      ? 'The device states no privacy mask.'
      : `The device painted privacy masks over parts of the picture before coding it: what lay under them was never recorded (masks ${masks}).`,
    hasOwnerDetails
      ? 'The owner told something about themselves, sealed to the requester: their own account, which nobody checked.'
      : 'The owner told nothing about themselves.',
  ]
}
