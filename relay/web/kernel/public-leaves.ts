/** What everybody can read in the log and phones and desks go by: who may ask, the rules, and what was asked. */
import {
  type AgencyEntry,
  canonicalJson,
  checkAgencyInLog,
  checkPolicyInLog,
  checkRequestInLog,
  type HeldLog,
  type NamedPolicy,
  type NamedRequest,
  type PublicLeafState,
} from '@latchkey/shared'
import { nowMs } from './clock.ts'

/** Looked up in one go, whoever asks something here and whatever concerns this door, so that reading says nothing. */
export interface PublicLeaves {
  /**
   * Which of these agencies stand in the log as the relay tells, for as long as the policy asks?
   * @throws UNAVAILABLE when it cannot be read
   */
  findAgencies(agencies: readonly AgencyEntry[], noticeMs: number): Promise<ReadonlySet<AgencyEntry>>
  /**
   * Do all these policies stand in it as the relay tells, and is none missing that was found here before? What is found is
   * remembered. @param told in the log's order @throws UNAVAILABLE when it cannot be read
   */
  findPolicies(told: readonly NamedPolicy[]): Promise<boolean>
  /** Which of these requests stand in it as the relay tells? @throws UNAVAILABLE when it cannot be read */
  findRequests<T extends NamedRequest>(requests: readonly T[]): Promise<ReadonlySet<T>>
}

/** How the log is read, and what this phone remembers of it. */
export interface PublicLeavesParts {
  /** As it is held now; each of its tiles is read once. */
  log(): Promise<HeldLog>
  /** Policies that were found before. */
  knownPolicies(): Promise<readonly NamedPolicy[]>
  remember(policies: readonly NamedPolicy[]): Promise<void>
}

const sameAs = (one: NamedPolicy) => (other: NamedPolicy) => one.digest === other.digest && one.index === other.index

/** A log only grows: what was found in it stays there, and is looked up once. */
export function createPublicLeaves({ log, knownPolicies, remember }: PublicLeavesParts): PublicLeaves {
  const proven = new Set<string>()

  /** Those of them that are there. */
  async function findAll<T>(
    wanted: readonly T[],
    nameOf: (one: T) => string,
    look: (one: T, held: HeldLog) => Promise<PublicLeafState>,
  ): Promise<ReadonlySet<T>> {
    const held = await log()
    const isThere = async (one: T): Promise<boolean> => {
      const name = nameOf(one)
      if (proven.has(name)) return true
      const { state } = await look(one, held)
      if (state === 'included') proven.add(name)
      return state === 'included'
    }
    const found = await Promise.all(wanted.map(async (one) => ((await isThere(one)) ? [one] : [])))
    return new Set(found.flat())
  }

  return {
    findAgencies: (agencies, noticeMs) =>
      findAll(
        agencies,
        (agency) => canonicalJson({ agency, noticeMs }),
        (agency, held) => checkAgencyInLog(agency, held, { noticeMs, nowMs: nowMs() }),
      ),
    async findPolicies(told) {
      const known = await knownPolicies()
      if (!known.every((one) => told.some(sameAs(one)))) return false
      const found = await findAll(told, (policy) => canonicalJson({ policy }), checkPolicyInLog)
      if (found.size !== told.length) return false
      if (told.length > known.length) await remember(told)
      return true
    },
    findRequests: (requests) =>
      findAll(
        requests,
        ({ requestDigest, policy, index }) => canonicalJson({ requestDigest, policy, index }),
        checkRequestInLog,
      ),
  }
}
