import { checkConsentFresh, consentPhase } from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { casePolicy, changed, createConsentCase } from '../../../support/vector-case.ts'

const { payload } = createConsentCase().consent
const { iat, nbf, exp } = payload
const fresh = (receivedSeconds: number) =>
  checkConsentFresh(payload, receivedSeconds, casePolicy).map(({ code, field }) => `${code} ${String(field)}`)

describe('a consent that reaches the relay', () => {
  test.each<[name: string, receivedSeconds: number, findings: string[]]>([
    ['at once is fresh', iat, []],
    ['a minute after signing is fresh', iat + 60, []],
    ['later than that is stale', iat + 61, ['CONSENT_STALE nbf']],
    ['a minute before signing is within tolerance', iat - 60, []],
    ['earlier than that is from the future', iat - 61, ['CONSENT_INVALID iat']],
    ['at its end is stale and over', exp, ['CONSENT_STALE nbf', 'CONSENT_EXPIRED exp']],
  ])('%s', (_, receivedSeconds, findings) => {
    expect(fresh(receivedSeconds)).toEqual(findings)
  })

  test('needs no delay where policy has no undo period', () => {
    const rules = changed(casePolicy, (policy) =>
      Object.assign(policy.consent, { undoSeconds: 0, toleranceSeconds: 0 }),
    )
    expect(checkConsentFresh({ ...payload, nbf: iat }, iat, rules)).toEqual([])
    expect(checkConsentFresh({ ...payload, nbf: iat }, iat + 1, rules)).toHaveLength(1)
  })
})

test('a consent is early before nbf, live from nbf, and expired from exp', () => {
  expect([nbf - 1, nbf, exp - 1, exp].map((at) => consentPhase(payload, at))).toEqual([
    'early',
    'live',
    'live',
    'expired',
  ])
})
