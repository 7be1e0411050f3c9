import { type Static, Type } from 'typebox'
import { Exact, Line, Version1 } from './fields.ts'
import { createValidator } from './schema.ts'

/** What an owner may tell about themselves beside a recording; each only when its own box was ticked. */
export const OwnerDetails = Exact({
  name: Type.Optional(Line(120)),
  email: Type.Optional(Line(254)),
  phone: Type.Optional(Line(40)),
  address: Type.Optional(Line(240)),
})
export type OwnerDetails = Static<typeof OwnerDetails>

export const ownerDetails = createValidator(OwnerDetails)

/** Plaintext of a sealed identity item, before its padding. @see spec/consent.md */
export const identityItem = createValidator(Exact({ v: Version1, details: OwnerDetails }))
