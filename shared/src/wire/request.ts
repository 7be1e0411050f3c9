import { Type, type Static } from 'typebox'
import {
  AgencyUri,
  CompactJws,
  DigestField,
  EpochMs,
  Exact,
  Id16,
  Jwk,
  Line,
  Origin,
  RecipientField,
  Seconds,
  Urn,
  Version1,
} from './fields.ts'
import { defineMessage } from './jws.ts'
import { createValidator } from './schema.ts'

/** An agency vouches for one investigator's signing key and recipient, for a year at most. */
export const investigatorCertificate = defineMessage(
  'latchkey-investigator+jwt',
  Exact({
    iss: AgencyUri,
    sub: Urn,
    iat: Seconds,
    exp: Seconds,
    cnf: Exact({ jwk: Jwk }),
    latchkey: Exact({ v: Version1, name: Line(120), role: Line(120), recipient: RecipientField }),
  }),
)
export type InvestigatorCertificate = ReturnType<typeof investigatorCertificate.parse>['payload']

/** What an investigator gives to the agency to be certified: public keys, no secret. */
export const Enrolment = Exact({ jwk: Jwk, recipient: RecipientField })
export type Enrolment = Static<typeof Enrolment>
export const enrolment = createValidator(Enrolment)

/** [latitude, longitude] in integer microdegrees. */
export const Vertex = Type.Tuple([
  Type.Integer({ minimum: -90_000_000, maximum: 90_000_000 }),
  Type.Integer({ minimum: -180_000_000, maximum: 180_000_000 }),
])
export type Vertex = Static<typeof Vertex>

/**
 * A named investigator asks. Values that only policy can judge (incident type, placeholder case numbers) are plain
 * text here, so that a refusal can name the reason instead of "invalid".
 */
export const clipRequest = defineMessage(
  'latchkey-request+jwt',
  Exact({
    iss: AgencyUri,
    sub: Urn,
    aud: Origin,
    jti: Id16,
    iat: Seconds,
    exp: Seconds,
    cnf: Exact({ jwk: Jwk }),
    authorization_details: Type.Array(
      Exact({
        type: Type.Literal('latchkey/clip-request'),
        actions: Type.Tuple([Type.Literal('decrypt')]),
        window: Exact({ startMs: EpochMs, endMs: EpochMs }),
        area: Type.Array(Vertex, { minItems: 3, maxItems: 64 }),
      }),
      { minItems: 1, maxItems: 1 },
    ),
    latchkey: Exact({
      v: Version1,
      caseNumber: Type.String({ maxLength: 64 }),
      incidentType: Type.String({ maxLength: 64 }),
      reason: Type.String({ maxLength: 600 }),
      basis: Type.Literal('voluntary'),
      retentionDays: Type.Integer({ minimum: 1, maximum: 36_500 }),
      contact: Type.String({ maxLength: 200 }),
      recipient: RecipientField,
      investigatorCertificate: DigestField,
      template: Type.String({ maxLength: 64 }),
      policy: DigestField,
    }),
  }),
)
export type ClipRequest = ReturnType<typeof clipRequest.parse>['payload']

/** Body of `POST /v1/requests`. */
export const RequestSubmission = Exact({ request: CompactJws, investigatorCertificate: CompactJws })
export type RequestSubmission = Static<typeof RequestSubmission>
