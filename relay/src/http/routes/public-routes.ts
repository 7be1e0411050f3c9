import {
  AgencyList,
  AgencyEntry,
  AgencySubmission,
  AppList,
  canonicalBytes,
  CellRequests,
  digestOf,
  DigestField,
  Exact,
  Geohash5,
  Holdings,
  LatchkeyError,
  Policy,
  PolicyList,
  type PublicRequest,
  Trust,
  utf8,
  RegisterAccepted,
  RegisterEntry,
  RegisterSubmission,
} from '@latchkey/shared'
import { type Answer, json, type Route, routeOf } from '../route.ts'

/** What the public routes, and the operator's, use. */
export interface PublicServices {
  policy(): Promise<Policy>
  trust(): Promise<Trust>
  holdings(): Promise<Holdings>
  listAgencies(): Promise<AgencyEntry[]>
  listApps(): Promise<AppList['apps']>
  putAgency(submission: AgencySubmission): Promise<AgencyEntry>
  listCell(cell: string): Promise<PublicRequest[]>
  findPublicRequest(digest: string): Promise<{ readonly request: string; readonly certificate: string } | null>
  listPolicies(): Promise<PolicyList>
  findPublicPolicy(digest: string): Promise<Policy | null>
  putEntry(submission: RegisterSubmission): Promise<RegisterAccepted>
  findEntry(digest: string): Promise<RegisterEntry | null>
}

const route = routeOf<PublicServices>()
/** A cell is polled by every phone in it; a minute old is young enough for a question that stands for days. */
const CELL_CACHING = 'public, max-age=30'
const LIST_CACHING = 'public, max-age=60'

/** A JSON answer that caches can compare: JCS bytes under their digest. @see RFC 9110 §13.1.2 */
function tagged(value: unknown, caching: string, ifNoneMatch: string | string[] | undefined): Answer {
  const bytes = canonicalBytes(value)
  const etag = `"${digestOf(bytes)}"`
  const headers = { etag, 'cache-control': caching }
  const known = String(ifNoneMatch ?? '').split(/\s*,\s*/)
  if (known.includes(etag) || known.includes(`W/${etag}`)) return { status: 304, empty: true, headers }
  return { status: 200, bytes, headers: { ...headers, 'content-type': 'application/json; charset=utf-8' } }
}

const agencyRoutes: readonly Route<PublicServices>[] = [
  route({
    method: 'GET',
    url: '/v1/agencies',
    callers: ['anyone'],
    schema: { summary: 'Every agency ever enrolled', answers: { 200: AgencyList } },
    handle: async ({ headers }, services) =>
      tagged({ agencies: await services.listAgencies() }, LIST_CACHING, headers['if-none-match']),
  }),
  route({
    method: 'POST',
    url: '/v1/agencies',
    callers: ['operator'],
    schema: { summary: 'Enrol or change an agency', body: AgencySubmission, answers: { 201: AgencyEntry } },
    handle: async ({ body }, services) => json(201, await services.putAgency(body)),
  }),
]

const documentRoutes: readonly Route<PublicServices>[] = [
  route({
    method: 'GET',
    url: '/v1/policy.json',
    callers: ['anyone'],
    schema: { summary: 'The policy in force, canonical: its digest stands in requests', answers: { 200: Policy } },
    handle: async ({ headers }, services) => tagged(await services.policy(), LIST_CACHING, headers['if-none-match']),
  }),
  route({
    method: 'GET',
    url: '/v1/policies',
    callers: ['anyone'],
    schema: {
      summary: 'Policies of the log in its order, which is in force, and which is announced',
      answers: { 200: PolicyList },
    },
    handle: async ({ headers }, services) =>
      tagged(await services.listPolicies(), LIST_CACHING, headers['if-none-match']),
  }),
  route({
    method: 'GET',
    url: '/v1/policies/:digest',
    callers: ['anyone'],
    schema: {
      summary: 'A policy that was announced or is or was in force, canonical: what was asked under it is judged by it',
      params: Exact({ digest: DigestField }),
      answers: { 200: Policy },
    },
    handle: async ({ params, headers }, services) => {
      const policy = await services.findPublicPolicy(params.digest)
      if (policy === null) throw new LatchkeyError('NOT_FOUND', 'no such policy is in the log')
      return tagged(policy, LIST_CACHING, headers['if-none-match'])
    },
  }),
  route({
    method: 'GET',
    url: '/v1/trust.json',
    callers: ['anyone'],
    schema: { summary: 'What a verifier may choose to trust, as this relay tells it', answers: { 200: Trust } },
    handle: async ({ headers }, services) => tagged(await services.trust(), LIST_CACHING, headers['if-none-match']),
  }),
  route({
    method: 'GET',
    url: '/v1/holdings',
    callers: ['anyone'],
    schema: {
      summary: 'What this relay holds, from its database’s catalog and its running configuration',
      answers: { 200: Holdings },
    },
    handle: async ({ headers }, services) => tagged(await services.holdings(), LIST_CACHING, headers['if-none-match']),
  }),
]

