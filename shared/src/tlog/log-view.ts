import { equalBytes } from '../bytes/bytes.ts'
import { codeOf, type ErrorCode, LatchkeyError } from '../errors.ts'
import { type LogTrust, openCheckpoint, type VerifiedCheckpoint } from './checkpoint.ts'
import { type TreeHash, verifyConsistency } from './merkle.ts'

/**
 * Why a checkpoint was not taken.
 * `unsigned`: no trusted signature or quorum: anyone can send this. `other-log`: signed, but by another log.
 * `smaller`: signed and older: stale, or a roll-back. `unproven`: signed and larger, without a valid consistency proof.
 * `forked`: signed twice at one size with two roots: the two checkpoints together prove that the log lied.
 */
export type LogFindingReason = 'unsigned' | 'other-log' | 'smaller' | 'unproven' | 'forked'

/** A refused checkpoint with what is needed to show it to others. Keep it, show it, tell every member. */
export interface LogFinding {
  readonly kind: 'finding'
  readonly reason: LogFindingReason
  readonly code: ErrorCode
  readonly message: string
  /** Signed bytes of the checkpoint that stays. */
  readonly held: Uint8Array | null
  /** The bytes that were refused. Untrusted. */
  readonly refused: Uint8Array
}

/** What became of a checkpoint: it replaces the held one, or says the same, or is refused. */
export type LogViewStep =
  | { readonly kind: 'accepted'; readonly checkpoint: VerifiedCheckpoint }
  | { readonly kind: 'unchanged'; readonly checkpoint: VerifiedCheckpoint }
  | LogFinding

/** A checkpoint offered to a phone, a Pi or a monitor. */
export interface CheckpointOffer {
  /** Untrusted: the signed bytes. */
  readonly raw: Uint8Array
  /** Untrusted: from the held size to the offered one; empty on first use and for equal sizes. */
  readonly consistency: readonly TreeHash[]
}

/**
 * The rule of every client: a checkpoint replaces the held one only when it is validly signed, larger and provably
 * consistent. On first use (`held` null) the signature decides alone.
 * Untrusted: `offer`. Never throws for anything in it.
 * @see spec/log.md, protocol §8
 */
export function acceptCheckpoint(
  held: VerifiedCheckpoint | null,
  offer: CheckpointOffer,
  trust: LogTrust,
): LogViewStep {
  const refuse = (reason: LogFindingReason, code: ErrorCode, message: string): LogFinding => ({
    kind: 'finding',
    reason,
    code,
    message,
    held: held?.raw ?? null,
    refused: offer.raw,
  })
  let next: VerifiedCheckpoint
  try {
    next = openCheckpoint(offer.raw, trust)
  } catch (error) {
    return refuse(
      'unsigned',
      codeOf(error),
      error instanceof LatchkeyError ? error.message : 'checkpoint is unreadable',
    )
  }
  if (held === null) return { kind: 'accepted', checkpoint: next }
  if (next.origin !== held.origin)
    return refuse('other-log', 'CHECKPOINT_INVALID', 'checkpoint is of another log than the one held')
  if (next.size < held.size)
    return refuse('smaller', 'CHECKPOINT_INVALID', `checkpoint has ${next.size} leaves, the one held has ${held.size}`)
  if (next.size === held.size) {
    if (equalBytes(next.root, held.root)) return { kind: 'unchanged', checkpoint: held }
    return refuse('forked', 'LOG_PROOF_INVALID', `log signed two trees of ${held.size} leaves`)
  }
  if (!verifyConsistency(held, next, offer.consistency))
    return refuse('unproven', 'LOG_PROOF_INVALID', `no proof that ${next.size} leaves extend the ${held.size} held`)
  return { kind: 'accepted', checkpoint: next }
}
