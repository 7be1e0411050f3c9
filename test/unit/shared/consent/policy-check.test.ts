import {
  areaM2Of,
  checkRequest,
  type ClipRequest,
  type Finding,
  normalCaseNumber,
  type Policy,
  type RequestHistory,
  signedMsOf,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { caseNowSeconds, casePolicy, changed, createConsentCase, type Mutable } from '../../../support/vector-case.ts'

const nowMs = caseNowSeconds * 1000 + 999
/** Signed in the second whose last millisecond is now. */
const base = changed(createConsentCase().request.payload, (request) => (request.iat = caseNowSeconds))
const NONE: RequestHistory = { sameCase: 0, lastDay: 0, last30Days: 0, open: 0, overdue: 0 }
const codes = (findings: readonly Finding[]) => findings.map(({ code, field }) => `${code} ${String(field)}`)

function outcome(
  change: (request: Mutable<ClipRequest>) => void,
  rules: Policy = casePolicy,
  history = NONE,
): string[] {
  return codes(checkRequest(changed(base, change), rules, { nowMs, history }))
}
const keep = () => undefined
const ruled = (change: (policy: Mutable<Policy>) => void) => outcome(keep, changed(casePolicy, change))

test('a good request has no findings, with or without a history', () => {
  expect(outcome(keep)).toEqual([])
  expect(checkRequest(base, casePolicy, { nowMs, history: null })).toEqual([])
})

describe('a required field', () => {
  test.each(['caseNumber', 'incidentType', 'reason', 'contact', 'template'] as const)(
    '%s may not be blank',
    (field) => {
      for (const blank of ['', ' ', '\u00a0'])
        expect(outcome((request) => (request.latchkey[field] = blank))).toEqual([`FIELD_MISSING ${field}`])
    },
  )

  test('that is missing is told with every other one', () => {
    expect(outcome((request) => Object.assign(request.latchkey, { reason: '', contact: '' }))).toEqual([
      'FIELD_MISSING reason',
      'FIELD_MISSING contact',
    ])
  })
})

describe('a case number', () => {
  test.each(['N/A', 'n.a.', 'TBD', '000', '0-0-0', 'Ｎ／Ａ', 'test', '#1234', '--'])(
    '%s is a placeholder',
    (caseNumber) => {
      expect(outcome((request) => (request.latchkey.caseNumber = caseNumber))).toEqual([
        'CASE_NUMBER_INVALID caseNumber',
      ])
    },
  )

  test.each(['26-004711', 'TBD-26-1', '1', 'Ж-12', '事件12'])('%s is real', (caseNumber) => {
    expect(outcome((request) => (request.latchkey.caseNumber = caseNumber))).toEqual([])
  })

  test('is compared without case, punctuation and width', () => {
    const spellings = ['ab-12/3', 'AB 123', 'ＡＢ１２３', 'aB.1.2.3']
    expect(new Set(spellings.map(normalCaseNumber))).toEqual(new Set(['AB123']))
  })
})

describe('a kind of request', () => {
  test.each(['protest', 'immigration', 'general-intelligence', 'sting', 'Burglary', 'anything'])(
    '%s is refused',
    (type) => {
      expect(outcome((request) => (request.latchkey.incidentType = type))).toEqual(['PURPOSE_REFUSED incidentType'])
    },
  )

  test('is refused when no published template asks for it', () => {
    expect(outcome((request) => (request.latchkey.template = 'our-own'))).toEqual(['REQUEST_INVALID template'])
  })
})

describe('a window', () => {
  const window = (startMs: number, endMs: number) =>
    outcome(
      (request) => (request.authorization_details[0]!.window = { startMs, endMs }),
      changed(casePolicy, (policy) => (policy.areaTimeM2Hours = Number.MAX_SAFE_INTEGER)),
    )
  const MINUTE = 60_000
  const DAY = 86_400_000

  test.each<[name: string, startMs: number, endMs: number, findings: string[]]>([
    ['of 15 minutes is taken', nowMs - 20 * MINUTE, nowMs - 5 * MINUTE, []],
    ['a millisecond shorter is refused', nowMs - 20 * MINUTE, nowMs - 5 * MINUTE - 1, ['WINDOW_TOO_SHORT window']],
    ['of 12 hours is taken', nowMs - DAY, nowMs - DAY / 2, []],
    ['a millisecond longer is refused', nowMs - DAY, nowMs - DAY / 2 + 1, ['WINDOW_TOO_LONG window']],
    ['that ends now is taken', nowMs - 20 * MINUTE, nowMs, []],
    ['that ends in a millisecond is refused', nowMs - 20 * MINUTE, nowMs + 1, ['WINDOW_IN_FUTURE window']],
    ['of 30 days ago is taken', nowMs - 30 * DAY, nowMs - 29.9 * DAY, []],
    ['a millisecond older is refused', nowMs - 30 * DAY - 1, nowMs - 29.9 * DAY, ['WINDOW_TOO_OLD window']],
    ['that ends before it starts is refused', nowMs - MINUTE, nowMs - 30 * MINUTE, ['WINDOW_TOO_SHORT window']],
  ])('%s', (_, startMs, endMs, findings) => {
    expect(window(startMs, endMs)).toEqual(findings)
  })

  test('is judged alike by the relay that takes it late and by who re-checks it from its signing time', () => {
    const late = nowMs + 3_600_000
    const request = changed(
      base,
      ({ authorization_details: [asked] }) => (asked!.window = { startMs: nowMs - 20 * MINUTE, endMs: nowMs + 1000 }),
    )
    expect(codes(checkRequest(request, casePolicy, { nowMs: late, history: null }))).toEqual([
      'WINDOW_IN_FUTURE window',
    ])
    expect(codes(checkRequest(request, casePolicy, { nowMs: signedMsOf(request), history: null }))).toEqual([
      'WINDOW_IN_FUTURE window',
    ])
    request.authorization_details[0]!.window.endMs = nowMs
    expect(checkRequest(request, casePolicy, { nowMs: late, history: null })).toEqual([])
    expect(checkRequest(request, casePolicy, { nowMs: signedMsOf(request), history: null })).toEqual([])
  })
})

describe('an area', () => {
  const areaM2 = areaM2Of(base.authorization_details[0]!.area)
  const hours = 0.5

  test('as large as the limits say is taken, a square metre beyond is refused', () => {
    expect(ruled((policy) => Object.assign(policy.area, { minimumM2: areaM2, maximumM2: areaM2 }))).toEqual([])
    expect(ruled((policy) => (policy.area.minimumM2 = areaM2 + 1))).toEqual(['AREA_TOO_SMALL area'])
    expect(ruled((policy) => (policy.area.maximumM2 = areaM2 - 1))).toEqual(['AREA_TOO_LARGE area'])
  })

  test('may use up its budget of area times time', () => {
    expect(ruled((policy) => (policy.areaTimeM2Hours = areaM2 * hours))).toEqual([])
    expect(ruled((policy) => (policy.areaTimeM2Hours = areaM2 * hours - 1))).toEqual(['AREA_TIME_BUDGET area'])
  })

  test('that crosses itself is refused before it is measured', () => {
    expect(
      outcome((request) =>
        request.authorization_details[0]!.area.splice(
          1,
          2,
          ...base.authorization_details[0]!.area.slice(1, 3).toReversed(),
        ),
      ),
    ).toEqual(['AREA_INVALID area'])
  })
})

describe('the life of a request', () => {
  test.each<[name: string, iat: number, exp: number, findings: string[]]>([
    ['signed a minute ahead is taken', caseNowSeconds + 60, caseNowSeconds + 1_000, []],
    ['signed later is refused', caseNowSeconds + 61, caseNowSeconds + 1_000, ['REQUEST_INVALID iat']],
    ['that ends next second is taken', caseNowSeconds - 10, caseNowSeconds + 1, []],
    ['that ends now is over', caseNowSeconds - 10, caseNowSeconds, ['REQUEST_EXPIRED exp']],
    ['of 28 days is taken', caseNowSeconds, caseNowSeconds + 28 * 86_400, []],
    ['a second longer is refused', caseNowSeconds, caseNowSeconds + 28 * 86_400 + 1, ['REQUEST_INVALID exp']],
    ['that ends before it begins is refused', caseNowSeconds + 60, caseNowSeconds + 60, ['REQUEST_INVALID exp']],
  ])('%s', (_, iat, exp, findings) => {
    expect(outcome((request) => Object.assign(request, { iat, exp }))).toEqual(findings)
  })
})

describe('a history', () => {
  const after = (change: Partial<RequestHistory>) => outcome(keep, casePolicy, { ...NONE, ...change })

  test.each<[Partial<RequestHistory>, string[]]>([
    [{ sameCase: 1 }, []],
    [{ sameCase: 2 }, ['CASE_LIMIT caseNumber']],
    [{ lastDay: 2, last30Days: 19, open: 4 }, []],
    [{ lastDay: 3 }, ['AGENCY_LIMIT iss']],
    [{ last30Days: 20 }, ['AGENCY_LIMIT iss']],
    [{ open: 5 }, ['AGENCY_LIMIT iss']],
    [{ overdue: 1 }, ['OUTCOME_DUE iss']],
    [{ overdue: 1, sameCase: 2 }, ['OUTCOME_DUE iss', 'CASE_LIMIT caseNumber']],
    [{ sameCase: 2, lastDay: 3, last30Days: 20, open: 5 }, ['CASE_LIMIT caseNumber', 'AGENCY_LIMIT iss']],
  ])('of %j gives %j', (history, findings) => {
    expect(after(history)).toEqual(findings)
  })
})

test('findings come in one order, whatever else is wrong', () => {
  const findings = outcome(
    (request) => {
      request.latchkey.caseNumber = 'N/A'
      request.latchkey.incidentType = 'protest'
      request.authorization_details[0]!.window = { startMs: nowMs - 1_000, endMs: nowMs + 1_000 }
      request.exp = request.iat
    },
    changed(casePolicy, (policy) => (policy.area.minimumM2 = 2_000_000)),
    { ...NONE, sameCase: 9 },
  )
  expect(findings).toEqual([
    'CASE_NUMBER_INVALID caseNumber',
    'PURPOSE_REFUSED incidentType',
    'AREA_TOO_SMALL area',
    'WINDOW_TOO_SHORT window',
    'WINDOW_IN_FUTURE window',
    'REQUEST_EXPIRED exp',
    'REQUEST_INVALID exp',
    'CASE_LIMIT caseNumber',
  ])
})
