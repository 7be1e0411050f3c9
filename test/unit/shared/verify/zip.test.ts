import { execFileSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { bundleZipSize, concatBytes, readZip, utf8, verifyBundleZip, writeZip, type ZipEntry } from '@latchkey/shared'
import { strToU8, zipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import { crc32 } from '../../../../shared/src/verify/crc32.ts'
import { bundleFilesOf, bundleZipOf, createSyntheticCase } from '../../../support/synthetic-case.ts'
import { createTemporaryFolder } from '../../../support/temporary-folder.ts'

async function pack(entries: readonly ZipEntry[]): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of writeZip(entries)) chunks.push(chunk)
  return concatBytes(...chunks)
}

const entry = (path: string, text = path): ZipEntry => ({ path, bytes: utf8(text) })
const refused = expect.objectContaining({ code: 'BUNDLE_INVALID' })

describe('CRC-32', () => {
  test('has the standard check value, whatever the alignment', () => {
    expect(crc32(utf8('123456789'))).toBe(0xcbf43926)
    expect(crc32(utf8('xx123456789').subarray(2))).toBe(0xcbf43926)
    expect(crc32(new Uint8Array(0))).toBe(0)
  })
})

describe('an archive of ours', () => {
  test('gives back its files and has the size that was foretold', async () => {
    const { parts } = await createSyntheticCase()
    const [zip, files] = [await bundleZipOf(parts), await bundleFilesOf(parts)]
    expect(zip.length).toBe(bundleZipSize(parts))
    expect(readZip(zip).findings).toEqual([])
    expect([...readZip(zip).files]).toEqual([...files])
  })

  test('is the same bytes every time', async () => {
    const { parts } = await createSyntheticCase()
    expect(await bundleZipOf(parts)).toEqual(await bundleZipOf(parts))
  })

  test('is taken by the unzip program', async () => {
    await using folder = await createTemporaryFolder()
    const { parts } = await createSyntheticCase()
    const path = join(folder.path, 'bundle.zip')
    await writeFile(path, await bundleZipOf(parts))
    expect(execFileSync('unzip', ['-tq', path], { encoding: 'utf8' })).toContain('No errors detected')
  })
})

describe('an untouched bundle packed again', () => {
  test('passes, compressed or stored, with or without a folder around it', async () => {
    const { parts, verifierTrust } = await createSyntheticCase()
    const files = await bundleFilesOf(parts)
    const repack = (prefix: string, level: 0 | 9) =>
      zipSync(Object.fromEntries([...files].map(([path, bytes]) => [prefix + path, bytes])), { level })
    for (const prefix of ['', 'bundle/'])
      for (const level of [0, 9] as const)
        expect(verifyBundleZip(repack(prefix, level), verifierTrust).passed).toBe(true)
  })

  test('passes when the zip program packed it', async () => {
    await using folder = await createTemporaryFolder()
    const { parts, verifierTrust } = await createSyntheticCase()
    for (const [path, bytes] of await bundleFilesOf(parts)) {
      await mkdir(join(folder.path, 'bundle', dirname(path)), { recursive: true })
      await writeFile(join(folder.path, 'bundle', path), bytes)
    }
    execFileSync('zip', ['-qr', 'again.zip', 'bundle'], { cwd: folder.path })
    execFileSync('sh', ['-c', 'zip -qr - . > ../streamed.zip'], { cwd: join(folder.path, 'bundle') })
    for (const name of ['again.zip', 'streamed.zip'])
      expect(verifyBundleZip(await readFile(join(folder.path, name)), verifierTrust).passed).toBe(true)
  })
})

describe('a hostile archive', () => {
  test.each(['../a', '/a', 'a/../b', 'a\\b', 'a//b', './a', 'a/.', 'C:a', 'ä', 'a b', ''])(
    'is refused for the path %j',
    (path) => {
      expect(() => readZip(zipSync({ [path]: strToU8('x') }))).toThrow(refused)
    },
  )

  test('is refused when a path stands twice', async () => {
    const zip = await pack([entry('a'), entry('a', 'b')])
    expect(() => readZip(zip)).toThrow(refused)
  })

  test('is refused when it unpacks to more than the bound', () => {
    const bomb = zipSync({ a: new Uint8Array(1_000_000) }, { level: 9 })
    expect(() => readZip(bomb, { maxTotalBytes: 999_999 })).toThrow(refused)
    expect(readZip(bomb, { maxTotalBytes: 1_000_000 }).files.get('a')?.length).toBe(1_000_000)
  })

  test('is found out when an entry unpacks to more than it claims', () => {
    const zip = zipSync({ a: new Uint8Array(1_000) }, { level: 9 })
    const view = new DataView(zip.buffer, zip.byteOffset)
    const central = zip.length - 22 - 47
    view.setUint32(22, 10, true)
    view.setUint32(central + 24, 10, true)
    expect(readZip(zip).findings).toMatchObject([{ code: 'BUNDLE_INVALID', file: 'a' }])
  })

  test.each([
    ['bytes before', (zip: Uint8Array) => concatBytes(utf8('x'), zip)],
    ['bytes behind', (zip: Uint8Array) => concatBytes(zip, utf8('x'))],
    ['a cut', (zip: Uint8Array) => zip.subarray(0, -1)],
    ['nothing', () => new Uint8Array(0)],
    ['its end alone', (zip: Uint8Array) => zip.subarray(-22)],
  ])('is refused for %s', (_, change) => {
    const zip = zipSync({ a: strToU8('x'), b: strToU8('y') }, { level: 0 })
    expect(() => readZip(change(zip))).toThrow(refused)
  })

  test('is refused when two entries share their data', () => {
    const zip = zipSync({ a: strToU8('same'), b: strToU8('same') }, { level: 0 })
    const copy = zip.slice()
    const view = new DataView(copy.buffer)
    const central = view.getUint32(copy.length - 6, true)
    view.setUint32(central + 47 + 42, 0, true)
    expect(() => readZip(copy)).toThrow(refused)
  })

  test('never makes the reader throw anything else, cut or changed anywhere', async () => {
    const zip = await pack([entry('a', 'some text'), entry('b/c', 'more')])
    for (let at = 0; at < zip.length; at++) {
      const copy = zip.slice()
      copy[at]! ^= 0xff
      for (const hostile of [copy, zip.subarray(0, at)]) {
        const read = () => readZip(hostile).findings.length
        let outcome: unknown
        try {
          outcome = read()
        } catch (error) {
          outcome = error
        }
        expect(outcome === 1 || (outcome as { code?: string }).code !== undefined).toBe(true)
      }
    }
  })
})

describe('half a minute of video', () => {
  test('verifies within a second', async () => {
    // 15 segments of 2 s at 8 Mbit/s, the upper end of doorbell cameras.
    const { parts, verifierTrust } = await createSyntheticCase({
      mediaBytes: Array.from({ length: 15 }, () => 2_000_000),
    })
    const zip = await bundleZipOf(parts)
    // Of this thread: what other tests do meanwhile does not count.
    const before = process.threadCpuUsage()
    const { passed } = verifyBundleZip(zip, verifierTrust)
    const { user, system } = process.threadCpuUsage(before)
    expect(passed).toBe(true)
    expect((user + system) / 1000).toBeLessThan(1_000)
  })
})
