/** Two bundles side by side: what they share, and whether the log behind them showed two histories. */
import { type BundleParts, encodeBase64url, type LoggedAt } from '@latchkey/shared'
import { beforeAll, expect, test } from 'vitest'
import { compareBundleZips } from '../../../../shared/src/verify/compare-bundles.ts'
import { bundleZipOf, createSyntheticCase, seededBytes, type SyntheticCase } from '../../../support/synthetic-case.ts'

let one: SyntheticCase
let other: SyntheticCase
let zip: Uint8Array

beforeAll(async () => {
  // Sealing is random: the same log's key signs other leaves.
  one = await createSyntheticCase()
  other = await createSyntheticCase()
  zip = await bundleZipOf(one.parts)
})

/** The same bundle, its leaves proved again when the log had grown. */
async function grown({ log, parts }: SyntheticCase, size: number): Promise<Uint8Array> {
  const { hour } = parts.request.logged!
  while (log.size < size)
    log.append({ v: 1, type: 'sealed', data: encodeBase64url(seededBytes(`leaf ${log.size}`)), hour })
  const again = async <T extends { readonly logged: LoggedAt | null }>(part: T): Promise<T> =>
    part.logged === null ? part : { ...part, logged: { ...part.logged, proof: await log.prove(part.logged.index) } }
  const proved: BundleParts = {
    ...parts,
    keysets: await Promise.all(parts.keysets.map(again)),
    device: await again(parts.device),
    request: await again(parts.request),
    agency: (await again(parts.agency as { logged: LoggedAt | null })) as BundleParts['agency'],
    policy: await again(parts.policy),
    consent: await again(parts.consent),
    release: parts.release && (await again(parts.release)),
  }
  return bundleZipOf(proved)
}

const compare = (a: Uint8Array, b: Uint8Array) => compareBundleZips([a, b], one.verifierTrust)

test('a bundle and itself are the same in everything', () => {
  const { verdicts, same, items, log } = compare(zip, zip)
  expect(verdicts.map(({ passed }) => passed)).toEqual([true, true])
  expect(same).toEqual({ clip: true, request: true, consent: true })
  expect(items).toEqual({ first: [], second: [], differ: [] })
  expect(log.state).toBe('consistent')
})

test('two histories of one log are shown by two bundles that each pass, at one size and at two', async () => {
  const rival = await bundleZipOf(other.parts)
  const atOne = compare(zip, rival)
  expect(atOne.verdicts.map(({ passed }) => passed)).toEqual([true, true])
  expect(atOne.same).toMatchObject({ consent: false })
  expect(atOne.log).toEqual({ state: 'contradicted', message: 'the log signed two trees of 16 leaves' })
  const atTwo = compare(zip, await grown(other, 32))
  expect(atTwo.verdicts.map(({ passed }) => passed)).toEqual([true, true])
  expect(atTwo.log.state).toBe('contradicted')
})

test('a log that only grew is told where the proofs join, and left open where they do not', async () => {
  const [at17, at20, at32] = [await grown(one, 17), await grown(one, 20), await grown(one, 32)]
  expect(compare(zip, at32)).toMatchObject({ log: { state: 'consistent' }, same: { consent: true } })
  expect(compare(at32, zip).log.state).toBe('consistent')
  expect(compare(at17, at20).log.state).toBe('untold')
  expect(compareBundleZips([zip, zip], { ...one.verifierTrust, log: null }).log.state).toBe('untold')
})

test('what is no bundle fails and is compared with nothing', () => {
  const { verdicts, same, items, log } = compare(zip, zip.subarray(0, 100))
  expect(verdicts.map(({ passed }) => passed)).toEqual([true, false])
  expect([same, items, log.state]).toEqual([null, null, 'untold'])
})
