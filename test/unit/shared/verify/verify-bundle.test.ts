import {
  generateIdentity,
  type HeaderOpener,
  type Identity,
  type Verdict,
  verifyBundle,
  verifyBundleZip,
  verifyBundleZipWith,
} from '@latchkey/shared'
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

/** A key as a browser keeps it: there is no secret to take, and its answers take a promise. */
const promising = ({ recipient, publicKey, agree }: Identity): HeaderOpener => ({
  recipient,
  publicKey,
  agree: async (share) => agree(share),
})

describe('a key that answers with a promise', () => {
  test('gives the very verdict of one in memory, whatever the archive is', async () => {
    const { parts, verifierTrust, parties } = await createSyntheticCase()
    const { identity } = parties.requester
    const whole = await bundleZipOf(parts)
    const flipped = whole.with(Math.floor(whole.length / 3), 0)
    for (const zip of [whole, whole.subarray(0, 500), flipped, new Uint8Array(0)]) {
      const inMemory = verifyBundleZip(zip, verifierTrust, { identity, nowSeconds: 2_000_000_000 })
      const options = { opener: promising(identity), nowSeconds: 2_000_000_000 }
      expect(await verifyBundleZipWith(zip, verifierTrust, options)).toEqual(inMemory)
    }
  })

  test('opens nothing that was given to another', async () => {
    const { parts, verifierTrust } = await createSyntheticCase()
    const opener = promising(generateIdentity())
    const verdict = await verifyBundleZipWith(await bundleZipOf(parts), verifierTrust, { opener })
    expect(findings(verdict).map(({ code }) => code)).toEqual(['AGE_NO_MATCH'])
    expect(verdict.opened).toBeNull()
  })
})
