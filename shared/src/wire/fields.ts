/** Schemas of the small values that many messages share. @see spec/conventions.md */
import { Type, type Static, type TProperties } from 'typebox'

/** An object with exactly these members: unknown ones are refused everywhere. */
export const Exact = <P extends TProperties>(properties: P) => Type.Object(properties, { additionalProperties: false })

const MAX_SAFE = Number.MAX_SAFE_INTEGER

/** Whole number ≥ 0. */
export const Count = Type.Integer({ minimum: 0, maximum: MAX_SAFE })
/** Registered JWT times: whole seconds since 1970. */
export const Seconds = Type.Integer({ minimum: 0, maximum: 99_999_999_999 })
/** Our own times: whole milliseconds since 1970, UTC. */
export const EpochMs = Type.Integer({ minimum: 0, maximum: 99_999_999_999_999 })
/** A length of time in whole milliseconds. */
export const DurationMs = Type.Integer({ minimum: 0, maximum: 99_999_999_999_999 })
/** A signed difference in whole milliseconds. */
export const OffsetMs = Type.Integer({ minimum: -99_999_999_999_999, maximum: 99_999_999_999_999 })

/** 16 bytes, base64url: random identifiers. The last character carries two bits only. */
export const Id16 = Type.String({ pattern: '^[A-Za-z0-9_-]{21}[AQgw]$' })
/** 32 bytes, base64url: digests, salts, thumbprints. The last character carries four bits only. */
export const B64u32 = Type.String({ pattern: '^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$' })
/** SHA-256, base64url. */
export const DigestField = B64u32
/** Any base64url text. */
export const B64u = (maxLength: number) => Type.String({ pattern: '^[A-Za-z0-9_-]*$', maxLength })
/** RFC 9278 JWK thumbprint URN. */
export const Urn = Type.String({
  pattern: '^urn:ietf:params:oauth:jwk-thumbprint:sha-256:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$',
})
/** age X25519 recipient, lower case. */
export const RecipientField = Type.String({ pattern: '^age1[02-9ac-hj-np-z]{58}$' })
/** An https origin (an agency): scheme and host in lower case, no path, no port. */
export const AgencyUri = Type.String({ pattern: '^https://[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$', maxLength: 261 })
/** The relay's origin; http only makes sense on loopback and the relay's configuration enforces that. */
export const Origin = Type.String({ pattern: '^https?://[a-z0-9.:\\[\\]-]{1,255}$', maxLength: 263 })
/** Ed25519 public key; canonical form and order are checked by `rawKeyOf`. */
export const Jwk = Exact({ crv: Type.Literal('Ed25519'), kty: Type.Literal('OKP'), x: B64u32 })
/** Compact JWS, 16 KiB at most. */
export const CompactJws = Type.String({
  pattern: '^[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]{86}$',
  maxLength: 16_384,
})
/** geohash of precision 5, about 24 km². */
export const Geohash5 = Type.String({ pattern: '^[0-9bcdefghjkmnpqrstuvwxyz]{5}$' })
/** The protocol version inside every `latchkey` claim. */
export const Version1 = Type.Literal(1)
/** One line of plain text, 1 … `maxLength` characters. */
export const Line = (maxLength: number) => Type.String({ minLength: 1, maxLength })
/** A checkpoint that the signer had seen: origin, size and the digest of the signed checkpoint text. */
export const Seen = Type.Union([Exact({ origin: Line(255), size: Count, sha256: DigestField }), Type.Null()])

export type Seen = Static<typeof Seen>

/** The thing, or null where there is none. */
export const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])
