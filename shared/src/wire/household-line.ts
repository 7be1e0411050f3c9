import { Type, type Static } from 'typebox'
import { Count, DigestField, EpochMs, Exact, Id16 } from './fields.ts'
import { AVAILABILITY, DeviceEvent, Health } from './mqtt.ts'
import { createValidator } from './schema.ts'

const Known = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()])
const placed = { position: Count, atMs: EpochMs }
/** Where the object's leaf stands; null while it is on its way into the log. */
const index = Known(Count)

/** What happened in a household: told in order, and again behind a position. @see spec/http.md, "Events" */
export const HouseholdFact = Type.Union([
  Exact({ ...placed, type: Type.Literal('event'), device: Id16, event: DeviceEvent }),
  Exact({
    ...placed,
    type: Type.Literal('manifest'),
    clip: Id16,
    manifest: DigestField,
    revision: Count,
    open: Type.Boolean(),
  }),
  Exact({ ...placed, type: Type.Literal('headers'), clip: Id16, keyset: DigestField }),
  Exact({ ...placed, type: Type.Literal('kept'), clip: Id16, kept: Type.Boolean() }),
  Exact({ ...placed, type: Type.Literal('deleted'), clip: Id16 }),
  Exact({ ...placed, type: Type.Literal('keyset'), keyset: DigestField, index: Count }),
  Exact({ ...placed, type: Type.Literal('consent'), consent: DigestField, index }),
  Exact({ ...placed, type: Type.Literal('approval'), approval: DigestField, approves: DigestField, index }),
  Exact({ ...placed, type: Type.Literal('revocation'), revocation: DigestField, revokes: DigestField }),
  Exact({ ...placed, type: Type.Literal('release'), consent: DigestField, release: DigestField, download: Count }),
  Exact({ ...placed, type: Type.Literal('receipt'), consent: DigestField, receipt: DigestField }),
  Exact({ ...placed, type: Type.Literal('shared-on'), consent: DigestField, sharedOn: DigestField }),
  Exact({ ...placed, type: Type.Literal('settings'), settings: DigestField }),
])
export type HouseholdFact = Static<typeof HouseholdFact>

/** The newest that the relay knows of a device: at the start, and whenever it changes. */
export const DeviceLine = Exact({
  type: Type.Literal('device'),
  device: Id16,
  certificate: DigestField,
  available: Known(Type.Enum([...AVAILABILITY])),
  /** Since when. */
  availableMs: Known(EpochMs),
  /** When the device last said anything itself; not kept exact between two of these lines. */
  heardMs: Known(EpochMs),
  health: Known(Health),
  healthMs: Known(EpochMs),
})
export type DeviceLine = Static<typeof DeviceLine>

/** Behind the devices: facts follow from `position` on. `complete: false`: some between `after` and here are gone. */
export const StartLine = Exact({ type: Type.Literal('start'), position: Count, complete: Type.Boolean() })
/** Every 20 s. */
export const AliveLine = Exact({ type: Type.Literal('alive'), atMs: EpochMs })

/** One line of `GET /v1/events`. */
export const HouseholdLine = Type.Union([HouseholdFact, DeviceLine, StartLine, AliveLine])
export type HouseholdLine = Static<typeof HouseholdLine>

export const householdLine = createValidator(HouseholdLine)
