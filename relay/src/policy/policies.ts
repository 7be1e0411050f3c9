import {
  digestOfJson,
  LatchkeyError,
  leafHourOf,
  leafHourStartMs,
  type LoggedPolicy,
  type Policy,
  type PolicyList,
  policy as policyValidator,
  rulesAfter,
  type RulesInForce,
  type RulesState,
} from '@latchkey/shared'
import type { Database, LeafLog, Queryable, Transaction } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { FollowLeaves, LeafSettler } from '../kernel/leaf-settler.ts'
import type { Log } from '../kernel/log.ts'

/** What puts rules into the log works with this. */
export interface PolicyParts {
  readonly database: Database
  readonly leaves: LeafLog
  readonly settler: LeafSettler
  readonly clock: Pick<Clock, 'nowMs'>
  readonly log: Log
}

interface EntryRow {
  readonly digest: string
  readonly policy: unknown
  readonly index: number | null
  readonly hour: number | null
}

const LOCK = "hashtextextended('policy', 0)"

/** What stands under the name of the log's digest; a form that this program does not know is shown to nobody. */
const policyOf = (value: unknown): Policy | null => (policyValidator.check(value) ? value : null)

/**
 * Every policy entry in its order. One on its way into the log counts as one of this hour: hours never run back, so it
 * does nothing there that it does not do here.
 */
async function loadEntries(db: Queryable, nowMs: number): Promise<LoggedPolicy[]> {
  const rows = await db.query<EntryRow>(
    `SELECT e.digest, p.policy, e.log_index AS index, e.hour
     FROM policy_entries e JOIN policies p USING (digest) ORDER BY e.leaf`,
  )
  return rows.map(({ digest, policy, index, hour }) => ({
    digest,
    policy: policyOf(policy),
    index: index ?? Number.MAX_SAFE_INTEGER,
    hour: hour ?? leafHourOf(nowMs),
  }))
}

function assertInForce({ inForce }: RulesState): RulesInForce {
  if (inForce === null) throw new LatchkeyError('INTERNAL', 'no policy is in force')
  return inForce
}

/**
 * The rules that whatever this transaction decides is judged by: those of the log with what is on its way there. Until the
 * transaction ends no other relay or job changes them, so that the leaf of the decision stands behind them in the log.
 */
export async function holdPolicy(tx: Queryable, nowMs: number): Promise<RulesInForce> {
  await tx.query(`SELECT pg_advisory_xact_lock_shared(${LOCK})`)
  return assertInForce(rulesAfter(await loadEntries(tx, nowMs)))
}

/** What counts and what is announced, by the public log alone. */
export async function findRules(db: Queryable, nowMs: number): Promise<RulesState & { inForce: RulesInForce }> {
  const state = rulesAfter((await loadEntries(db, nowMs)).filter(({ index }) => index < Number.MAX_SAFE_INTEGER))
  return { ...state, inForce: assertInForce(state) }
}

/** Which rules must be written into the log now, if any. @param wanted of the configuration; null: only what is due */
function dueDigest({ inForce, announced }: RulesState, wanted: string | null, nowMs: number): string | null {
  const isDue = announced !== null && leafHourOf(nowMs) >= announced.fromHour
  if (wanted === null || wanted === announced?.digest) return isDue ? announced.digest : null
  if (wanted === inForce?.digest) return announced === null ? null : wanted
  return wanted
}

/** Writes it where it is due. @returns the ticket of its leaf */
async function writeEntry(parts: PolicyParts, tx: Transaction, wanted: string | null): Promise<number | null> {
  await tx.query(`SELECT pg_advisory_xact_lock(${LOCK})`)
  const nowMs = parts.clock.nowMs()
  const digest = dueDigest(rulesAfter(await loadEntries(tx, nowMs)), wanted, nowMs)
  if (digest === null) return null
  const leaf = await parts.leaves.enqueue(tx, { type: 'policy', data: { digest } })
  await tx.query('INSERT INTO policy_entries (digest, leaf) VALUES ($1, $2)', [digest, leaf])
  return leaf
}

function tell({ log }: PolicyParts, { inForce, announced }: RulesState): void {
  const version = inForce?.policy.version
  if (announced === null) {
    log.info({ version }, 'policy.in-force')
    return
  }
  const from = new Date(leafHourStartMs(announced.fromHour)).toISOString()
  const looser = announced.looser.map(({ key }) => key)
  log.warn({ version, announced: announced.policy.version, from, looser }, 'policy.announced')
}

