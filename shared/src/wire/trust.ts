import { Type, type Static } from 'typebox'
import { AgencyUri, Count, Exact, Jwk, Line, Origin, Urn } from './fields.ts'
import { createValidator } from './schema.ts'

/** The verifier's whole trust: nothing outside this file is believed. @see spec/verify.md */
export const Trust = Exact({
  v: Type.Literal(1),
  /** Signed-note verifier keys of logs. Where a log stands here, log proofs are required. */
  logs: Type.Array(Line(300), { maxItems: 16 }),
  witnesses: Type.Array(Line(300), { maxItems: 64 }),
  quorum: Count,
  agencies: Type.Array(Exact({ uri: AgencyUri, keys: Type.Array(Jwk, { minItems: 1, maxItems: 16 }) }), {
    maxItems: 10_000,
  }),
  relays: Type.Array(Exact({ origin: Origin, jwk: Jwk }), { maxItems: 16 }),
  households: Type.Optional(Type.Array(Urn, { maxItems: 10_000 })),
})
export type Trust = Static<typeof Trust>
export const trust = createValidator(Trust)
