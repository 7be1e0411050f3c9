import { Type, type Static } from 'typebox'
import {
  B64u32,
  CompactJws,
  Count,
  DigestField,
  Exact,
  Id16,
  Jwk,
  Line,
  Origin,
  Seconds,
  Urn,
  Version1,
} from './fields.ts'
import { defineMessage } from './jws.ts'
import { createValidator } from './schema.ts'

/** The Pi introduces itself in the pairing mailbox; it signs, so that nobody claims another's device. */
export const hello = defineMessage(
  'latchkey-hello+jwt',
  Exact({
    iss: Urn,
    iat: Seconds,
    cnf: Exact({ jwk: Jwk }),
    latchkey: Exact({ v: Version1, relay: Origin, logVkey: Line(300), nonce: B64u32, epoch: Count }),
  }),
)
export type Hello = ReturnType<typeof hello.parse>['payload']

/** The household vouches for a Pi. No serial number, no address. */
export const deviceCertificate = defineMessage(
  'latchkey-device+jwt',
  Exact({
    iss: Urn,
    sub: Urn,
    iat: Seconds,
    cnf: Exact({ jwk: Jwk }),
    latchkey: Exact({ v: Version1, epoch: Count, device: Id16, keyset: DigestField, hello: DigestField }),
  }),
)
export type DeviceCertificate = ReturnType<typeof deviceCertificate.parse>['payload']

/** Mailbox bodies of `/v1/pairings/{id}/…`. */
export const PairingHello = Exact({ hello: CompactJws })
/** `rootJwk` is bound by its thumbprint, the keyset's `iss`; the MAC covers hello, keyset and certificate. */
export const PairingAnswer = Exact({ keyset: CompactJws, deviceCertificate: CompactJws, rootJwk: Jwk, mac: B64u32 })
export type PairingAnswer = Static<typeof PairingAnswer>
export const PairingDone = Exact({ ack: CompactJws })
export const pairingAnswer = createValidator(PairingAnswer)
export const pairingHello = createValidator(PairingHello)
export const pairingDone = createValidator(PairingDone)

/** A label for lists; the relay's own name for a paired device. */
export const DeviceEnrolment = Exact({
  deviceCertificate: CompactJws,
  hello: CompactJws,
  salt: B64u32,
  invitation: Type.Optional(Line(200)),
})
