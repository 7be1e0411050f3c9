/** The agency and the investigator of the demo. */
import {
  agencyList,
  buildRequest,
  LatchkeyError,
  clipRequest,
  concatBytes,
  consent,
  createVerifierTrust,
  digestOf,
  downloadAnswer,
  encodeBase64url,
  type Policy,
  randomBytes,
  received,
  release,
  releaseList,
  requestAccepted,
  sha256,
  type Trust,
  verifyBundleZip,
  type Vertex,
} from '@latchkey/shared'
import { createRelayClient, readJson } from '@latchkey/shared/client'
import { anything } from './answers.ts'
import { DEMO_AGENCY, type DemoParties } from './demo-parties.ts'
import { poll } from './poll.ts'

const POLL_MS = 250
const WAIT_MS = 60_000
/** All items of a clip of a minute, many times over. */
const MAX_BUNDLE_BYTES = 1024 * 1024 * 1024

/** What is asked for. */
export interface Question {
  readonly window: { readonly startMs: number; readonly endMs: number }
  readonly area: readonly Vertex[]
  readonly policy: Policy
  readonly caseNumber: string
}

/** One investigator at one relay. */
export interface DemoInvestigator {
  /** The operator enrols the agency (the demo holds the operator's key too). */
  enrolAgency(): Promise<void>
  /** Files the request; answers with its digest. */
  ask(question: Question): Promise<string>
  /** Waits for a consent that answers the request, takes one download and fetches the bundle. */
  receive(requestDigest: string): Promise<{ release: string; bundle: Uint8Array }>
  /** Signs and sends what arrived and opened. */
  acknowledge(answer: { readonly release: string; readonly bundle: Uint8Array }, trust: Trust): Promise<void>
}

export function createDemoInvestigator(options: {
  keys: DemoParties
  relay: string
  nowMs: () => number
}): DemoInvestigator {
  const { keys, relay, nowMs } = options
  const client = createRelayClient({ origin: relay, signer: keys.requester.signer, nowMs })
  const seconds = () => Math.floor(nowMs() / 1000)

  async function signRequest({ window, area, policy, caseNumber }: Question): Promise<string> {
    const asked = {
      caseNumber,
      incidentType: 'parcel-theft',
      reason:
        'A parcel was reported taken from a doorstep in this area. We ask for recordings of people at doors in these minutes.',
      contact: 'A. Example, evidence desk, evidence@police.example',
      window,
      area,
      retentionDays: 180,
      template: 'parcel-theft-1',
    }
    const { certificate, signer } = keys.requester
    return clipRequest.encode(buildRequest(asked, { certificate, relay, policy, nowSeconds: seconds() }), signer)
  }

  return {
    async enrolAgency() {
      const asOperator = createRelayClient({ origin: relay, signer: keys.operator, nowMs })
      const json = { ...DEMO_AGENCY, status: 'active', keys: [keys.agency.jwk] }
      await asOperator.json('POST', '/v1/agencies', anything, { json })
      await client.json('GET', '/v1/agencies', agencyList)
    },
    async ask(question) {
      const json = { request: await signRequest(question), investigatorCertificate: keys.requester.certificate.raw }
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
      const bundle = await client.bytes('GET', `/v1/downloads/${answer.download}/bundle.zip`, {
        timeoutMs: WAIT_MS,
        maxBytes: MAX_BUNDLE_BYTES,
      })
      return { release: answer.release, bundle }
    },
    async acknowledge(answer, trust) {
      const verdict = verifyBundleZip(answer.bundle, createVerifierTrust(trust), { identity: keys.requester.identity })
      if (!verdict.passed || !verdict.opened)
        throw new LatchkeyError('BUNDLE_INVALID', 'nothing is acknowledged that did not verify and open')
      const { digest, payload } = release.parse(answer.release)
      const plaintexts = verdict.opened.map((item) => sha256(item.plaintext))
      const signed = await received.encode(
        {
          iss: DEMO_AGENCY.uri,
          sub: keys.requester.signer.urn,
          jti: encodeBase64url(randomBytes(16)),
          iat: seconds(),
          latchkey: {
            v: 1,
            release: digest,
            consent: payload.latchkey.consent,
            plaintextsSha256: digestOf(concatBytes(...plaintexts)),
            items: plaintexts.length,
            tool: 'latchkey walkthrough',
          },
        },
        keys.requester.signer,
      )
      const json = { received: signed, salt: encodeBase64url(randomBytes(32)) }
      await client.json('POST', '/v1/received', anything, { json })
    },
  }
}