async function writeAndSettle(parts: PolicyParts, wanted: Policy | null): Promise<void> {
  const digest = wanted === null ? null : digestOfJson(wanted)
  const ticket = await parts.database.transaction(async (tx) => {
    if (wanted !== null)
      await tx.query('INSERT INTO policies (digest, policy) VALUES ($1, $2::jsonb) ON CONFLICT DO NOTHING', [
        digest,
        JSON.stringify(wanted),
      ])
    return writeEntry(parts, tx, digest)
  })
  if (ticket !== null) await parts.settler.settle('policy_entries', ticket)
  // Of another relay, or of one that stopped half-way: nothing is judged before the public log holds some rules.
  else for (const { leaf } of await unsettled(parts.database)) await parts.settler.settle('policy_entries', leaf)
  if (wanted !== null || ticket !== null) tell(parts, await findRules(parts.database, parts.clock.nowMs()))
}

const unsettled = (db: Queryable): Promise<{ leaf: number }[]> =>
  db.query('SELECT leaf FROM policy_entries WHERE log_index IS NULL ORDER BY leaf')

/**
 * Brings the configured policy into the log: as strict or stricter it counts from its entry on, looser it is announced and
 * the rules before it go on; the rules in force configured again withdraw what was announced. Idempotent.
 */
export const proposePolicy = (parts: PolicyParts, policy: Policy): Promise<void> => writeAndSettle(parts, policy)

/** Puts in force what was announced for long enough. Idempotent, whichever relay does it first. */
export async function enactDuePolicy(parts: PolicyParts): Promise<void> {
  const nowMs = parts.clock.nowMs()
  const { announced } = await findRules(parts.database, nowMs)
  // Mostly nothing is: that must not hold up those who ask meanwhile.
  if (announced !== null && leafHourOf(nowMs) >= announced.fromHour) await writeAndSettle(parts, null)
}

/** The hour of an entry decides when what it announces can count: it is kept with the index. */
export const followPolicyEntries: FollowLeaves = {
  policy_entries: async (tx, { leaf, hour }) => {
    await tx.query('UPDATE policy_entries SET hour = $2 WHERE leaf = $1', [leaf, hour])
  },
}

/** A policy that stands in the public log: what was asked under it is judged by it. @throws POLICY_UNKNOWN */
export async function findPolicy(db: Queryable, digest: string): Promise<Policy> {
  const policy = await findPublicPolicy(db, digest)
  if (policy === null) throw new LatchkeyError('POLICY_UNKNOWN', 'no such policy was in force')
  return policy
}

/** The policy that the request at this index was judged by, and the ticket of the entry since which it counted. */
export async function findPolicyAt(
  db: Queryable,
  digest: string,
  index: number,
): Promise<{ policy: Policy; leaf: number }> {
  const [row] = await db.query<{ leaf: number }>(
    'SELECT leaf FROM policy_entries WHERE digest = $1 AND log_index < $2 ORDER BY log_index DESC LIMIT 1',
    [digest, index],
  )
  if (!row) throw new LatchkeyError('POLICY_UNKNOWN', 'no such policy was in force')
  return { policy: await findPolicy(db, digest), leaf: row.leaf }
}

/** A policy that stands in the public log; null for any other. */
export async function findPublicPolicy(db: Queryable, digest: string): Promise<Policy | null> {
  const [row] = await db.query<{ policy: unknown }>(
    `SELECT policy FROM policies p WHERE digest = $1
     AND EXISTS (SELECT FROM policy_entries e WHERE e.digest = p.digest AND e.log_index IS NOT NULL)`,
    [digest],
  )
  return row ? policyOf(row.policy) : null
}

/** Every policy entry of the public log, in its order, and what follows from them. */
export async function listPolicies(db: Queryable, nowMs: number): Promise<PolicyList> {
  const { inForce, announced } = await findRules(db, nowMs)
  const policies = await db.query<PolicyList['policies'][number]>(
    'SELECT digest, log_index AS index, hour FROM policy_entries WHERE log_index IS NOT NULL ORDER BY log_index',
  )
  return { policies, inForce: inForce.digest, announced: announced && announcedOf(announced) }
}

/** As the relay tells it. */
export function announcedOf({ digest, index, fromHour }: NonNullable<RulesState['announced']>) {
  return { digest, index, fromMs: leafHourStartMs(fromHour) }
}
