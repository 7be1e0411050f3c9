/** The rules that a relay judges by, against the log that everybody sees. */
import { checkNamedLeaf } from '../tlog/log-watch.ts'
import type { PolicyList } from '../wire/http.ts'
import type { HeldLog, PublicLeafState } from './agency-leaves.ts'

/** A policy by digest, and where the relay says that it stands in the log. */
export type NamedPolicy = PolicyList['policies'][number]

/**
 * Is this policy in the log where the relay says?
 * Untrusted: `named`, and what `readTile` answers.
 * @throws what `readTile` throws when it cannot read
 * @see spec/log.md, "The policy"
 */
export const checkPolicyInLog = (
  { digest, index }: NamedPolicy,
  { held, readTile }: HeldLog,
): Promise<PublicLeafState> =>
  checkNamedLeaf({ index, isIt: (leaf) => leaf.type === 'policy' && leaf.data.digest === digest }, held, readTile)

/**
 * By which policy was the leaf at this place judged?
 * @param policies that stand in the log, in its order
 * @param index of the leaf
 * @returns the last one before it; null when there was none
 * @see spec/log.md, "The policy"
 */
export const policyInForceAt = (policies: readonly NamedPolicy[], index: number): NamedPolicy | null =>
  policies.findLast((policy) => policy.index < index) ?? null

/** A request by digest, the policy that it names, and where the relay says that it stands in the log. */
export interface NamedRequest {
  readonly requestDigest: string
  readonly policy: string
  readonly index: number
}

/**
 * Is this request in the log where the relay says, under the policy that it names?
 * Untrusted: `named`, and what `readTile` answers.
 * @throws what `readTile` throws when it cannot read
 * @see spec/log.md, "The policy"
 */
export const checkRequestInLog = (
  { requestDigest, policy, index }: NamedRequest,
  { held, readTile }: HeldLog,
): Promise<PublicLeafState> =>
  checkNamedLeaf(
    {
      index,
      isIt: ({ type, data }) => type === 'request' && data.requestDigest === requestDigest && data.policy === policy,
    },
    held,
    readTile,
  )
