/** The rules that a relay judges by, against the log that everybody sees. */
import { checkNamedLeaf } from '../tlog/log-watch.ts'
import type { PolicyList } from '../wire/http.ts'
import type { HeldLog, PublicLeafState } from './agency-leaves.ts'

/** A policy by digest, and where and of which hour the relay says that its entry in the log is. */
export type NamedPolicy = PolicyList['policies'][number]

/**
 * Is this policy in the log where the relay says, and of that hour?
 * Untrusted: `named`, and what `readTile` answers.
 * @throws what `readTile` throws when it cannot read
 * @see spec/policy.md
 */
export const checkPolicyInLog = (
  { digest, index, hour }: NamedPolicy,
  { held, readTile }: HeldLog,
): Promise<PublicLeafState> =>
  checkNamedLeaf(
    { index, isIt: (leaf) => leaf.type === 'policy' && leaf.data.digest === digest && leaf.hour === hour },
    held,
    readTile,
  )

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
