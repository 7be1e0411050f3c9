import { encodeBase64url, encodeLeaf, hashLeaf, randomBytes } from '@latchkey/shared'
import type { LeafContent } from '../flow.ts'
import type { QueuedLeaf, SequencedLeaf } from './log-store.ts'

/** Fewer would tell a lone consent by its loneliness. @see spec/log.md, "Sealed leaves" */
const MIN_SEALED_BATCH = 8

function sequence(content: LeafContent, ticket: number | null, hour: number): SequencedLeaf {
  const bytes = encodeLeaf({ v: 1, hour, ...content })
  return { ticket, bytes, leafHash: hashLeaf(bytes) }
}

/** Public leaves in the order in which they were queued. */
export function sequencePublic(queued: readonly QueuedLeaf[], hour: number): SequencedLeaf[] {
  return queued.map(({ content, ticket }) => sequence(content, ticket, hour))
}

/** Size of the batch that hides `count` leaves: the next power of two, at least 8; 0 for none. */
export function sealedBatchSize(count: number): number {
  if (count === 0) return 0
  return Math.max(MIN_SEALED_BATCH, 2 ** Math.ceil(Math.log2(count)))
}

/**
 * Sealed leaves among random filling, in random order, so that number, kind and order of arrival say nothing.
 * @see spec/log.md, "Sealed leaves"
 */
export function sequenceSealed(queued: readonly QueuedLeaf[], hour: number): SequencedLeaf[] {
  const fillings = Array.from({ length: sealedBatchSize(queued.length) - queued.length }, () =>
    sequence({ type: 'sealed', data: encodeBase64url(randomBytes(32)) }, null, hour),
  )
  const leaves = [...queued.map(({ content, ticket }) => sequence(content, ticket, hour)), ...fillings]
  return leaves
    .map((leaf) => ({ leaf, place: encodeBase64url(randomBytes(16)) }))
    .sort((a, b) => (a.place < b.place ? -1 : 1))
    .map(({ leaf }) => leaf)
}
