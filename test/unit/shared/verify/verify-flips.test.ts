import { verifyBundle, verifyBundleZip } from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { rederiveBag, rehashBag } from '../../../support/bag-forger.ts'
import { createSeededRandom, IS_FULL, runs, tellSoak } from '../../../support/counts.ts'
import { bundleFilesOf, bundleZipOf, createSyntheticCase } from '../../../support/synthetic-case.ts'

const random = createSeededRandom(1)
const { parts, verifierTrust } = await createSyntheticCase({
  mediaBytes: [100, 50],
  quorum: 2,
  disclosure: { name: 'A. Owner' },
})
const files = await bundleFilesOf(parts)

const HASH_MANIFESTS = new Set(['manifest-sha256.txt', 'tagmanifest-sha256.txt'])
/** Bytes at which a file is changed in the reduced run: its ends and a seeded sample. */
const SAMPLES_PER_FILE = 4

function sampleOf(sizeBytes: number, count: number): number[] {
  return [0, sizeBytes - 1, ...Array.from({ length: count - 2 }, () => random(sizeBytes))]
}

/** Every byte in the full run. */
function positionsOf(sizeBytes: number): number[] {
  return IS_FULL ? Array.from({ length: sizeBytes }, (_, at) => at) : sampleOf(sizeBytes, SAMPLES_PER_FILE)
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at]! ^= 1 << random(8)
  return copy
}

/** What a verdict says of a change in `path` at byte `at`: nothing when it was found and its file named. */
function missed(forged: ReadonlyMap<string, Uint8Array>, path: string, at: number): string[] {
  const verdict = verifyBundle(forged, verifierTrust)
  if (verdict.passed) return [`${path} at ${at}: passed`]
  const named = verdict.checks.some((check) => check.findings.some((finding) => finding.file === path))
  return named ? [] : [`${path} at ${at}: found, not named`]
}

describe.each([...files.keys()])('one flipped bit in %s', (path) => {
  const bytes = files.get(path)!
  test('is found and its file named', () => {
    const misses = sampleOf(bytes.length, runs(SAMPLES_PER_FILE, 100)).flatMap((at) =>
      missed(new Map(files).set(path, flipped(bytes, at)), path, at),
    )
    expect(misses).toEqual([])
  })

  // A forger who writes the hashes anew gives these two files their true content.
  if (HASH_MANIFESTS.has(path)) return
  test('is found and named when the forger writes the hashes anew', () => {
    const positions = positionsOf(bytes.length)
    const misses = positions.flatMap((at) => missed(rehashBag(new Map(files).set(path, flipped(bytes, at))), path, at))
    expect(misses).toEqual([])
    tellSoak({
      what: 'flipped bytes, each byte of each file of a small bundle, hashes anew',
      count: positions.length,
      outcome: 'all found and named',
    })
  }, 600_000)

  test('is found when the forger derives every text anew', () => {
    const misses = sampleOf(bytes.length, runs(SAMPLES_PER_FILE, 100)).filter((at) => {
      const forged = rederiveBag(new Map(files).set(path, flipped(bytes, at)))
      // Deriving anew undoes a change in a derived file: then nothing is left to find.
      const isUndone = [...files].every(([name, original]) => Buffer.compare(original, forged.get(name)!) === 0)
      return !isUndone && verifyBundle(forged, verifierTrust).passed
    })
    expect(misses).toEqual([])
  })
})

describe('one flipped bit in the archive', () => {
  test('is found wherever it lies, headers and directory included', async () => {
    const zip = await bundleZipOf(parts)
    const positions = IS_FULL ? positionsOf(zip.length) : sampleOf(zip.length, 120)
    const passed = positions.filter((at) => verifyBundleZip(flipped(zip, at), verifierTrust).passed)
    expect(passed).toEqual([])
    tellSoak({ what: 'flipped bytes of a small bundle.zip', count: positions.length, outcome: 'all found' })
  }, 1_200_000)

  if (!IS_FULL) return
  test('is found in 10,000 random places, the hashes written anew', () => {
    const paths = [...files.keys()].filter((path) => !HASH_MANIFESTS.has(path))
    const misses = Array.from({ length: 10_000 }, () => paths[random(paths.length)]!).flatMap((path) => {
      const at = random(files.get(path)!.length)
      return missed(rehashBag(new Map(files).set(path, flipped(files.get(path)!, at))), path, at)
    })
    expect(misses).toEqual([])
    tellSoak({ what: 'random flips of a bundle, hashes anew', count: 10_000, outcome: 'all found and named' })
  }, 1_200_000)
})
