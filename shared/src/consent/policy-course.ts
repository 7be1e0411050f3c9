/** Which rules count where in the log: by its policy entries alone, so that everybody comes to the same answer. */
import { leafHourStartMs } from '../tlog/leaf.ts'
import type { Policy } from '../wire/policy.ts'
import { type LooserRule, looserRules, policyNoticeMsOf } from './policy-loosening.ts'

/** A policy entry of the log, and the rules that it names. */
export interface LoggedPolicy {
  readonly digest: string
  readonly index: number
  /** Of the leaf. */
  readonly hour: number
  /** Null where nobody shows them. */
  readonly policy: Policy | null
}

/** Rules that count. */
export interface RulesInForce extends LoggedPolicy {
  readonly policy: Policy
}

/** Rules that are looser than those in force, and wait. */
export interface AnnouncedRules extends RulesInForce {
  readonly looser: readonly LooserRule[]
  /** First hour of a leaf that can put them in force. */
  readonly fromHour: number
}

/** What counts, and what is announced, after some entries. */
export interface RulesState {
  readonly inForce: RulesInForce | null
  readonly announced: AnnouncedRules | null
}

/**
 * `in-force`: from this entry on it counts · `announced`: it is looser and waits · `withdrawn`: the rules in force say that
 * they go on, what was announced is dropped · `too-early`: announced rules again, before their time: nothing changes ·
 * `repeated`: nothing changes · `not-shown`: rules that nobody can read never count
 */
export type PolicyEffect = 'in-force' | 'announced' | 'withdrawn' | 'too-early' | 'repeated' | 'not-shown'

/** Before the first entry. */
export const NO_RULES: RulesState = { inForce: null, announced: null }

/** The whole notice lies between the hour of the announcement and this one. */
function firstHour({ hour }: LoggedPolicy, noticeMs: number): number {
  return Math.ceil((leafHourStartMs(hour + 1) + noticeMs) / leafHourStartMs(1))
}

/**
 * What one more policy entry does.
 * @param state after every policy entry before it
 * @param entry the next one; its digest must be that of its policy
 * @see spec/policy.md
 */
export function nextRules(
  state: RulesState,
  { policy, ...entry }: LoggedPolicy,
): { readonly state: RulesState; readonly effect: PolicyEffect } {
  if (policy === null) return { state, effect: 'not-shown' }
  const { inForce, announced } = state
  const rules: RulesInForce = { ...entry, policy }
  const counting = { state: { inForce: rules, announced: null }, effect: 'in-force' } as const
  if (inForce === null) return counting
  if (entry.digest === inForce.digest)
    return announced === null
      ? { state, effect: 'repeated' }
      : { state: { inForce, announced: null }, effect: 'withdrawn' }
  if (entry.digest === announced?.digest)
    return entry.hour >= announced.fromHour ? counting : { state, effect: 'too-early' }
  const looser = looserRules(inForce.policy, policy)
  const noticeMs = policyNoticeMsOf(inForce.policy)
  if (looser.length === 0 || noticeMs === 0) return counting
  return {
    state: { inForce, announced: { ...rules, looser, fromHour: firstHour(rules, noticeMs) } },
    effect: 'announced',
  }
}

/** What counts and what is announced after these entries. @param entries every one of them, in the log's order */
export const rulesAfter = (entries: readonly LoggedPolicy[]): RulesState =>
  entries.reduce((state, entry) => nextRules(state, entry).state, NO_RULES)

/**
 * By which rules was the leaf at this place judged?
 * @param entries every policy entry of the log, or those before it, in its order
 * @param index of the leaf
 * @returns null when none counted
 */
export const rulesInForceAt = (entries: readonly LoggedPolicy[], index: number): RulesInForce | null =>
  rulesAfter(entries.filter((entry) => entry.index < index)).inForce
