import type { RequestHistory } from '../consent/policy-check.ts'
import { leafHourStartMs } from '../tlog/leaf.ts'

const DAY_MS = 24 * 3_600_000
/** A log that its witnesses hold up puts what it took into a later hour: by as much the hour may be late. */
export const LATE_MS = 3_600_000

/** A stretch of time in which something happened, both ends included. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** An accepted request, as far as limits count it. */
export interface RecordedRequest {
  readonly caseHash: string
  /** Null where its text is not known. */
  readonly expSeconds: number | null
  /** When the relay took it. */
  readonly taken: Span
  /** Does an entry so far say that its outcome was reported? */
  readonly isReported: boolean
}

/** When a relay can have judged what stands in a leaf of this hour. */
export function spanOfHour(hour: number): Span {
  return { fromMs: leafHourStartMs(hour) - LATE_MS, toMs: leafHourStartMs(hour + 1) - 1 }
}

/** The counts at one moment: `certain` is what they are at least, `possible` at most. The log tells hours, not moments. */
export interface BoundedHistory {
  readonly certain: RequestHistory
  readonly possible: RequestHistory
}

/** What of the rules the counts depend on. */
export interface Counted {
  /** Null where the case is not known: then none is the same. */
  readonly caseHash: string | null
  readonly outcomeDueMs: number
}

interface Bound {
  isYounger(request: RecordedRequest, thanMs: number): boolean
  isOpen(request: RecordedRequest): boolean
  isOverdue(request: RecordedRequest): boolean
}

function count(before: readonly RecordedRequest[], caseHash: string | null, of: Bound, nowMs: number): RequestHistory {
  const younger = (ms: number) => before.filter((request) => of.isYounger(request, nowMs - ms)).length
  return {
    sameCase: before.filter((request) => request.caseHash === caseHash).length,
    lastDay: younger(DAY_MS),
    last30Days: younger(30 * DAY_MS),
    open: before.filter((request) => of.isOpen(request)).length,
    overdue: before.filter((request) => !request.isReported && of.isOverdue(request)).length,
  }
}

/**
 * What an agency had asked before, at some moment of `now`.
 * @param before its earlier accepted requests
 */
export function boundedHistory(before: readonly RecordedRequest[], counted: Counted, now: Span): BoundedHistory {
  const { caseHash, outcomeDueMs } = counted
  const nowSeconds = (ms: number) => Math.floor(ms / 1000)
  return {
    certain: count(
      before,
      caseHash,
      {
        isYounger: ({ taken }, thanMs) => taken.fromMs > thanMs,
        isOpen: ({ expSeconds }) => expSeconds !== null && expSeconds > nowSeconds(now.toMs),
        isOverdue: ({ expSeconds }) => expSeconds !== null && expSeconds * 1000 + outcomeDueMs < now.fromMs,
      },
      now.toMs,
    ),
    possible: count(
      before,
      caseHash,
      {
        isYounger: ({ taken }, thanMs) => taken.toMs > thanMs,
        isOpen: ({ expSeconds }) => expSeconds === null || expSeconds > nowSeconds(now.fromMs),
        // It cannot have closed before it was taken.
        isOverdue: ({ expSeconds, taken }) =>
          (expSeconds === null ? taken.fromMs : expSeconds * 1000) + outcomeDueMs < now.toMs,
      },
      now.fromMs,
    ),
  }
}

/** Has some case used its requests? */
export function hasFullCase(before: readonly RecordedRequest[], perCase: number): boolean {
  const counts = new Map<string, number>()
  for (const { caseHash } of before) counts.set(caseHash, (counts.get(caseHash) ?? 0) + 1)
  return Math.max(0, ...counts.values()) >= perCase
}
