import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { acceptsGzip, decodeContent } from '../../../relay/src/http/compression.ts'

test.each([
  ['gzip', true],
  ['gzip, deflate, br, zstd', true],
  ['br;q=1.0, GZIP ; q=0.5', true],
  ['gzip;q=0', false],
  ['gzip;q=0.000, br', false],
  ['br, deflate', false],
  ['xgzip', false],
  ['gzip;q=yes', false],
  ['', false],
  [undefined, false],
])('an answer for who says %j is packed: %j', (header, packed) => {
  expect(acceptsGzip(header)).toBe(packed)
})

const TEXT = new TextEncoder().encode('{"headers":["abc"]}')
const codeOf = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return (error as { code: string }).code
  }
}

test('a body is read as it was written, packed or not', () => {
  expect(decodeContent(TEXT, undefined, TEXT.length)).toEqual(TEXT)
  expect(new Uint8Array(decodeContent(gzipSync(TEXT), 'GZIP', TEXT.length))).toEqual(TEXT)
})

test('a small body becomes no large one, and what is broken or packed otherwise is refused', () => {
  const bomb = gzipSync(new Uint8Array(50_000_000))
  expect(bomb.length).toBeLessThan(60_000)
  expect(codeOf(() => decodeContent(bomb, 'gzip', 65_536))).toBe('MESSAGE_TOO_LARGE')
  expect(codeOf(() => decodeContent(gzipSync(TEXT), 'gzip', TEXT.length - 1))).toBe('MESSAGE_TOO_LARGE')
  for (const length of [0, 5, gzipSync(TEXT).length - 1])
    expect(codeOf(() => decodeContent(gzipSync(TEXT).subarray(0, length), 'gzip', 100))).toBe('MESSAGE_INVALID')
  for (const coding of ['br', 'gzip, gzip', 'identity', ''])
    expect(codeOf(() => decodeContent(TEXT, coding, 100))).toBe('MEDIA_TYPE')
})
