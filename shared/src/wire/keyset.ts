import { Type, type Static } from 'typebox'
import { Count, DigestField, EpochMs, Exact, Jwk, RecipientField, Seconds, Urn, Version1 } from './fields.ts'
import { defineMessage } from './jws.ts'

/** One phone of the household. */
export const Member = Exact({
  signingKey: Jwk,
  recipient: RecipientField,
  role: Type.Union([Type.Literal('owner'), Type.Literal('viewer')]),
})
export type Member = Static<typeof Member>

/** Who belongs to a household and to whom its Pi seals. No names. @see spec/keys.md */
export const keyset = defineMessage(
  'latchkey-keyset+jwt',
  Exact({
    iss: Urn,
    iat: Seconds,
    latchkey: Exact({
      v: Version1,
      version: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
      previous: Type.Union([DigestField, Type.Null()]),
      effectiveMs: EpochMs,
      members: Type.Array(Member, { minItems: 1, maxItems: 16 }),
      recovery: RecipientField,
      quorum: Type.Union([Type.Literal(1), Type.Literal(2)]),
    }),
  }),
)
export type Keyset = ReturnType<typeof keyset.parse>['payload']

/** Device-signed proof that its button was pressed for a keyset, or that a pairing answer was accepted. */
export const ack = defineMessage(
  'latchkey-ack+jwt',
  Exact({
    iss: Urn,
    iat: Seconds,
    latchkey: Exact({
      v: Version1,
      keyset: DigestField,
      deviceCertificate: Type.Union([DigestField, Type.Null()]),
      epoch: Count,
    }),
  }),
)
export type Ack = ReturnType<typeof ack.parse>['payload']
