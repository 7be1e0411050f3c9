import {
  Accepted,
  type BundleParts,
  bundleZip,
  bundleZipSize,
  DigestField,
  DownloadAnswer,
  DownloadPending,
  DownloadRequest,
  type DpopProof,
  Exact,
  type Finding,
  fromUtf8,
  Id16,
  OutcomeSubmission,
  type PublicJwk,
  ReceivedSubmission,
  ReleaseList,
  RequestAccepted,
  RequestSubmission,
  SharedOnSubmission,
} from '@latchkey/shared'
import type { ByteRange, InvestigatorCaller, SealedFile } from '../../flow.ts'
import { IndexText, indexOfText } from '../path-fields.ts'
import { findingsAnswer } from '../problem-answer.ts'
import { json, type Route, routeOf } from '../route.ts'
import { rangedAnswer, sealedAnswer, sliceOf } from '../sealed-answer.ts'

/** What the investigator's routes use. */
export interface InvestigatorServices {
  submitRequest(
    callerThumbprint: string,
    raw: { request: string; investigatorCertificate: string },
  ): Promise<
    | { kind: 'accepted'; digest: string; index: number; proof: Uint8Array }
    | { kind: 'refused'; findings: readonly [Finding, ...Finding[]]; retryAfterS?: number }
  >
  submitOutcome(callerThumbprint: string, raw: { outcome: string; investigatorCertificate: string }): Promise<string>
  listReleases(caller: InvestigatorCaller): Promise<ReleaseList['releases']>
  takeDownload(
    caller: InvestigatorCaller,
    asked: { consent: string; download: string; proof: DpopProof },
  ): Promise<{ download: string; releaseJws: string; untilMs: number; logIndex: number | null }>
  openReleasedItem(caller: InvestigatorCaller, wanted: { download: string; index: number }): Promise<SealedFile>
  /** The evidence bundle of a download. */
  loadBundle(caller: InvestigatorCaller, download: string): Promise<BundleParts>
  submitReceived(
    caller: InvestigatorCaller & { jwk: PublicJwk },
    raw: { received: string; salt: string },
  ): Promise<string>
  submitSharedOn(caller: InvestigatorCaller, raw: { sharedOn: string; salt: string }): Promise<string>
  /** How long the log usually takes to publish a sealed leaf. */
  readonly retryAfterMs: number
}

const route = routeOf<InvestigatorServices>()
const BYTES = { mediaType: 'application/octet-stream' }

const asking: readonly Route<InvestigatorServices>[] = [
  route({
    method: 'POST',
    url: '/v1/requests',
    callers: ['key'],
    schema: {
      summary: 'Ask for clips: accepted requests are public when this answers',
      body: RequestSubmission,
      answers: { 201: RequestAccepted },
    },
    handle: async ({ caller, body }, services) => {
      const outcome = await services.submitRequest(caller.thumbprint, body)
      if (outcome.kind === 'refused') return findingsAnswer(outcome.findings, outcome.retryAfterS)
      const { digest, index, proof } = outcome
      return json(201, { digest, index, proof: fromUtf8(proof) })
    },
  }),
  route({
    method: 'POST',
    url: '/v1/outcomes',
    callers: ['key'],
    schema: {
      summary: 'Report what came of a request; that it was reported is public, idempotent',
      body: OutcomeSubmission,
      answers: { 201: Accepted },
    },
    handle: async ({ caller, body }, services) =>
      json(201, { digest: await services.submitOutcome(caller.thumbprint, body) }),
  }),
  route({
    method: 'GET',
    url: '/v1/releases',
    callers: ['investigator'],
    schema: { summary: 'Consents to this key that are in their time', answers: { 200: ReleaseList } },
    handle: async ({ caller }, services) => json(200, { releases: await services.listReleases(caller) }),
  }),
]

const receiving: readonly Route<InvestigatorServices>[] = [
  route({
    method: 'POST',
    url: '/v1/releases/:consent/downloads',
    callers: ['investigator'],
    schema: {
      summary: 'Take one download; 202 until the release is in the log, then repeat',
      params: Exact({ consent: DigestField }),
      body: DownloadRequest,
      answers: { 200: DownloadAnswer, 202: DownloadPending },
    },
    handle: async ({ caller, params, body, proof }, services) => {
      const asked = { consent: params.consent, download: body.download, proof: proof! }
      const { download, releaseJws, untilMs, logIndex } = await services.takeDownload(caller, asked)
      if (logIndex !== null) return json(200, { download, release: releaseJws, untilMs })
      const { retryAfterMs } = services
      const headers = { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }
      return json(202, { download, retryAfterMs }, headers)
    },
  }),
  route({
    method: 'GET',
    url: '/v1/downloads/:download/items/:index',
    callers: ['investigator'],
    schema: {
      summary: 'One released item, or a range of it; not counted',
      params: Exact({ download: Id16, index: IndexText }),
      answers: { 200: BYTES, 206: BYTES },
    },
    handle: async ({ caller, params, headers }, services) => {
      const wanted = { download: params.download, index: indexOfText(params.index) }
      return sealedAnswer(await services.openReleasedItem(caller, wanted), headers['range'])
    },
  }),
  route({
    method: 'GET',
    url: '/v1/downloads/:download/bundle.zip',
    callers: ['investigator'],
    schema: {
      summary: 'The evidence bundle, or a range of it; not counted',
      params: Exact({ download: Id16 }),
      answers: { 200: { mediaType: 'application/zip' }, 206: { mediaType: 'application/zip' } },
    },
    handle: async ({ caller, params, headers }, services) => {
      const parts = await services.loadBundle(caller, params.download)
      const bundle = {
        sizeBytes: bundleZipSize(parts),
        mediaType: 'application/zip',
        read: (range: ByteRange) => sliceOf(bundleZip(parts), range),
      }
      return rangedAnswer(bundle, headers['range'])
    },
  }),
  route({
    method: 'POST',
    url: '/v1/received',
    callers: ['investigator'],
    schema: { summary: 'What arrived and opened, idempotent', body: ReceivedSubmission, answers: { 201: Accepted } },
    handle: async ({ caller, body, proof }, services) =>
      json(201, { digest: await services.submitReceived({ ...caller, jwk: proof!.jwk }, body) }),
  }),
  route({
    method: 'POST',
    url: '/v1/shared-on',
    callers: ['investigator'],
    schema: { summary: 'Who got it next, and why, idempotent', body: SharedOnSubmission, answers: { 201: Accepted } },
    handle: async ({ caller, body }, services) => json(201, { digest: await services.submitSharedOn(caller, body) }),
  }),
]

export const INVESTIGATOR_ROUTES: readonly Route<InvestigatorServices>[] = [...asking, ...receiving]
