import { Type } from 'typebox'
import { AgencyUri, Count, DigestField, EpochMs, Exact, Id16, Line, Origin, Seconds, Urn, Version1 } from './fields.ts'
import { MAX_ITEMS } from './clip.ts'
import { defineMessage } from './jws.ts'

const ItemIndex = Type.Integer({ minimum: 0, maximum: MAX_ITEMS - 1 })

/** The relay says what it released, to whom, under which consent, as which of the allowed downloads. */
export const release = defineMessage(
  'latchkey-release+jwt',
  Exact({
    iss: Origin,
    aud: Urn,
    jti: Id16,
    iat: Seconds,
    toe: Seconds,
    latchkey: Exact({
      v: Version1,
      request: DigestField,
      consent: DigestField,
      items: Type.Array(Type.Tuple([ItemIndex, ItemIndex]), { minItems: 1, maxItems: 256 }),
      headersSha256: DigestField,
      proof: DigestField,
      download: Type.Integer({ minimum: 1, maximum: 1_000 }),
    }),
  }),
)
export type Release = ReturnType<typeof release.parse>['payload']

/** The investigator says what arrived and opened. */
export const received = defineMessage(
  'latchkey-received+jwt',
  Exact({
    iss: AgencyUri,
    sub: Urn,
    jti: Id16,
    iat: Seconds,
    latchkey: Exact({
      v: Version1,
      release: DigestField,
      consent: DigestField,
      /** H over the concatenated plaintext SHA-256 of the opened items, index order. */
      plaintextsSha256: DigestField,
      items: Count,
      tool: Line(100),
    }),
  }),
)
export type Received = ReturnType<typeof received.parse>['payload']

/** The relay says that an item, manifest or day record is durable. */
export const stored = defineMessage(
  'latchkey-stored+jwt',
  Exact({
    iss: Origin,
    aud: Urn,
    iat: Seconds,
    latchkey: Exact({
      v: Version1,
      kind: Type.Union([Type.Literal('item'), Type.Literal('manifest'), Type.Literal('day')]),
      clip: Type.Union([Id16, Type.Null()]),
      index: Type.Union([ItemIndex, Type.Null()]),
      /** Body SHA-256 of an item, digest of a manifest or day record. */
      sha256: DigestField,
      receivedMs: EpochMs,
    }),
  }),
)
export type Stored = ReturnType<typeof stored.parse>['payload']

/** Broker password of the embedded broker: the relay's own short-lived statement. */
export const mqttCredential = defineMessage(
  'latchkey-mqtt+jwt',
  Exact({ iss: Origin, sub: Urn, iat: Seconds, exp: Seconds, latchkey: Exact({ v: Version1, device: Id16 }) }),
)
export type MqttCredential = ReturnType<typeof mqttCredential.parse>['payload']
