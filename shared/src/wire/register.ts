/** What an operator must say in public: what money and favours passed, what the law demanded, and what was given in sum. @see spec/register.md */
import { Type, type Static } from 'typebox'
import { AgencyUri, Count, DigestField, Exact, Line } from './fields.ts'
import { OUTCOMES } from './outcome.ts'
import { createValidator } from './schema.ts'

/** What passed between an agency and anybody about this relay. */
export const DISCLOSURE_KINDS = [
  ...(['gift', 'loan', 'subsidy', 'training', 'data-feed', 'joint-operation', 'contract'] as const),
] as const

/** What was demanded by law. `removal`: that a text be removed. */
export const DEMAND_KINDS = ['warrant', 'court-order', 'subpoena', 'national-security', 'emergency', 'removal'] as const

/** `2026-11-23`; whether there is such a day is judged by {@link isDay}. */
const Day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })
const Text = Type.String({ minLength: 1, maxLength: 4_000 })
/** One matter; its entries are its versions. */
const EntryId = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,63}$' })
const Link = Type.Optional(Type.String({ pattern: '^https://[!-~]{1,290}$' }))

const disclosure = {
  v: Type.Literal(1),
  book: Type.Literal('disclosure'),
  id: EntryId,
  kind: Type.Enum([...DISCLOSURE_KINDS]),
  giver: Line(200),
  receiver: Line(200),
  value: Line(200),
  date: Day,
  terms: Text,
  link: Link,
  isResolved: Type.Boolean(),
}

const legal = {
  v: Type.Literal(1),
  book: Type.Literal('legal'),
  id: EntryId,
  kind: Type.Enum([...DEMAND_KINDS]),
  from: Line(200),
  date: Day,
  asked: Text,
  answered: Text,
  /** Recordings that were disclosed: the relay holds none that it could. */
  contentDisclosed: Type.Literal(0),
  ownerNotified: Type.Enum(['yes', 'no', 'prohibited', 'nobody-concerned']),
  /** Digest of the request whose text the law removed. */
  removes: Type.Optional(DigestField),
}

/** Steps in which what owners did is told: an exact number beside one small area would point at who gave. */
export const NUMBER_STEPS = ['0', '1-5', '6-20', '21+'] as const
export type NumberStep = (typeof NUMBER_STEPS)[number]
const Step = Type.Enum([...NUMBER_STEPS])

/** One month of one agency. */
const AgencyMonth = Exact({
  agency: AgencyUri,
  /** Consents of which anything was downloaded for the first time. */
  releases: Step,
  /** Reports that it made, by what they say. */
  outcomes: Exact(
    Object.fromEntries(OUTCOMES.map((word) => [word, Step])) as Record<(typeof OUTCOMES)[number], typeof Step>,
  ),
})

const statistics = {
  v: Type.Literal(1),
  book: Type.Literal('statistics'),
  /** The month, UTC: `2026-11`. */
  id: Type.String({ pattern: '^\\d{4}-(0[1-9]|1[0-2])$' }),
  /** Of every agency that is not here, everything is 0. */
  agencies: Type.Array(AgencyMonth, { maxItems: 20_000 }),
  /** A month is told once. */
  version: Type.Literal(1),
}

const version = { version: Type.Integer({ minimum: 1, maximum: 10_000 }) }

/** Body of `POST /v1/register` (operator). */
export const RegisterSubmission = Type.Union([Exact(disclosure), Exact(legal)])
export type RegisterSubmission = Static<typeof RegisterSubmission>

/** An entry as it is published: nothing removes it, another version may follow. */
export const RegisterEntry = Type.Union([
  Exact({ ...disclosure, ...version }),
  Exact({ ...legal, ...version }),
  Exact(statistics),
])
export type RegisterEntry = Static<typeof RegisterEntry>
/** An entry of one of the three books. */
export type EntryOf<B extends RegisterEntry['book']> = Extract<RegisterEntry, { book: B }>

/** What the operator learns. */
export const RegisterAccepted = Exact({ digest: DigestField, index: Count, version: version.version })
export type RegisterAccepted = Static<typeof RegisterAccepted>

export const registerEntry = createValidator(RegisterEntry)

/** The step that a count falls into. @param count whole, from 0 */
export function stepOf(count: number): NumberStep {
  if (count === 0) return '0'
  if (count <= 5) return '1-5'
  return count <= 20 ? '6-20' : '21+'
}

/** Is there such a day? @param text as {@link RegisterEntry} has it */
export function isDay(text: string): boolean {
  const at = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text)
}

/** `2026-11` of a moment, UTC. */
export const monthOf = (ms: number): string => new Date(ms).toISOString().slice(0, 7)

/** First moment of the month after. @param month `2026-11` */
export function monthEndMs(month: string): number {
  const [year, number] = month.split('-').map(Number)
  return Date.UTC(year!, number, 1)
}
