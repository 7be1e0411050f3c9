import type { Consent } from '../wire/consent.ts'
import type { Policy } from '../wire/policy.ts'
import type { Finding } from '../wire/problem.ts'

/** A caller's clock may differ from the relay's by this much. */
export const CLOCK_TOLERANCE_SECONDS = 60

/**
 * Does the token leave the undo period whole, by the relay's clock at receipt?
 * @param receivedSeconds relay time of receipt
 */
export function checkConsentFresh(consent: Consent, receivedSeconds: number, policy: Policy): Finding[] {
  const findings: Finding[] = []
  const { undoSeconds, toleranceSeconds } = policy.consent
  if (consent.nbf < receivedSeconds + undoSeconds - toleranceSeconds)
    findings.push({ code: 'CONSENT_STALE', message: 'too little of the undo period is left: sign again', field: 'nbf' })
  if (consent.exp <= receivedSeconds)
    findings.push({ code: 'CONSENT_EXPIRED', message: 'the consent has expired', field: 'exp' })
  if (consent.iat > receivedSeconds + CLOCK_TOLERANCE_SECONDS)
    findings.push({ code: 'CONSENT_INVALID', message: 'the consent is signed in the future', field: 'iat' })
  return findings
}

/** Where in its life a consent stands at `atSeconds`. */
export function consentPhase(consent: Consent, atSeconds: number): 'early' | 'live' | 'expired' {
  if (atSeconds < consent.nbf) return 'early'
  return atSeconds < consent.exp ? 'live' : 'expired'
}

/** Limits that policy and request put on the token's own times. */
export function checkConsentSpan(consent: Consent, request: { iat: number; exp: number }, policy: Policy): Finding[] {
  const wrong = (message: string, field: string): Finding => ({ code: 'CONSENT_INVALID', message, field })
  const findings: Finding[] = []
  if (consent.nbf < consent.iat + policy.consent.undoSeconds - policy.consent.toleranceSeconds)
    findings.push(wrong('not-before leaves no undo period', 'nbf'))
  if (consent.exp <= consent.nbf) findings.push(wrong('expires before it begins', 'exp'))
  if (consent.exp - consent.nbf > policy.consent.lifeSeconds)
    findings.push(wrong('lives longer than policy allows', 'exp'))
  if (consent.iat + CLOCK_TOLERANCE_SECONDS < request.iat || consent.exp > request.exp)
    findings.push(wrong('reaches outside the life of the request', 'exp'))
  return findings
}
