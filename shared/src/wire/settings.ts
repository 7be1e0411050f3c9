import { type Static, Type } from 'typebox'
import { AgencyUri, B64u32, EpochMs, Exact, Id16, Line, Nullable, Seconds, Urn, Version1 } from './fields.ts'
import { defineMessage } from './jws.ts'
import { Vertex } from './request.ts'

/** Minute of the day by the household's own clock. */
const DayMinute = Type.Integer({ minimum: 0, maximum: 1_439 })

/** A camera of the household: what it is called and where its door is, `null` when nobody said. */
export const Door = Exact({ device: Id16, name: Line(60), place: Nullable(Vertex) })
export type Door = Static<typeof Door>

/** From and to; a night runs over midnight. Equal ends are the whole day. */
export const QuietHours = Exact({ fromMinute: DayMinute, toMinute: DayMinute })
export type QuietHours = Static<typeof QuietHours>

/** Limits keep the signed whole below 16 KiB with the longest values that people use. */
export const SettingsChoices = Exact({
  doors: Type.Array(Door, { maxItems: 8 }),
  requests: Exact({
    /** Nobody is asked who did not say so. */
    on: Type.Boolean(),
    muted: Type.Array(AgencyUri, { maxItems: 32, uniqueItems: true }),
    pausedUntilMs: Nullable(EpochMs),
  }),
  quiet: Nullable(QuietHours),
  /** Hour of the one daily push of every subscribed phone; `null`: nobody chose one. */
  pushHour: Nullable(Type.Integer({ minimum: 0, maximum: 23 })),
  members: Type.Array(Exact({ thumbprint: B64u32, name: Line(60) }), { maxItems: 16 }),
})
export type SettingsChoices = Static<typeof SettingsChoices>

/**
 * What a household wants. Signed by an owner-member *inside* the age file: to seal to the members anybody can who knows
 * their recipients, the relay too. @see spec/settings.md
 */
export const householdSettings = defineMessage(
  'latchkey-settings+jwt',
  Exact({
    iss: Urn,
    iat: Seconds,
    latchkey: Exact({
      v: Version1,
      /** One more than the version it replaces. */
      revision: Type.Integer({ minimum: 1, maximum: 1_000_000_000 }),
      choices: SettingsChoices,
    }),
  }),
)
export type HouseholdSettings = ReturnType<typeof householdSettings.parse>['payload']
