import { type Verdict, verifyBundle, verifyBundleZip } from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { bundleFilesOf, bundleZipOf, createSyntheticCase } from '../../../support/synthetic-case.ts'

const statuses = (verdict: Verdict) => verdict.checks.map(({ status }) => status)
const findings = (verdict: Verdict) => verdict.checks.flatMap((check) => check.findings)

describe('an untouched bundle', () => {
  test('passes every check with the requester key', async () => {
    const { parts, verifierTrust, parties } = await createSyntheticCase()
    const verdict = verifyBundleZip(await bundleZipOf(parts), verifierTrust, { identity: parties.requester.identity })
    expect(findings(verdict)).toEqual([])
    expect(new Set(statuses(verdict))).toEqual(new Set(['passed']))
    expect(verdict.passed).toBe(true)
  })
  test('passes without log and relay, and says that nobody vouches for them', async () => {
    const { parts, verifierTrust } = await createSyntheticCase({ isOffline: true })
    const verdict = verifyBundle(await bundleFilesOf(parts), verifierTrust)
    expect(findings(verdict)).toEqual([])
    expect(verdict.checks.filter(({ status }) => status === 'not-applicable').map(({ number }) => number)).toEqual([
      11, 12, 14,
    ])
  })
})
