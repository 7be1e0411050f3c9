/** What an operator must say in public: what money and favours passed, and what the law demanded. @see spec/register.md */
import { Type, type Static } from 'typebox'
import { Count, DigestField, Exact, Line } from './fields.ts'
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

const version = { version: Type.Integer({ minimum: 1, maximum: 10_000 }) }

/** Body of `POST /v1/register` (operator). */
export const RegisterSubmission = Type.Union([Exact(disclosure), Exact(legal)])
export type RegisterSubmission = Static<typeof RegisterSubmission>

/** An entry as it is published: nothing removes it, another version may follow. */
export const RegisterEntry = Type.Union([Exact({ ...disclosure, ...version }), Exact({ ...legal, ...version })])
export type RegisterEntry = Static<typeof RegisterEntry>
/** An entry of one of the two books. */
export type EntryOf<B extends RegisterEntry['book']> = Extract<RegisterEntry, { book: B }>

/** What the operator learns. */
export const RegisterAccepted = Exact({ digest: DigestField, index: Count, version: version.version })
export type RegisterAccepted = Static<typeof RegisterAccepted>

export const registerEntry = createValidator(RegisterEntry)

/** Is there such a day? @param text as {@link RegisterEntry} has it */
export function isDay(text: string): boolean {
  const at = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text)
}
