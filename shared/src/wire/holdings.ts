/** What a relay says that it holds, read from its own database and configuration. @see spec/http.md */
import { type Static, Type } from 'typebox'
import { Count, DigestField, EpochMs, Exact, Line, Nullable, Origin } from './fields.ts'
import { createValidator } from './schema.ts'

const Words = Type.String({ minLength: 1, maxLength: 600 })
const Name = Type.String({ minLength: 1, maxLength: 63 })

/** Something kept: what it is, who can read it, for how long. Null: nobody described it. */
const described = { what: Nullable(Words), readBy: Nullable(Words), kept: Nullable(Words) }

/** `GET /v1/holdings`. */
export const Holdings = Exact({
  v: Type.Literal(1),
  origin: Origin,
  /** When this relay started: so it was configured then. */
  sinceMs: EpochMs,
  /** Every table of its database, from the catalog. */
  tables: Type.Array(
    Exact({
      table: Name,
      ...described,
      columns: Type.Array(Exact({ column: Name, type: Name, what: Nullable(Words) }), { maxItems: 200 }),
    }),
    { maxItems: 500 },
  ),
  /** What lies outside of the database. */
  places: Type.Array(Exact({ place: Line(100), what: Words, readBy: Words, kept: Words }), { maxItems: 50 }),
  running: Exact({
    policy: DigestField,
    /** Looser rules that are announced, and before when they cannot count. */
    announced: Nullable(Exact({ digest: DigestField, fromMs: EpochMs })),
    /** `own`: its own PostgreSQL beside it; `elsewhere`: one that somebody else may run. */
    database: Type.Enum(['own', 'elsewhere']),
    enrolment: Type.Enum(['open', 'invitation']),
    hasOperatorKey: Type.Boolean(),
    /** Days that a recording is kept, and that one may be kept at the household's wish. */
    retentionDays: Exact({ usual: Count, kept: Count }),
    log: Exact({
      vkey: Line(300),
      /** How long entries of households are collected before they are published together. */
      batchMs: Count,
      witnesses: Type.Array(Line(300), { maxItems: 64 }),
      quorum: Count,
    }),
    pushServices: Type.Array(Line(300), { maxItems: 64 }),
    /** Pages that may call it from a browser. */
    appOrigins: Type.Array(Origin, { maxItems: 16 }),
  }),
})
export type Holdings = Static<typeof Holdings>
export const holdings = createValidator(Holdings)
