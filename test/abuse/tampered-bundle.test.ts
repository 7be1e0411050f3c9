import { createVerifierTrust, readZip, trust as trustFile, verifyBundle, verifyBundleZip } from '@latchkey/shared'
import { beforeAll, describe, expect, it } from 'vitest'
import { rederiveBag, rehashBag } from '../support/bag-forger.ts'
import { createSeededRandom, runs, tellSoak } from '../support/counts.ts'
import { downloadBundle } from '../support/released-bundle.ts'
import { createCase, createRelayWorld } from '../support/relay-world.ts'

type Files = ReadonlyMap<string, Uint8Array>

/** Whoever writes the hashes anew writes these too: a change of theirs is undone. */
const HASH_MANIFESTS = ['manifest-sha256.txt', 'tagmanifest-sha256.txt']
const SEED = 20_261_122

let zip: Uint8Array
let files: Files
/** The bundle of another case from the same relay: everything in it is genuine, in its place. */
let otherFiles: Files
let trust: ReturnType<typeof createVerifierTrust>

beforeAll(async () => {
  // The relay is gone when the tests begin: what they do needs no relay, and must not.
  await using world = await createRelayWorld()
  zip = await downloadBundle(world, await createCase(world, { media: 2 }))
  otherFiles = readZip(await downloadBundle(world, await createCase(world, { media: 2 }))).files
  trust = createVerifierTrust(await world.anyone.json('GET', '/v1/trust.json', trustFile))
  files = readZip(zip).files
})

/** What a verdict says of a change in `path`; null when it was found and its file named. */
function miss(forged: Files, path: string, what: string): string | null {
  const verdict = verifyBundle(forged, trust)
  if (verdict.passed) return `${path}, ${what}: passed`
  const isNamed = verdict.checks.some(({ findings }) => findings.some(({ file }) => file === path))
  return isNamed ? null : `${path}, ${what}: found, not named`
}

const found = (misses: readonly (string | null)[]): string[] => misses.filter((it) => it !== null)

/** `count` copies of the files, each with one flipped bit. */
function* flips(
  count: number,
  paths: readonly string[],
): Generator<{ forged: Map<string, Uint8Array>; path: string; what: string }> {
  const random = createSeededRandom(SEED)
  for (let i = 0; i < count; i++) {
    const path = paths[random(paths.length)]!
    const bytes = files.get(path)!.slice()
    const at = random(bytes.length)
    bytes[at]! ^= 1 << random(8)
    yield { forged: new Map(files).set(path, bytes), path, what: `bit of byte ${at}` }
  }
}

const unhashed = () => [...files.keys()].filter((path) => !HASH_MANIFESTS.includes(path))

describe("a relay's bundle", () => {
  it('passes every check, with the relay gone', () => {
    const verdict = verifyBundleZip(zip, trust)
    const open = verdict.checks.filter(({ status }) => status !== 'passed')
    expect(open.map(({ name, status }) => `${name}: ${status}`)).toEqual(['decryption: not-applicable'])
  })

  it('gives away every flipped bit, and its file', () => {
    const count = runs(150, 10_000)
    const misses = [...flips(count, [...files.keys()])].map(({ forged, path, what }) => miss(forged, path, what))
    expect(found(misses)).toEqual([])
    tellSoak({ what: 'flipped bits in a bundle', count, outcome: 'all found, each file named' })
  }, 1_800_000)

  it('gives away every flipped bit, and its file, to whoever writes the hashes anew', () => {
    const count = runs(150, 10_000)
    const misses = [...flips(count, unhashed())].map(({ forged, path, what }) => miss(rehashBag(forged), path, what))
    expect(found(misses)).toEqual([])
    tellSoak({
      what: 'flipped bits in a bundle, its hashes written anew',
      count,
      outcome: 'all found, each file named',
    })
  }, 1_800_000)

  it('gives away every flipped bit of the archive itself', () => {
    const random = createSeededRandom(SEED)
    const count = runs(100, 10_000)
    const passed = Array.from({ length: count }, () => random(zip.length)).filter((at) => {
      const copy = zip.with(at, zip[at]! ^ (1 << random(8)))
      return verifyBundleZip(copy, trust).passed
    })
    expect(passed).toEqual([])
  }, 1_800_000)

  it('misses every file that is taken out, whoever writes the hashes anew', () => {
    const misses = unhashed().flatMap((path) => {
      const forged = new Map(files)
      forged.delete(path)
      return [miss(forged, path, 'removed'), miss(rehashBag(forged), path, 'removed, hashes anew')]
    })
    expect(found(misses)).toEqual([])
  })

  it('takes no file of another genuine bundle', () => {
    // The policy's leaf is one for both: its proof under the other checkpoint is true here too.
    const shared = unhashed().filter((path) => {
      if (path === 'data/proof/policy.tlog-proof') return false
      const other = otherFiles.get(path)
      return other !== undefined && Buffer.compare(other, files.get(path)!) !== 0
    })
    const passed = shared.filter((path) => {
      const forged = new Map(files).set(path, otherFiles.get(path)!)
      const rederived = rederiveBag(forged)
      const isUndone = [...files].every(([name, bytes]) => Buffer.compare(bytes, rederived.get(name)!) === 0)
      return verifyBundle(rehashBag(forged), trust).passed || (!isUndone && verifyBundle(rederived, trust).passed)
    })
    expect(shared.length).toBeGreaterThan(15)
    expect(passed).toEqual([])
  })

  it('takes no file beside its own', () => {
    const misses = ['data/proof/approval-1.jws', 'data/media/extra.age', 'extra.txt', 'data/proof/keyset-0002.jws'].map(
      (path) => miss(rehashBag(new Map(files).set(path, files.get('data/proof/consent.jws')!)), path, 'added'),
    )
    expect(found(misses)).toEqual([])
  })
})
