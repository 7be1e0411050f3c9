import fc from 'fast-check'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { parseRange, sealedAnswer, sliceOf } from '../../../relay/src/http/sealed-answer.ts'

describe('a Range header', () => {
  it.each([
    ['bytes=0-0', { first: 0, last: 0 }],
    ['bytes=10-19', { first: 10, last: 19 }],
    ['bytes=90-', { first: 90, last: 99 }],
    ['bytes=90-500', { first: 90, last: 99 }],
    ['bytes=-1', { first: 99, last: 99 }],
    ['bytes=-500', { first: 0, last: 99 }],
    ['bytes=-', null],
    ['bytes=5-2', null],
    ['bytes=0-1,4-5', null],
    ['items=0-1', null],
    [undefined, null],
  ])('%s of 100 bytes is %o', (header, expected) => {
    expect(parseRange(header, 100)).toEqual(expected)
  })

  it.each(['bytes=100-', 'bytes=100-200', 'bytes=-0'])('%s of 100 bytes is refused', (header) => {
    expect(() => parseRange(header, 100)).toThrow('100 bytes')
  })
})

const bytes = (size: number, start = 0) => Uint8Array.from({ length: size }, (_, i) => (start + i) % 251)

describe('a sealed item', () => {
  it('gives for every range the bytes of header and payload that the range names', async () => {
    const [header, payload] = [bytes(168), bytes(300, 168)]
    const whole = Buffer.concat([header, payload])
    const file = {
      header,
      payloadBytes: payload.length,
      open: ({ first, last } = { first: 0, last: payload.length - 1 }) =>
        Promise.resolve(Readable.from([payload.subarray(first, last + 1)], { objectMode: false })),
    }
    const place = fc.integer({ min: 0, max: whole.length - 1 })
    await fc.assert(
      fc.asyncProperty(place, place, async (a, b) => {
        const [first, last] = [Math.min(a, b), Math.max(a, b)]
        const answer = sealedAnswer(file, `bytes=${first}-${last}`)
        const chunks: Buffer[] = []
        for await (const chunk of (answer as unknown as { stream: AsyncIterable<Buffer> }).stream) chunks.push(chunk)
        expect(Buffer.concat(chunks)).toEqual(whole.subarray(first, last + 1))
        expect(answer.headers?.['content-length']).toBe(String(last - first + 1))
      }),
      { numRuns: 100, seed: 1 },
    )
  })
})

it('a slice of a stream is the same however the stream is cut', async () => {
  const whole = bytes(500)
  const place = fc.integer({ min: 0, max: whole.length - 1 })
  await fc.assert(
    fc.asyncProperty(place, place, fc.integer({ min: 1, max: 97 }), async (a, b, cut) => {
      const range = { first: Math.min(a, b), last: Math.max(a, b) }
      const chunks = Array.from({ length: Math.ceil(500 / cut) }, (_, i) => whole.subarray(i * cut, (i + 1) * cut))
      const got: Uint8Array[] = []
      for await (const part of sliceOf(Readable.from(chunks), range)) got.push(part)
      expect(Buffer.concat(got)).toEqual(Buffer.from(whole.subarray(range.first, range.last + 1)))
    }),
    { numRuns: 100, seed: 2 },
  )
})
