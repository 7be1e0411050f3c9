/** What is asked in this household's square, and by whom. Always the whole square, so that fetching says nothing. */
import {
  type AgencyEntry,
  agencyList,
  cellRequests,
  checkAgency,
  checkIdentity,
  type ClipRequest,
  clipRequest,
  digestOfJson,
  type InvestigatorCertificate,
  investigatorCertificate,
  type Json,
  type NamedPolicy,
  type Policy,
  policy as policyValidator,
  policyList,
  type PublicRequest,
  type Signed,
} from '@latchkey/shared'
import type { RelayClient } from '@latchkey/shared/client'
import type { Home } from '../household/home.ts'
import { anyoneClient } from '../household/relay-clients.ts'
import { nowMs } from '../../kernel/clock.ts'
import type { LogKeeper } from '../log/log-keeper.ts'

/** A question that is what it claims to be: signed by its asker, for whom its agency vouches, under the policy in force. */
export interface Question {
  readonly request: Signed<ClipRequest>
  readonly certificate: Signed<InvestigatorCertificate>
  readonly agency: AgencyEntry
}

/** Everything that was asked here. */
export interface Questions {
  readonly asked: readonly Question[]
  /** The rules in force; `null` when the log does not show them as the newest ones: then nothing is asked. */
  readonly policy: Policy | null
  /** How many the relay sent that are not what they claim, and are therefore not shown. */
  readonly refused: number
  /** How many were asked by rules of the log that are in force no longer: they are not shown either. */
  readonly superseded: number
  /** Addresses of agencies that ask and are not in the public log as the relay tells of them: nothing of theirs is shown. */
  readonly unlogged: readonly string[]
  /** The log contradicted itself once: nothing in it proves anything any more. */
  readonly isLogFalse: boolean
}

/** `null` when anything about it is wrong: a question nobody can answer for is not put to anybody. */
function checkQuestion(
  raw: PublicRequest,
  agencies: readonly AgencyEntry[],
  relay: string,
  policy: string,
): Question | null {
  try {
    const request = clipRequest.parse(raw.request)
    const certificate = investigatorCertificate.parse(raw.investigatorCertificate)
    const agency = agencies.find(({ uri }) => uri === request.payload.iss)
    if (agency === undefined || request.payload.latchkey.policy !== policy) return null
    const at = nowMs()
    const findings = [
      ...checkIdentity({ request, certificate, agency, nowMs: at }, relay),
      ...checkAgency(agency, request.payload.iat, at),
    ]
    return findings.length === 0 && request.payload.exp * 1000 > at ? { request, certificate, agency } : null
  } catch {
    return null
  }
}

/** The rules that the relay judges by, under the digest that it gives them; `null` when it shows others. */
async function loadPolicy(
  anyone: RelayClient,
): Promise<{ named: NamedPolicy; policy: Policy; former: ReadonlySet<string> } | null> {
  const { policies } = await anyone.json('GET', '/v1/policies', policyList)
  const named = policies.at(-1)
  if (named === undefined) return null
  const policy = await anyone.json('GET', `/v1/policies/${named.digest}`, policyValidator)
  const former = new Set(policies.slice(0, -1).map(({ digest }) => digest))
  return digestOfJson(policy satisfies Json) === named.digest ? { named, policy, former } : null
}

function isUnder(policies: ReadonlySet<string>, { request }: PublicRequest): boolean {
  try {
    return policies.has(clipRequest.parse(request).payload.latchkey.policy)
  } catch {
    return false
  }
}

/** Fetches and checks. Untrusted: everything that arrives. @throws UNAVAILABLE | MESSAGE_INVALID */
export async function loadQuestions(home: Home, log: LogKeeper): Promise<Questions> {
  const anyone = anyoneClient(home)
  const [{ requests }, { agencies }, told] = await Promise.all([
    anyone.json('GET', `/v1/cells/${home.cell}/requests`, cellRequests),
    anyone.json('GET', '/v1/agencies', agencyList),
    loadPolicy(anyone),
  ])
  // What was fetched may be newer than the log as this phone held it.
  const isLogFalse = (await log.look()).length > 0
  if (told === null || !(await log.findPolicy(told.named)))
    return { asked: [], policy: null, refused: 0, superseded: 0, unlogged: [], isLogFalse }
  const { policy, named, former } = told
  const current = requests.filter((raw) => !isUnder(former, raw))
  const checked = current.map((raw) => checkQuestion(raw, agencies, home.relay, named.digest))
  const claimed = checked.filter((question) => question !== null)
  const logged = await log.findAgencies(agencies, policy.agencyNoticeMs)
  const asked = claimed.filter(({ agency }) => logged.has(agency))
  const unlogged = claimed.filter(({ agency }) => !logged.has(agency)).map(({ agency }) => agency.uri)
  return {
    asked,
    policy,
    refused: checked.length - claimed.length,
    superseded: requests.length - current.length,
    unlogged: [...new Set(unlogged)],
    isLogFalse,
  }
}
