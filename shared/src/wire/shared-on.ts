import { Type, type Static } from 'typebox'
import {
  AgencyUri,
  B64u32,
  CompactJws,
  DigestField,
  EpochMs,
  Exact,
  Id16,
  Jwk,
  Line,
  Seconds,
  Urn,
  Version1,
} from './fields.ts'
import { defineMessage } from './jws.ts'

/** Who can have got what was given: an office by its kind, so that households can tell a courthouse from a federal agency. */
export const RECEIVER_KINDS = [
  'prosecution',
  'defence',
  'court',
  'local-agency',
  'state-or-federal-agency',
  'expert',
  'press-or-public',
  'other',
] as const
export type ReceiverKind = (typeof RECEIVER_KINDS)[number]

/**
 * The investigator says that what was released went to somebody else: to whom, when and why. A record of what happened, taken also where
 * the consent did not allow it. @see spec/release.md, "Shared on"
 */
export const sharedOn = defineMessage(
  'latchkey-shared-on+jwt',
  Exact({
    iss: AgencyUri,
    sub: Urn,
    jti: Id16,
    iat: Seconds,
    /** Of `sub`: a household checks the signature without asking anybody for the key. */
    cnf: Exact({ jwk: Jwk }),
    latchkey: Exact({
      v: Version1,
      release: DigestField,
      consent: DigestField,
      /** When it was handed over. */
      atMs: EpochMs,
      receiver: Exact({ kind: Type.Enum([...RECEIVER_KINDS]), name: Line(200) }),
      /** `as-allowed`: for the purpose that the consent names. */
      purpose: Type.Union([Type.Literal('as-allowed'), Type.Literal('other')]),
      reason: Line(600),
    }),
  }),
)
export type SharedOn = ReturnType<typeof sharedOn.parse>['payload']

/** Of one release: so many hand it on openly, and no more can be told to a household's phones. */
export const MAX_SHARED_ON = 20

/** Body of `POST /v1/shared-on`. */
export const SharedOnSubmission = Exact({ sharedOn: CompactJws, salt: B64u32 })
export type SharedOnSubmission = Static<typeof SharedOnSubmission>
