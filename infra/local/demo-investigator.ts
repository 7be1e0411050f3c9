/** The agency and the investigator of the demo. */
import {
  agencyList,
  clipRequest,
  consent,
  createSigner,
  downloadAnswer,
  encodeBase64url,
  generateIdentity,
  type Identity,
  investigatorCertificate,
  type Json,
  type Policy,
  digestOfJson,
  randomBytes,
  releaseList,
  requestAccepted,
  type Signer,
  type Vertex,
} from '@latchkey/shared'
import { createRelayClient, readJson } from '@latchkey/shared/node'
import { anything } from './answers.ts'
import { poll } from './poll.ts'

const YEAR_SECONDS = 365 * 86_400
const POLL_MS = 250
const WAIT_MS = 60_000

/** The demo's agency: a name that no real agency has (RFC 2606). */
export const DEMO_AGENCY = {
  uri: 'https://police.example',
  name: 'Example City Police (demo)',
  kind: 'police',
} as const

/** Keys of an agency and one investigator. */
export interface InvestigatorKeys {
  readonly agency: Signer
  readonly signer: Signer
  readonly identity: Identity
}

export function createInvestigatorKeys(): InvestigatorKeys {
  return { agency: createSigner(randomBytes(32)), signer: createSigner(randomBytes(32)), identity: generateIdentity() }
}

/** What is asked for. */
export interface Question {
  readonly window: { readonly startMs: number; readonly endMs: number }
  readonly area: readonly Vertex[]
  readonly policy: Policy
}

/** One investigator at one relay. */
export interface DemoInvestigator {
  /** The operator enrols the agency (the demo holds the operator's key too). */
  enrolAgency(operator: Signer): Promise<void>
  /** Files the request; answers with its digest. */
  ask(question: Question): Promise<string>
  /** Waits for a consent that answers the request, takes one download and fetches the bundle. */
  receive(requestDigest: string): Promise<{ release: string; consent: string; bundle: Uint8Array }>
}

export function createDemoInvestigator(options: {
  keys: InvestigatorKeys
  relay: string
  nowMs: () => number
}): DemoInvestigator {
  const { keys, relay, nowMs } = options
  const client = createRelayClient({ origin: relay, signer: keys.signer, nowMs })
  const seconds = () => Math.floor(nowMs() / 1000)

  async function certify(): Promise<string> {
    return investigatorCertificate.encode(
      {
        iss: DEMO_AGENCY.uri,
        sub: keys.signer.urn,
        iat: seconds(),
        exp: seconds() + YEAR_SECONDS,
        cnf: { jwk: keys.signer.jwk },
        latchkey: { v: 1, name: 'A. Example', role: 'Detective (demo)', recipient: keys.identity.recipient },
      },
      keys.agency,
    )
  }

  async function signRequest(question: Question, certificate: string): Promise<string> {
    const iat = seconds()
    return clipRequest.encode(
      {
        iss: DEMO_AGENCY.uri,
        sub: keys.signer.urn,
        aud: relay,
        jti: encodeBase64url(randomBytes(16)),
        iat,
        exp: iat + question.policy.requestLifeSeconds.default,
        cnf: { jwk: keys.signer.jwk },
        authorization_details: [
          {
            type: 'latchkey/clip-request',
            actions: ['decrypt'],
            window: question.window,
            area: question.area.map(([lat, lon]) => [lat, lon]),
          },
        ],
        latchkey: {
          v: 1,
          caseNumber: 'DEMO-2026-0001',
          incidentType: 'parcel-theft',
          reason:
            'A parcel was reported taken from a doorstep in this area. We ask for recordings of people at doors in these minutes.',
          basis: 'voluntary',
          retentionDays: 180,
          contact: 'A. Example, evidence desk, evidence@police.example',
          recipient: keys.identity.recipient,
          investigatorCertificate: investigatorCertificate.parse(certificate).digest,
          template: 'parcel-theft-1',
          policy: digestOfJson(question.policy satisfies Json),
        },
      },
      keys.signer,
    )
  }

  return {
    async enrolAgency(operator) {
      const asOperator = createRelayClient({ origin: relay, signer: operator, nowMs })
      const json = { ...DEMO_AGENCY, status: 'active', keys: [keys.agency.jwk] }
      await asOperator.json('POST', '/v1/agencies', anything, { json })
      await client.json('GET', '/v1/agencies', agencyList)
    },
    async ask(question) {
      const certificate = await certify()
      const request = await signRequest(question, certificate)
      const json = { request, investigatorCertificate: certificate }
      return (await client.json('POST', '/v1/requests', requestAccepted, { json })).digest
    },
    async receive(requestDigest) {
      const waiting = { everyMs: POLL_MS, timeoutMs: WAIT_MS }
      const entry = await poll('a consent', waiting, async () => {
        const { releases } = await client.json('GET', '/v1/releases', releaseList)
        return releases.find((release) => release.request === requestDigest) ?? null
      })
      const { digest } = consent.parse(entry.consent)
      const download = encodeBase64url(randomBytes(16))
      const answer = await poll('the release to be logged', waiting, async () => {
        const response = await client.send('POST', `/v1/releases/${digest}/downloads`, { json: { download } })
        return response.status === 202 ? null : readJson(response, downloadAnswer)
      })
      const bundle = await client.bytes('GET', `/v1/downloads/${answer.download}/bundle.zip`, { timeoutMs: WAIT_MS })
      return { release: answer.release, consent: digest, bundle }
    },
  }
}
