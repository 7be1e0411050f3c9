import { describe, expect, test } from 'vitest'
import { StatedMonths } from '../../../../shared/src/audit/stated-months.ts'
import { type EntryOf, monthEndMs, monthOf, type NumberStep, stepOf } from '../../../../shared/src/wire/register.ts'

const hourOf = (text: string): number => Date.parse(`${text}:00:00Z`) / 3_600_000
const agency = 'https://police.example.gov'
const outcomes = { used: '0', 'not-used': '0', 'no-clips': '0', 'charge-without': '0' } as const
const numbers = (id: string, ...agencies: string[]): EntryOf<'statistics'> => ({
  v: 1,
  book: 'statistics',
  id,
  version: 1,
  agencies: agencies.map((uri) => ({ agency: uri, releases: '1-5', outcomes })),
})
const isAgency = (uri: string) => uri === agency
const codes = (findings: readonly { readonly code: string }[]) => findings.map(({ code }) => code)

describe('months', () => {
  test.each([
    ['2026-01-31T23', '2026-01', '2026-02-01T00'],
    ['2026-12-01T00', '2026-12', '2027-01-01T00'],
    ['2028-02-29T12', '2028-02', '2028-03-01T00'],
  ])('%s is of %s, which ends at %s', (at, month, end) => {
    expect(monthOf(hourOf(at) * 3_600_000)).toBe(month)
    expect(monthEndMs(month)).toBe(hourOf(end) * 3_600_000)
  })

  test.each<[number, NumberStep]>([
    [0, '0'],
    [1, '1-5'],
    [5, '1-5'],
    [6, '6-20'],
    [20, '6-20'],
    [21, '21+'],
    [9_000, '21+'],
  ])('%d is told as %s', (count, step) => {
    expect(stepOf(count)).toBe(step)
  })
})

describe('a relay that owes a month', () => {
  test('has a week from its first entry after it, and is accused once for each month', () => {
    const months = new StatedMonths()
    expect(months.pass(0, hourOf('2026-09-15T10'))).toEqual([])
    // It was away until then: nothing was owed before anything was written.
    expect(months.pass(1, hourOf('2026-10-20T10'))).toEqual([])
    expect(months.pass(2, hourOf('2026-10-27T09'))).toEqual([])
    expect(codes(months.pass(3, hourOf('2026-10-27T10')))).toEqual(['NUMBERS_MISSING'])
    expect(months.pass(4, hourOf('2026-10-28T10'))).toEqual([])
    expect(months.pass(5, hourOf('2026-11-01T00'))).toEqual([])
    expect(codes(months.pass(6, hourOf('2026-11-08T00')))).toEqual(['NUMBERS_MISSING'])
  })

  test('owes nothing once it told it, in any order', () => {
    const months = new StatedMonths()
    months.pass(0, hourOf('2026-08-15T10'))
    months.pass(1, hourOf('2026-10-01T10'))
    for (const month of ['2026-09', '2026-08'])
      expect(months.state(numbers(month), { index: 2, hour: hourOf('2026-10-01T10'), isAgency })).toEqual([])
    expect(months.pass(3, hourOf('2026-10-30T10'))).toEqual([])
  })
})

describe('what is told of a month', () => {
  const told = (entry: EntryOf<'statistics'>, at = '2026-10-02T10') =>
    codes(new StatedMonths().state(entry, { index: 7, hour: hourOf(at), isAgency }))

  test('passes: the agency stands in the log', () => {
    expect(told(numbers('2026-09', agency))).toEqual([])
  })
  test.each([
    ['before the month has ended', numbers('2026-10', agency), ['DOCUMENT_WRONG']],
    ['of an agency that is nowhere', numbers('2026-09', 'https://other.example.gov'), ['DOCUMENT_WRONG']],
    ['of an agency twice', numbers('2026-09', agency, agency), ['DOCUMENT_WRONG']],
  ])('%s is a finding', (_name, entry, expected) => {
    expect(told(entry)).toEqual(expected)
  })
  test('twice is a finding', () => {
    const months = new StatedMonths()
    const at = { index: 7, hour: hourOf('2026-10-02T10'), isAgency }
    months.state(numbers('2026-09'), at)
    expect(codes(months.state(numbers('2026-09', agency), { ...at, index: 8 }))).toEqual(['LOGGED_TWICE'])
  })
})
