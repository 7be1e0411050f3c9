import { digestOfJson, LatchkeyError, type Policy, type PolicyList, policy as policyValidator } from '@latchkey/shared'
import type { Database, LeafLog, Queryable } from '../flow.ts'
import type { LeafSettler } from '../kernel/leaf-settler.ts'

export interface PolicyParts {
  readonly database: Database
  readonly leaves: LeafLog
  readonly settler: LeafSettler
}

/** The policy in force, in the log. */
export interface PolicyInForce {
  readonly policy: Policy
  readonly digest: string
}

/** The log holds each policy once, and its newest policy entry is what everybody judges by. @throws CONFIG_INVALID */
async function assertNewest(db: Queryable, digest: string): Promise<void> {
  const [newest] = await db.query<{ digest: string }>('SELECT digest FROM policies ORDER BY leaf DESC LIMIT 1')
  if (newest!.digest !== digest)
    throw new LatchkeyError(
      'CONFIG_INVALID',
      'policyFile: this policy was in force before another one. Give it the next version: the log must say that it counts again',
    )
}

/**
 * Puts the configured policy into the log, once, before anything is judged by it. Idempotent.
 * @throws CONFIG_INVALID for a policy that another one followed
 */
export async function enactPolicy(parts: PolicyParts, policy: Policy): Promise<PolicyInForce> {
  const digest = digestOfJson(policy)
  const ticket = await parts.database.transaction(async (tx) => {
    const fresh = await tx.query(
      'INSERT INTO policies (digest, policy) VALUES ($1, $2::jsonb) ON CONFLICT DO NOTHING RETURNING digest',
      [digest, JSON.stringify(policy)],
    )
    if (fresh.length === 0) {
      await assertNewest(tx, digest)
      const [known] = await tx.query<{ leaf: number }>('SELECT leaf FROM policies WHERE digest = $1', [digest])
      return known!.leaf
    }
    const leaf = await parts.leaves.enqueue(tx, { type: 'policy', data: { digest } })
    await tx.query('UPDATE policies SET leaf = $2 WHERE digest = $1', [digest, leaf])
    return leaf
  })
  await parts.settler.settle('policies', ticket)
  return { policy, digest }
}

/** A policy that is or was in force: what was asked under it is judged by it. @throws POLICY_UNKNOWN */
export async function findPolicy(db: Queryable, digest: string): Promise<{ policy: Policy; leaf: number }> {
  const [row] = await db.query<{ policy: unknown; leaf: number }>(
    'SELECT policy, leaf FROM policies WHERE digest = $1',
    [digest],
  )
  if (!row || !policyValidator.check(row.policy))
    throw new LatchkeyError('POLICY_UNKNOWN', 'no such policy was in force')
  return { policy: row.policy, leaf: row.leaf }
}

/** A policy that stands in the public log; null for any other. */
export async function findPublicPolicy(db: Queryable, digest: string): Promise<Policy | null> {
  const [row] = await db.query<{ policy: unknown }>(
    'SELECT policy FROM policies WHERE digest = $1 AND log_index IS NOT NULL',
    [digest],
  )
  return row && policyValidator.check(row.policy) ? row.policy : null
}

/** Every policy that stands in the public log, in its order. */
export const listPolicies = (db: Queryable): Promise<PolicyList['policies']> =>
  db.query('SELECT digest, log_index AS index FROM policies WHERE log_index IS NOT NULL ORDER BY log_index')
