import { canonicalJson } from '../bytes/canonical-json.ts'
import type { AgencyList, AppList } from '../wire/http.ts'
import type { AuditState } from './audit-state.ts'
import { auditFinding, type AuditFinding } from './audit-finding.ts'

const otherwise = (index: number | null, message: string) => auditFinding('TOLD_OTHERWISE', index, message)

function checkAgencies({ agencies }: AgencyList, state: AuditState): AuditFinding[] {
  const told = new Map(agencies.map((agency) => [agency.uri, agency]))
  const missing = [...state.agencies].flatMap(([uri, { index }]) =>
    told.has(uri) ? [] : [otherwise(index, `the relay does not list ${uri}, which entry ${index} enrols`)],
  )
  const wrong = agencies.flatMap(({ sinceMs: statusSinceMs, index, noticeIndex, ...agency }) => {
    // What was changed after the checkpoint is judged under the next one.
    if (index >= state.size) return []
    const logged = state.agencies.get(agency.uri)
    const said = canonicalJson({ ...agency, statusSinceMs })
    if (logged?.index === index && logged.noticeIndex === noticeIndex && canonicalJson(logged.data) === said) return []
    return [otherwise(logged?.index ?? null, `the relay says something else of ${agency.uri} than its newest entry`)]
  })
  return [...missing, ...wrong]
}

function checkApps({ apps }: AppList, state: AuditState): AuditFinding[] {
  const told = apps.filter(({ index }) => index < state.size)
  if (canonicalJson(told) === canonicalJson(state.apps)) return []
  return [otherwise(null, 'the relay lists other web apps than its log holds')]
}

/** What a relay tells of agencies, apps and policy, fetched after the checkpoint, against its own log. Untrusted: `told`. */
export function checkToldLists(
  told: { readonly agencies: AgencyList; readonly apps: AppList; readonly policyDigest: string },
  state: AuditState,
): AuditFinding[] {
  const ofPolicy =
    told.policyDigest === state.rules.inForce?.digest
      ? []
      : [otherwise(null, 'the policy that the relay shows is not the one that is in force by its log')]
  return [...checkAgencies(told.agencies, state), ...checkApps(told.apps, state), ...ofPolicy]
}
