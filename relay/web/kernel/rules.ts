/** The rules of a relay, as they followed each other in its log. */
import {
  digestOfJson,
  type Json,
  type LoggedPolicy,
  type NamedPolicy,
  type Policy,
  policy as policyValidator,
  policyList,
  rulesAfter,
  rulesInForceAt,
} from '@latchkey/shared'
import type { RelayClient } from '@latchkey/shared/client'

/** Every policy entry that the relay tells of, and what follows from them. */
export interface Rules {
  /** In the log's order; whether they stand there is the log's to say. */
  readonly told: readonly NamedPolicy[]
  /** After all of them. */
  readonly inForce: Policy
  /** What an entry of the log was judged by; null when that was another policy than the one it names. */
  inForceAt(index: number, digest: string): Policy | null
}

async function loadPolicy(anyone: RelayClient, digest: string): Promise<[string, Policy] | null> {
  const policy = await anyone.json('GET', `/v1/policies/${digest}`, policyValidator)
  return digestOfJson(policy satisfies Json) === digest ? [digest, policy] : null
}

/**
 * All of them are fetched, whatever is asked by which. What the relay says is in force is not believed: it follows from the
 * entries. Untrusted: what arrives.
 * @returns null when one is not what its digest names, or none counts
 * @throws UNAVAILABLE | MESSAGE_INVALID
 * @see shared/spec/policy.md
 */
export async function loadRules(anyone: RelayClient): Promise<Rules | null> {
  const { policies } = await anyone.json('GET', '/v1/policies', policyList)
  const told = policies.toSorted((a, b) => a.index - b.index)
  const digests = [...new Set(told.map(({ digest }) => digest))]
  const loaded = await Promise.all(digests.map((digest) => loadPolicy(anyone, digest)))
  const byDigest = new Map(loaded.filter((one) => one !== null))
  const entries: LoggedPolicy[] = told.map((one) => ({ ...one, policy: byDigest.get(one.digest) ?? null }))
  const { inForce } = rulesAfter(entries)
  if (inForce === null || loaded.includes(null)) return null
  return {
    told,
    inForce: inForce.policy,
    inForceAt(index, digest) {
      const rules = rulesInForceAt(entries, index)
      return rules?.digest === digest ? rules.policy : null
    },
  }
}
