/** Signs what was read, sends it, and looks at the proof that comes back. */
import {
  type ClipRequest,
  clipRequest,
  codeOf,
  encodeLeaf,
  errorOfProblem,
  type Finding,
  leafHourOf,
  type LogTrust,
  openTlogProof,
  parseWith,
  problem,
  requestAccepted,
  type RequestAccepted,
  requestLeafData,
  type Signed,
  utf8,
} from '@latchkey/shared'
import { readBounded, readJson } from '@latchkey/shared/client'
import { nowMs } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import { keepAsked } from '../requests/asked.ts'
import { type Investigator, openKeys, parseCertificateFile } from '../who/investigator.ts'
import { investigatorClient } from '../who/relay-clients.ts'
import { loadBelieved } from '../who/trust-file.ts'

/** What became of it. */
export type Outcome =
  | { readonly kind: 'published'; readonly index: number; readonly isProved: boolean }
  | { readonly kind: 'refused'; readonly findings: readonly Finding[]; readonly retryAfterS: number | null }

const MAX_PROBLEM_BYTES = 65_536
/** Client errors that a request deserved; everything else is an error to throw. */
const REFUSALS: ReadonlySet<number> = new Set([403, 422, 429])

/** The leaf says in which hour it was written; the relay's clock may be just beyond ours. */
function isProvedBy(request: Signed<ClipRequest>, { index, proof }: RequestAccepted, trust: LogTrust): boolean {
  const hour = leafHourOf(nowMs())
  return [hour, hour - 1, hour + 1].some((at) => {
    const leaf = encodeLeaf({ v: 1, type: 'request', data: requestLeafData(request), hour: at })
    try {
      return openTlogProof(utf8(proof), leaf, trust).index === index
    } catch (error) {
      if (['LOG_PROOF_INVALID', 'CHECKPOINT_INVALID'].includes(codeOf(error))) return false
      throw error
    }
  })
}

/** A refusal with all that it names; null for an answer that is none. Untrusted: the answer. */
async function refusalOf(response: Response): Promise<Extract<Outcome, { kind: 'refused' }> | null> {
  if (!REFUSALS.has(response.status)) return null
  const text = new TextDecoder().decode(await readBounded(response, MAX_PROBLEM_BYTES))
  const told = parseWith(problem, JSON.parse(text), 'problem')
  const { code, message } = errorOfProblem(told, response.status)
  const known = (told.findings ?? []).map((one): Finding => {
    const { field } = one
    const finding = { code: errorOfProblem({ ...told, code: one.code }, response.status).code, message: one.message }
    return field === undefined ? finding : { ...finding, field }
  })
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return {
    kind: 'refused',
    findings: known.length > 0 ? known : [{ code, message }],
    retryAfterS: Number.isFinite(seconds) ? seconds : null,
  }
}

/**
 * Publishes exactly this payload. What the relay took is kept in this browser before anything else is done.
 * @throws UNAVAILABLE | MESSAGE_INVALID | TEXT_INVALID | the codes of callers
 */
export async function publish(database: Database, investigator: Investigator, payload: ClipRequest): Promise<Outcome> {
  const { signer } = await openKeys(investigator.keys)
  const raw = await clipRequest.encode(payload, signer)
  const certificate = parseCertificateFile(investigator.certificate!).raw
  const client = await investigatorClient(investigator)
  const json = { request: raw, investigatorCertificate: certificate }
  const response = await client.send('POST', '/v1/requests', { json })
  const refusal = await refusalOf(response)
  if (refusal !== null) return refusal
  const accepted = await readJson(response, requestAccepted)
  await keepAsked(database, { request: raw, index: accepted.index, proof: accepted.proof, askedMs: nowMs() })
  const { trust } = await loadBelieved(database, investigator)
  const isProved = trust.log !== null && isProvedBy(clipRequest.parse(raw), accepted, trust.log)
  return { kind: 'published', index: accepted.index, isProved }
}
