import { readdirSync } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { createVerifierTrust, type Trust, verifyBundleZip } from '@latchkey/shared'
import { zipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { latchkey, run } from '../support/command-line.ts'
import { decodeComplaints, footage, packetsOf } from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { openWithAge, processesOn, runWalkthrough, type WalkthroughCase } from '../support/walkthrough.ts'

/** What the doorbell is configured to in the demo: its default. */
const PRE_ROLL_MS = 5000
const VERIFY_MS_PER_30_S = 1000

const STEPS = [
  ...['camera', 'keys', 'relay', 'pair', 'record', 'request'],
  ...['consent', 'release', 'open', 'receipt', 'stop', 'verify'],
]

const footageFolder = footage('.')
const videos = footageFolder === undefined ? [] : readdirSync(footageFolder).filter((name) => name.endsWith('.mp4'))
const cameras = [
  { name: 'the drawn scene', camera: null },
  ...videos.map((name) => ({ name, camera: join(footageFolder!, name) })),
]
/** A minute each on two cores; here they share them with each other and with the tests beside this file. */
const WALKTHROUGH_MS = 60_000 * (cameras.length + 1)
const walks = new Map<string | null, WalkthroughCase>()

const isInside = (path: string, folder: string) => !relative(folder, path).startsWith('..')

async function loadTrust({ out }: WalkthroughCase) {
  return createVerifierTrust(JSON.parse(await readFile(join(out, 'trust.json'), 'utf8')) as Trust)
}

let folder: Awaited<ReturnType<typeof createTemporaryFolder>>

// Side by side: most of a walkthrough is waiting, and none may be in the way of another.
beforeAll(async () => {
  folder = await createTemporaryFolder()
  const runs = cameras.map(async ({ camera }, i) => {
    walks.set(camera, await runWalkthrough(join(folder.path, `walk-${i}`), camera))
  })
  await Promise.all(runs)
}, WALKTHROUGH_MS)
afterAll(() => folder[Symbol.asyncDispose]())

describe.each(cameras)('the walkthrough of $name', ({ camera }) => {
  let walk: WalkthroughCase
  beforeAll(() => {
    walk = walks.get(camera)!
  })

  test('ends with 0 in time, every step told with its time, and nothing left running', async () => {
    expect(walk.exit).toBe(0)
    expect(walk.tookMs).toBeLessThan(WALKTHROUGH_MS)
    for (const name of STEPS) expect(walk.output).toMatch(new RegExp(`^ +${name}: \\d+\\.\\d\\d s$`, 'm'))
    expect(await processesOn(folder.path)).toEqual([])
  })

  test('reports exactly what was promised', () => {
    const { report } = walk
    const number = expect.any(Number) as number
    const text = expect.any(String) as string
    expect(report).toEqual({
      steps: STEPS.map((name) => ({ name, ms: number })),
      clip: { items: number, bytes: number, startMs: number, endMs: number, preRollMs: number },
      paths: { source: text, relayData: text, agentData: text },
    })
    expect(report.clip.preRollMs).toBeGreaterThanOrEqual(PRE_ROLL_MS)
    expect(report.clip.endMs - report.clip.startMs).toBeGreaterThan(report.clip.preRollMs)
    expect(report.clip.items).toBeGreaterThan(walk.items.length)
  })

  test('keeps the source and the keys outside both data folders', async () => {
    const { source, relayData, agentData } = walk.report.paths
    const apart = [source, ...['requester.key', 'recovery.key', 'parties'].map((name) => join(walk.out, name))]
    for (const path of apart)
      for (const data of [relayData, agentData])
        expect(isInside(await realpath(path), await realpath(data)), `${path} in ${data}`).toBe(false)
  })

  test('leaves items that the stock age opens with the requester’s key and refuses with the household’s', async () => {
    expect(walk.items.length).toBeGreaterThanOrEqual(2)
    const plaintexts = []
    for (const path of walk.items) {
      expect(await openWithAge(walk, path, 'recovery.key')).toBeNull()
      plaintexts.push((await openWithAge(walk, path, 'requester.key'))!)
    }
    const joined = Buffer.concat(plaintexts)
    expect(decodeComplaints(joined)).toBe('')
    // `toBe(true)`: a failed comparison would print megabytes.
    expect(joined.equals(await readFile(join(walk.out, 'opened/original.mp4')))).toBe(true)
    expect((await run(['sha256sum', '-c', '--quiet', 'SHA256SUMS'], join(walk.out, 'opened'))).status).toBe(0)
  })

  test('leaves the camera’s own coded frames: a run of the source without a hole', () => {
    const hashesOf = (path: string) => packetsOf(path).map(({ sizeAndHash }) => sizeAndHash)
    const source = hashesOf(walk.report.paths.source)
    const original = hashesOf(join(walk.out, 'opened/original.mp4'))
    const from = source.indexOf(original[0]!)
    expect(from).toBeGreaterThanOrEqual(0)
    expect(original).toEqual(source.slice(from, from + original.length))
    if (camera !== null) expect(source).toEqual(hashesOf(camera))
  })

  test('leaves a bag that sha256sum confirms', async () => {
    for (const manifest of ['manifest-sha256.txt', 'tagmanifest-sha256.txt'])
      expect((await run(['sha256sum', '-c', '--quiet', manifest], walk.bag)).stderr).toBe('')
  })

  test('is verified offline in well under a second per half minute of video', async () => {
    const trust = await loadTrust(walk)
    const times = Array.from({ length: 3 }, () => {
      const startedMs = performance.now()
      expect(verifyBundleZip(walk.zip, trust)).toMatchObject({ passed: true })
      return performance.now() - startedMs
    })
    const clipMs = walk.report.clip.endMs - walk.report.clip.startMs
    const [best] = times.sort((a, b) => a - b)
    console.log(`verify: ${best!.toFixed(0)} ms for ${(clipMs / 1000).toFixed(1)} s, ${walk.zip.length} bytes`)
    expect(best).toBeLessThan((VERIFY_MS_PER_30_S * Math.max(clipMs, 15_000)) / 30_000)
    const words = ['verify', join(walk.out, 'bundle.zip'), '--trust', join(walk.out, 'trust.json')]
    const command = await latchkey(words, walk.out)
    expect(command.stdout).toContain('PASS')
    expect(command.status).toBe(0)
  })

  test('is verified after somebody packed it anew', async () => {
    const zip = zipSync(Object.fromEntries([...walk.files].reverse()), { level: 9 })
    expect(zip.length).not.toBe(walk.zip.length)
    expect(verifyBundleZip(zip, await loadTrust(walk)).passed).toBe(true)
  })
})
