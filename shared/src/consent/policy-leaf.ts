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
