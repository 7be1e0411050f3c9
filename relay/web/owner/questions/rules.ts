/** The rules of this relay, as they followed each other in the log. */
import {
  digestOfJson,
  type Json,
  type NamedPolicy,
  type Policy,
  policy as policyValidator,
  policyInForceAt,
  policyList,
} from '@latchkey/shared'
import type { RelayClient } from '@latchkey/shared/client'

/** Every policy that the relay tells of, by digest, and which was in force when. */
export interface Rules {
  /** In the log's order; whether they stand there is the log's to say. */
  readonly told: readonly NamedPolicy[]
  readonly newest: Policy
  /** What an entry of the log was judged by; null when that was another policy than the one it names. */
  inForceAt(index: number, digest: string): Policy | null
}

async function loadPolicy(anyone: RelayClient, digest: string): Promise<[string, Policy] | null> {
  const policy = await anyone.json('GET', `/v1/policies/${digest}`, policyValidator)
  return digestOfJson(policy satisfies Json) === digest ? [digest, policy] : null
}

/**
 * All of them are fetched, whatever is asked by which. Untrusted: what arrives.
 * @returns null when one is not what its digest names, or there is none
 * @throws UNAVAILABLE | MESSAGE_INVALID
 */
export async function loadRules(anyone: RelayClient): Promise<Rules | null> {
  const { policies } = await anyone.json('GET', '/v1/policies', policyList)
  const told = policies.toSorted((a, b) => a.index - b.index)
  const loaded = await Promise.all(told.map(({ digest }) => loadPolicy(anyone, digest)))
  const byDigest = new Map(loaded.filter((one) => one !== null))
  const newest = byDigest.get(told.at(-1)?.digest ?? '')
  if (newest === undefined || loaded.includes(null)) return null
  return {
    told,
    newest,
    inForceAt: (index, digest) =>
      policyInForceAt(told, index)?.digest === digest ? (byDigest.get(digest) ?? null) : null,
  }
}
