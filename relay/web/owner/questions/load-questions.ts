/** What is asked in this household's square, and by whom. Always the whole square, so that fetching says nothing. */
import {
  type AgencyEntry,
  agencyList,
  cellRequests,
  checkAgency,
  checkIdentity,
  checkRequest,
  type ClipRequest,
  clipRequest,
  type InvestigatorCertificate,
  investigatorCertificate,
  type NamedRequest,
  type Policy,
  type PublicRequest,
  type Signed,
  signedMsOf,
} from '@latchkey/shared'
import type { Home } from '../household/home.ts'
import { anyoneClient } from '../household/relay-clients.ts'
import { nowMs } from '../../kernel/clock.ts'
import type { LogKeeper } from '../log/log-keeper.ts'
import { loadRules, type Rules } from '../../kernel/rules.ts'

/** A question that is what it claims to be: signed by its asker, for whom its agency vouches, within the rules it was asked by. */
export interface Question {
  readonly request: Signed<ClipRequest>
  readonly certificate: Signed<InvestigatorCertificate>
  readonly agency: AgencyEntry
  /** In force when it was asked; an answer is judged by it too. */
  readonly policy: Policy
}

/** Everything that was asked here. */
export interface Questions {
  readonly asked: readonly Question[]
  /** The log shows the rules as the relay tells of them; when not, nothing is asked. */
  readonly areRulesLogged: boolean
  /** How many the relay sent that are not what they claim, and are therefore not shown. */
  readonly refused: number
  /** Addresses of agencies that ask and are not in the public log as the relay tells of them: nothing of theirs is shown. */
  readonly unlogged: readonly string[]
  /** The log contradicted itself once: nothing in it proves anything any more. */
  readonly isLogFalse: boolean
}

/** What a request is judged by, whoever sent it. */
interface Ground {
  readonly agencies: readonly AgencyEntry[]
  readonly rules: Rules
  readonly relay: string
}

/** A question that is right in itself, and the place in the log that the relay tells of it. */
interface Claimed extends NamedRequest {
  readonly question: Question
}

/** `null` when anything about it is wrong: a question nobody can answer for is not put to anybody. */
function checkQuestion({ index, ...raw }: PublicRequest, { agencies, rules, relay }: Ground): Claimed | null {
  try {
    const request = clipRequest.parse(raw.request)
    const certificate = investigatorCertificate.parse(raw.investigatorCertificate)
    const { payload, digest: requestDigest } = request
    const { policy: named } = payload.latchkey
    const agency = agencies.find(({ uri }) => uri === payload.iss)
    const policy = rules.inForceAt(index, named)
    const at = nowMs()
    if (agency === undefined || policy === null || payload.exp * 1000 <= at) return null
    const findings = [
      ...checkIdentity({ request, certificate, agency, nowMs: at }, relay),
      ...checkAgency(agency, payload.iat, at),
      // As of when it was asked: what was within its rules then is so still.
      ...checkRequest(payload, policy, { nowMs: signedMsOf(payload), history: null }),
    ]
    const question = { request, certificate, agency, policy }
    return findings.length === 0 ? { question, requestDigest, policy: named, index } : null
  } catch {
    return null
  }
}

/** By each of these rules, which agencies have been in the log for long enough? */
async function findAgencies(
  log: LogKeeper,
  agencies: readonly AgencyEntry[],
  rules: readonly Policy[],
): Promise<(question: Question) => boolean> {
  const notices = [...new Set(rules.map(({ agencyNoticeMs }) => agencyNoticeMs))]
  const found = new Map(
    await Promise.all(notices.map(async (noticeMs) => [noticeMs, await log.findAgencies(agencies, noticeMs)] as const)),
  )
  return ({ agency, policy }) => found.get(policy.agencyNoticeMs)?.has(agency) ?? false
}

/** Fetches and checks. Untrusted: everything that arrives. @throws UNAVAILABLE | MESSAGE_INVALID */
export async function loadQuestions(home: Home, log: LogKeeper): Promise<Questions> {
  const anyone = anyoneClient(home)
  const [{ requests }, { agencies }, rules] = await Promise.all([
    anyone.json('GET', `/v1/cells/${home.cell}/requests`, cellRequests),
    anyone.json('GET', '/v1/agencies', agencyList),
    loadRules(anyone),
  ])
  // What was fetched may be newer than the log as this phone held it.
  const isLogFalse = (await log.look()).length > 0
  if (rules === null || !(await log.findPolicies(rules.told)))
    return { asked: [], areRulesLogged: false, refused: 0, unlogged: [], isLogFalse }
  const checked = requests.map((raw) => checkQuestion(raw, { agencies, rules, relay: home.relay }))
  const right = checked.filter((claimed) => claimed !== null)
  const inLog = await log.findRequests(right)
  const questions = right.filter((claimed) => inLog.has(claimed)).map(({ question }) => question)
  const isLogged = await findAgencies(log, agencies, [rules.inForce, ...questions.map(({ policy }) => policy)])
  const unlogged = questions.filter((question) => !isLogged(question)).map(({ agency }) => agency.uri)
  return {
    asked: questions.filter(isLogged),
    areRulesLogged: true,
    refused: requests.length - questions.length,
    unlogged: [...new Set(unlogged)],
    isLogFalse,
  }
}
