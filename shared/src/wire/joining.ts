import { B64u32, Exact, Jwk, RecipientField, Seconds, Urn, Version1 } from './fields.ts'
import { defineMessage } from './jws.ts'

/** A phone that asks to belong to a household; `mac` proves that it read the code of one of its owners. @see spec/joining.md */
export const joining = defineMessage(
  'latchkey-joining+jwt',
  Exact({
    iss: Urn,
    iat: Seconds,
    cnf: Exact({ jwk: Jwk }),
    latchkey: Exact({ v: Version1, recipient: RecipientField, mac: B64u32 }),
  }),
)
export type Joining = ReturnType<typeof joining.parse>['payload']
