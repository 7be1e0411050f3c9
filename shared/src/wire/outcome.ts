import { Type, type Static } from 'typebox'
import { AgencyUri, CompactJws, DigestField, Exact, Id16, Jwk, Origin, Seconds, Urn, Version1 } from './fields.ts'
import { defineMessage } from './jws.ts'

/** What came of a request. `charge-without`: somebody was charged without any recording. */
export const OUTCOMES = ['used', 'not-used', 'no-clips', 'charge-without'] as const
export type RequestOutcomeWord = (typeof OUTCOMES)[number]

/**
 * An investigator of the agency says what came of one accepted request. Nobody but the relay reads it; the public sees that it was
 * given, and what was given in sum. @see spec/request.md, "Outcomes"
 */
export const outcome = defineMessage(
  'latchkey-outcome+jwt',
  Exact({
    iss: AgencyUri,
    sub: Urn,
    aud: Origin,
    jti: Id16,
    iat: Seconds,
    cnf: Exact({ jwk: Jwk }),
    latchkey: Exact({
      v: Version1,
      request: DigestField,
      outcome: Type.Enum([...OUTCOMES]),
      investigatorCertificate: DigestField,
    }),
  }),
)
export type Outcome = ReturnType<typeof outcome.parse>['payload']

/** Body of `POST /v1/outcomes`. */
export const OutcomeSubmission = Exact({ outcome: CompactJws, investigatorCertificate: CompactJws })
export type OutcomeSubmission = Static<typeof OutcomeSubmission>
