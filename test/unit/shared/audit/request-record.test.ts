import { describe, expect, test } from 'vitest'
import { boundedHistory, type RecordedRequest } from '../../../../shared/src/audit/request-record.ts'

const DUE_MS = 1_000_000
const EXP_SECONDS = 2_000
const closed: RecordedRequest = {
  caseHash: 'case',
  expSeconds: EXP_SECONDS,
  taken: { fromMs: 0, toMs: 1_000 },
  isReported: false,
}
const OVERDUE_MS = EXP_SECONDS * 1000 + DUE_MS
const counted = { caseHash: null, outcomeDueMs: DUE_MS }
const overdue = (before: RecordedRequest, fromMs: number, toMs: number) => {
  const { certain, possible } = boundedHistory([before], counted, { fromMs, toMs })
  return [certain.overdue, possible.overdue]
}

describe('a report that is owed', () => {
  test.each([
    ['is certain once the whole span lies behind the day it was due', OVERDUE_MS + 1, OVERDUE_MS + 9, [1, 1]],
    ['is possible while the span holds that day', OVERDUE_MS, OVERDUE_MS + 1, [0, 1]],
    ['is none before it', OVERDUE_MS - 9, OVERDUE_MS, [0, 0]],
  ])('%s', (_name, fromMs, toMs, expected) => {
    expect(overdue(closed, fromMs, toMs)).toEqual(expected)
  })

  test('is none once it was given', () => {
    expect(overdue({ ...closed, isReported: true }, OVERDUE_MS + 1, OVERDUE_MS + 9)).toEqual([0, 0])
  })

  test('is possible and never certain where the law removed the text', () => {
    const removed = { ...closed, expSeconds: null }
    expect(overdue(removed, OVERDUE_MS + 1, OVERDUE_MS + 9)).toEqual([0, 1])
    // It was open when it was taken.
    expect(overdue(removed, 0, DUE_MS)).toEqual([0, 0])
    expect(overdue(removed, 0, DUE_MS + 1)).toEqual([0, 1])
  })
})
