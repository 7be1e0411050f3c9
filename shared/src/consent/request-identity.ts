/** Is a request by whom it says? Asked by the relay before it takes one and by every phone before it shows one. */
import { type PublicJwk, urnOf } from '../crypto/keys.ts'
import type { LeafData } from '../tlog/leaf.ts'
import { isSignedBy, type Signed } from '../wire/jws.ts'
import type { Finding } from '../wire/problem.ts'
import type { ClipRequest, InvestigatorCertificate } from '../wire/request.ts'
import { CLOCK_TOLERANCE_SECONDS } from './consent-times.ts'

/** An agency vouches for a year at most. */
const MAX_CERTIFICATE_SECONDS = 366 * 86_400

/** What an investigator signs in the name of an agency. */
interface InvestigatorWord {
  readonly iat: number
  readonly sub: string
  readonly cnf: { readonly jwk: { readonly x: string } }
  readonly latchkey: { readonly investigatorCertificate: string }
}

/** A signed word and who stands behind it. */
export interface WordIdentity<T extends InvestigatorWord> {
  readonly word: Signed<T>
  readonly certificate: Signed<InvestigatorCertificate>
  readonly agency: Pick<LeafData<'agency'>, 'uri' | 'keys'>
  readonly nowMs: number
}

/** A request and who stands behind it. */
export interface RequestIdentity extends Omit<WordIdentity<ClipRequest>, 'word'> {
  readonly request: Signed<ClipRequest>
}

const refuse = (code: Finding['code'], message: string, field?: string): Finding => ({
  code,
  message,
  ...(field ? { field } : {}),
})

/** Is the word signed by whom the agency certified for it, then and now? @returns findings, empty when it is */
export function checkInvestigator<T extends InvestigatorWord>(subject: WordIdentity<T>): Finding[] {
  const { word, certificate, agency, nowMs } = subject
  const { payload } = certificate
  const nowSeconds = nowMs / 1000
  const wrong = (message: string): Finding[] => [refuse('INVESTIGATOR_INVALID', message)]
  if (payload.iss !== agency.uri || !agency.keys.some((key) => isSignedBy(certificate, key)))
    return wrong('the certificate is not signed by a key of the agency')
  const signed = word.payload.iat
  if (signed + CLOCK_TOLERANCE_SECONDS < payload.iat || signed >= payload.exp)
    return wrong('the certificate was not valid when the request was signed')
  if (payload.exp - payload.iat > MAX_CERTIFICATE_SECONDS) return wrong('the certificate is valid for over a year')
  if (payload.iat > nowSeconds + CLOCK_TOLERANCE_SECONDS || payload.exp <= nowSeconds)
    return wrong('the certificate is not valid now')
  const jwk = payload.cnf.jwk as PublicJwk
  if (payload.sub !== urnOf(jwk) || word.payload.sub !== payload.sub || word.payload.cnf.jwk.x !== jwk.x)
    return wrong('the certificate is for another requester')
  if (word.payload.latchkey.investigatorCertificate !== certificate.digest)
    return wrong('the request names another certificate')
  return isSignedBy(word, jwk) ? [] : [refuse('SIGNATURE_INVALID', 'the request is not signed by its requester')]
}

function checkCertificate({ request, ...behind }: RequestIdentity): Finding[] {
  const findings = checkInvestigator({ word: request, ...behind })
  if (findings.length > 0) return findings
  return request.payload.latchkey.recipient === behind.certificate.payload.latchkey.recipient
    ? []
    : [refuse('INVESTIGATOR_INVALID', 'the certificate is for another recipient')]
}

/**
 * Is the request by whom it says, for an enrolled agency, for this relay? Nothing about its content.
 * @returns findings, empty when it is; those with codes AGENCY_SUSPENDED and later are about a proven requester
 */
export function checkIdentity(subject: RequestIdentity, publicOrigin: string): Finding[] {
  const findings = checkCertificate(subject)
  if (findings.length > 0) return findings
  if (subject.request.payload.aud !== publicOrigin) return [refuse('REQUEST_INVALID', 'meant for another relay', 'aud')]
  return []
}

/** May this agency ask now, and might it when the request was signed? Anyone who re-checks has only the latter. */
export function checkAgency(
  agency: Pick<LeafData<'agency'>, 'status' | 'noticeUntilMs'>,
  iat: number,
  nowMs: number,
): Finding[] {
  if (agency.status === 'suspended' || agency.status === 'withdrawn')
    return [refuse('AGENCY_SUSPENDED', `the agency is ${agency.status}`)]
  if (Math.min(nowMs, iat * 1000 + 999) < agency.noticeUntilMs)
    return [refuse('AGENCY_NOTICE', 'the public notice period of the agency is not over')]
  return []
}
