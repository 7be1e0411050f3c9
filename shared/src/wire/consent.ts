import { Type, type Static } from 'typebox'
import {
  AgencyUri,
  B64u,
  B64u32,
  CompactJws,
  DigestField,
  Exact,
  Id16,
  Line,
  Origin,
  RecipientField,
  Seconds,
  Seen,
  Urn,
  Version1,
} from './fields.ts'
import { MAX_ITEMS } from './clip.ts'
import { defineMessage } from './jws.ts'

const ItemIndex = Type.Integer({ minimum: 0, maximum: MAX_ITEMS - 1 })

/** A member gives exactly these items of one clip to exactly this requester. */
export const consent = defineMessage(
  'latchkey-consent+jwt',
  Exact({
    iss: Urn,
    sub: Urn,
    aud: Type.Tuple([Origin, AgencyUri]),
    jti: Id16,
    iat: Seconds,
    nbf: Seconds,
    exp: Seconds,
    authorization_details: Type.Array(
      Exact({
        type: Type.Literal('latchkey/clip-release'),
        actions: Type.Tuple([Type.Literal('decrypt')]),
        /** Digest of the clip manifest. */
        identifier: DigestField,
        /** Sorted, disjoint, inclusive ranges of item indexes. */
        items: Type.Array(Type.Tuple([ItemIndex, ItemIndex]), { minItems: 1, maxItems: 256 }),
        /** H of the concatenated H(header), in index order. */
        headersSha256: DigestField,
        recipient: RecipientField,
      }),
      { minItems: 1, maxItems: 1 },
    ),
    latchkey: Exact({
      v: Version1,
      request: DigestField,
      keyset: DigestField,
      deviceCertificate: DigestField,
      purpose: Line(64),
      retentionDays: Type.Integer({ minimum: 1, maximum: 36_500 }),
      maxDownloads: Type.Integer({ minimum: 1, maximum: 1_000 }),
      disclosure: Type.Union([DigestField, Type.Null()]),
      notice: Exact({
        sha256: DigestField,
        version: Type.Integer({ minimum: 1, maximum: 1_000 }),
        language: Type.String({ pattern: '^[a-z]{2}(-[A-Z]{2})?$' }),
        utcOffsetMinutes: Type.Integer({ minimum: -14 * 60, maximum: 14 * 60 }),
      }),
      claimedApp: Type.Union([DigestField, Type.Null()]),
      seen: Seen,
    }),
  }),
)
export type Consent = ReturnType<typeof consent.parse>['payload']

/** Body of `POST /v1/consents`: the token, one 168-byte header per named item, the log salt. */
export const ConsentSubmission = Exact({
  consent: CompactJws,
  headers: Type.Array(B64u(224), { minItems: 1, maxItems: MAX_ITEMS }),
  salt: B64u32,
  /** A sealed identity item, base64url; its SHA-256 stands in the consent. */
  disclosure: Type.Optional(B64u(65_536)),
})
export type ConsentSubmission = Static<typeof ConsentSubmission>

/** The second owner's signature where the keyset's quorum is 2. */
export const approval = defineMessage(
  'latchkey-approval+jwt',
  Exact({
    iss: Urn,
    jti: Id16,
    iat: Seconds,
    latchkey: Exact({ v: Version1, consent: DigestField, keyset: DigestField }),
  }),
)
export type Approval = ReturnType<typeof approval.parse>['payload']

/** Any one member stops what `revokes` names: a consent or a device certificate. */
export const revocation = defineMessage(
  'latchkey-revoke+jwt',
  Exact({
    iss: Urn,
    jti: Id16,
    iat: Seconds,
    latchkey: Exact({ v: Version1, revokes: DigestField, keyset: DigestField }),
  }),
)
export type Revocation = ReturnType<typeof revocation.parse>['payload']
