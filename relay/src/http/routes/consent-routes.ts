import {
  Accepted,
  ApprovalSubmission,
  ConsentAccepted,
  ConsentList,
  ConsentSubmission,
  Exact,
  type Finding,
  RevocationSubmission,
} from '@latchkey/shared'
import { Type } from 'typebox'
import type { MemberCaller } from '../../flow.ts'
import { cursorOf, WholeText } from '../path-fields.ts'
import { findingsAnswer } from '../problem-answer.ts'
import { json, type Route, routeOf } from '../route.ts'

/** What the consent routes use. */
export interface ConsentServices {
  submitConsent(
    caller: MemberCaller,
    submission: ConsentSubmission,
  ): Promise<
    | { kind: 'accepted'; consent: string; state: 'pending' | 'logged' | 'awaiting-approval' }
    | { kind: 'refused'; findings: readonly [Finding, ...Finding[]] }
  >
  listConsents(root: string, after: number): Promise<ConsentList['consents']>
  submitApproval(caller: MemberCaller, raw: { approval: string; salt: string }): Promise<string>
  submitRevocation(caller: MemberCaller, raw: { revocation: string; salt: string }): Promise<string>
}

/** 4,096 headers of 224 characters, a sealed identity, the token. */
const MAX_CONSENT_BYTES = 1_200_000
const route = routeOf<ConsentServices>()

export const CONSENT_ROUTES: readonly Route<ConsentServices>[] = [
  route({
    method: 'POST',
    url: '/v1/consents',
    callers: ['member'],
    maxBodyBytes: MAX_CONSENT_BYTES,
    gzip: true,
    schema: { summary: 'Submit a consent, idempotent', body: ConsentSubmission, answers: { 201: ConsentAccepted } },
    handle: async ({ caller, body }, services) => {
      const outcome = await services.submitConsent(caller, body)
      if (outcome.kind === 'refused') return findingsAnswer(outcome.findings)
      return json(201, { consent: outcome.consent, state: outcome.state })
    },
  }),
  route({
    method: 'GET',
    url: '/v1/consents',
    callers: ['member'],
    schema: {
      summary: 'Consents of the household behind a cursor',
      query: Exact({ after: Type.Optional(WholeText) }),
      answers: { 200: ConsentList },
    },
    handle: async ({ caller, query }, services) =>
      json(200, { consents: await services.listConsents(caller.root, cursorOf(query.after)) }),
  }),
  route({
    method: 'POST',
    url: '/v1/approvals',
    callers: ['member'],
    schema: { summary: "A second owner's approval, idempotent", body: ApprovalSubmission, answers: { 201: Accepted } },
    handle: async ({ caller, body }, services) => json(201, { digest: await services.submitApproval(caller, body) }),
  }),
  route({
    method: 'POST',
    url: '/v1/revocations',
    callers: ['member'],
    schema: {
      summary: 'Stop a consent or a device, effective on receipt, idempotent',
      body: RevocationSubmission,
      answers: { 201: Accepted },
    },
    handle: async ({ caller, body }, services) => json(201, { digest: await services.submitRevocation(caller, body) }),
  }),
]