const registerRoutes: readonly Route<PublicServices>[] = [
  route({
    method: 'POST',
    url: '/v1/register',
    callers: ['operator'],
    schema: {
      summary: 'Disclose a benefit or a legal demand, or the next version of one; the same again changes nothing',
      body: RegisterSubmission,
      answers: { 201: RegisterAccepted },
    },
    handle: async ({ body }, services) => json(201, await services.putEntry(body)),
  }),
  route({
    method: 'GET',
    url: '/v1/register/:digest',
    callers: ['anyone'],
    schema: {
      summary: 'A disclosure, a legal demand or the numbers of a month, canonical: its digest stands in the log',
      params: Exact({ digest: DigestField }),
      answers: { 200: RegisterEntry },
    },
    handle: async ({ params, headers }, services) => {
      const entry = await services.findEntry(params.digest)
      if (entry === null) throw new LatchkeyError('NOT_FOUND', 'no such entry')
      return tagged(entry, LIST_CACHING, headers['if-none-match'])
    },
  }),
]

const appRoutes: readonly Route<PublicServices>[] = [
  route({
    method: 'GET',
    url: '/v1/apps',
    callers: ['anyone'],
    schema: { summary: 'Web apps as the operator published them, in log order', answers: { 200: AppList } },
    handle: async ({ headers }, services) =>
      tagged({ apps: await services.listApps() }, LIST_CACHING, headers['if-none-match']),
  }),
]

/** Not "immutable": the law can remove a text, and caches must notice within a day. */
function jose(jws: string | undefined): Answer {
  if (jws === undefined) throw new LatchkeyError('NOT_FOUND', 'no such request')
  const headers = { 'content-type': 'application/jose', 'cache-control': 'public, max-age=86400' }
  return { status: 200, bytes: utf8(jws), headers }
}

const requestRoutes: readonly Route<PublicServices>[] = [
  route({
    method: 'GET',
    url: '/v1/cells/:cell/requests',
    callers: ['anyone'],
    schema: {
      summary: 'Open requests of a cell: phones fetch it whole and match for themselves',
      params: Exact({ cell: Geohash5 }),
      answers: { 200: CellRequests },
    },
    handle: async ({ params, headers }, services) =>
      tagged(
        { cell: params.cell, requests: await services.listCell(params.cell) },
        CELL_CACHING,
        headers['if-none-match'],
      ),
  }),
  route({
    method: 'GET',
    url: '/v1/requests/:digest',
    callers: ['anyone'],
    schema: {
      summary: 'The text of a request, as signed',
      params: Exact({ digest: DigestField }),
      answers: { 200: { mediaType: 'application/jose' } },
    },
    handle: async ({ params }, services) => jose((await services.findPublicRequest(params.digest))?.request),
  }),
  route({
    method: 'GET',
    url: '/v1/requests/:digest/certificate',
    callers: ['anyone'],
    schema: {
      summary: 'The investigator certificate that a request names, as signed by the agency',
      params: Exact({ digest: DigestField }),
      answers: { 200: { mediaType: 'application/jose' } },
    },
    handle: async ({ params }, services) => jose((await services.findPublicRequest(params.digest))?.certificate),
  }),
]

export const PUBLIC_ROUTES: readonly Route<PublicServices>[] = [
  ...documentRoutes,
  ...agencyRoutes,
  ...appRoutes,
  ...requestRoutes,
  ...registerRoutes,
]
