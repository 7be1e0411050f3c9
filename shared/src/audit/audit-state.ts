import type { RulesState } from '../consent/policy-course.ts'
import type { LeafData } from '../tlog/leaf.ts'

/** How many answers of the relay were derived again. */
export interface AuditTally {
  readonly accepted: { derived: number; open: number; contradicted: number }
  readonly refused: { derived: number; open: number; contradicted: number }
  /** Why answers stayed open, and how often. */
  readonly open: Map<string, number>
}

/** An agency as its newest leaf says. */
export interface AuditedAgency {
  readonly data: LeafData<'agency'>
  readonly index: number
  /** Of the first leaf with this end of the notice period. */
  readonly noticeIndex: number
}

/** An accepted request, as far as it can be told where it is open. */
export interface AuditedRequest {
  readonly digest: string
  readonly index: number
  readonly agency: string
  readonly cells: readonly string[]
  /** Null where its text is not known. */
  readonly expSeconds: number | null
  /** The law removed its text, or its agency left after it asked. */
  readonly isOver: boolean
}

/** What was read of a log so far, and what follows from it. */
export interface AuditState {
  readonly size: number
  readonly agencies: ReadonlyMap<string, AuditedAgency>
  /** Every accepted request, in log order. */
  readonly requests: readonly AuditedRequest[]
  readonly apps: readonly { readonly name: string; readonly digest: string; readonly index: number }[]
  /** The rules in force, and those that are announced. */
  readonly rules: RulesState
  readonly tally: AuditTally
}
