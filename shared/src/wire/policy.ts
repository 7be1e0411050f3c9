import { Type, type Static } from 'typebox'
import { Count, DigestField, DurationMs, Exact, Line } from './fields.ts'
import { createValidator } from './schema.ts'

const ClosedList = Type.Array(Line(64), { minItems: 1, maxItems: 64, uniqueItems: true })

/**
 * A text that requests may start from: its id with the digest of the text, so that nobody changes words under a name.
 * Policies from before there were digests have the id alone.
 */
const TemplateEntry = Type.Union([Line(64), Exact({ id: Line(64), digest: DigestField })])
export type TemplateEntry = Static<typeof TemplateEntry>

/** Ten years: beyond that nobody waits for anything. */
const MAX_NOTICE_MS = 3_650 * 24 * 3_600_000

/** Policy as data: every limit and closed list, hashed into the log. @see policy/us.json */
export const Policy = Exact({
  v: Type.Literal(1),
  region: Line(16),
  version: Type.Integer({ minimum: 1 }),
  area: Exact({ minimumM2: Count, maximumM2: Count }),
  window: Exact({ minimumMs: DurationMs, maximumMs: DurationMs, maximumAgeMs: DurationMs }),
  /** Area × time, m²·h. */
  areaTimeM2Hours: Count,
  /** How long a request may stay open, seconds. */
  requestLifeSeconds: Exact({ default: Count, maximum: Count }),
  requestsPerCase: Count,
  agencyLimits: Exact({ perDay: Count, per30Days: Count, open: Count }),
  agencyNoticeMs: DurationMs,
  /** How long looser rules than these are announced before they count; fourteen days where it is absent. */
  policyNoticeMs: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_NOTICE_MS })),
  outcomeDueMs: DurationMs,
  incidentTypes: ClosedList,
  refusedIncidentTypes: ClosedList,
  /** Case numbers that are placeholders, in the normal form of `normalCaseNumber`. */
  refusedCaseNumbers: ClosedList,
  agencyKinds: ClosedList,
  refusedAgencyKinds: ClosedList,
  /** @see consent/request-templates.ts */
  templates: Type.Array(TemplateEntry, { minItems: 1, maxItems: 64, uniqueItems: true }),
  consent: Exact({
    purposes: ClosedList,
    /** Length of the undo period, seconds. */
    undoSeconds: Count,
    lifeSeconds: Count,
    maxDownloads: Count,
    /** How late a token may reach the relay and still leave the undo period whole, seconds. */
    toleranceSeconds: Count,
  }),
  retentionDays: Exact({
    default: Count,
    maximum: Count,
    selectable: Type.Array(Count, { minItems: 1, maxItems: 16 }),
  }),
  downloadGraceSeconds: Count,
})
export type Policy = Static<typeof Policy>
export const policy = createValidator(Policy)
