import { encodeBase64url } from '../bytes/base64url.ts'
import { digestOfJson, randomBytes } from '../crypto/hash.ts'
import type { PublicJwk } from '../crypto/keys.ts'
import type { Signed } from '../wire/jws.ts'
import type { Policy } from '../wire/policy.ts'
import type { ClipRequest, InvestigatorCertificate, Vertex } from '../wire/request.ts'

/** What an investigator wants to know, in their own words. */
export interface Asked {
  readonly caseNumber: string
  /** Of the policy's closed list. */
  readonly incidentType: string
  /** What happened, for owners to read; 600 characters at most. */
  readonly reason: string
  /** How an owner reaches a person; 200 characters at most. */
  readonly contact: string
  readonly window: { readonly startMs: number; readonly endMs: number }
  /** 3 to 64 corners. */
  readonly area: readonly Vertex[]
  /** How long recordings will be kept. */
  readonly retentionDays: number
  /** Of the policy's list. */
  readonly template: string
}

/** Who asks, whom, under which rules, and when. */
export interface AskingParty {
  readonly certificate: Signed<InvestigatorCertificate>
  /** Origin of the relay that publishes it. */
  readonly relay: string
  readonly policy: Policy
  readonly nowSeconds: number
}

/**
 * The payload of a request that is signed now, open for as long as the policy says, but no longer than its certificate.
 * Whether it may be published is for `checkRequest`.
 * @see spec/request.md
 */
export function buildRequest(asked: Asked, { certificate, relay, policy, nowSeconds }: AskingParty): ClipRequest {
  const { iss, sub, exp, cnf, latchkey } = certificate.payload
  const { caseNumber, incidentType, reason, contact, retentionDays, template } = asked
  return {
    iss,
    sub,
    aud: relay,
    jti: encodeBase64url(randomBytes(16)),
    iat: nowSeconds,
    exp: Math.min(nowSeconds + policy.requestLifeSeconds.default, exp),
    cnf: { jwk: cnf.jwk satisfies PublicJwk },
    authorization_details: [
      {
        type: 'latchkey/clip-request',
        actions: ['decrypt'],
        window: asked.window,
        area: asked.area.map(([latitude, longitude]) => [latitude, longitude]),
      },
    ],
    latchkey: {
      v: 1,
      caseNumber,
      incidentType,
      reason,
      basis: 'voluntary',
      retentionDays,
      contact,
      recipient: latchkey.recipient,
      investigatorCertificate: certificate.digest,
      template,
      policy: digestOfJson(policy),
    },
  }
}
