/** The rules in the order of the log: which count, which are announced, and what each entry did. */
import {
  type AnnouncedRules,
  leafHourStartMs,
  NO_RULES,
  nextRules,
  type PolicyEffect,
  type RulesState,
} from '@latchkey/shared'
import type { EnactedPolicy, PublicRecord } from './record.ts'

/** One policy entry, and what followed from it. */
export interface PolicyStep {
  readonly entry: EnactedPolicy
  readonly effect: PolicyEffect
  /** After it. */
  readonly state: RulesState
}

/** Every policy entry, by the same steps by which relay, phones and monitors come to the rules in force. */
export function policySteps({ policies }: PublicRecord): PolicyStep[] {
  const steps: PolicyStep[] = []
  for (const entry of policies) {
    const { index, hour, data, text } = entry
    const before = steps.at(-1)?.state ?? NO_RULES
    steps.push({ entry, ...nextRules(before, { digest: data.digest, index, hour, policy: text }) })
  }
  return steps
}

/** After every entry. */
export const rulesOf = (record: PublicRecord): RulesState => policySteps(record).at(-1)?.state ?? NO_RULES

/** The moment before which announced rules cannot count. */
export const countsFromMs = ({ fromHour }: AnnouncedRules): number => leafHourStartMs(fromHour)
