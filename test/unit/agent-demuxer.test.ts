import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { LatchkeyError } from '@latchkey/shared'
import { type StreamPart, createFmp4Demuxer } from '../../device-agent/src/camera/fmp4-demuxer.ts'
import { encodeFragment } from '../../device-agent/src/kernel/fmp4-fragment.ts'
import { fragmentedMp4 } from '../../infra/bench/camera/coded-video.ts'
import { REORDERED, makeVideo, packetsOf } from '../support/media-files.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

let bytes: Uint8Array
let path: string
let other: Uint8Array

beforeAll(async () => {
  const folder = await createTemporaryFolder()
  path = makeVideo(join(folder.path, 'reordered.mp4'), REORDERED)
  bytes = fragmentedMp4(path)
  other = fragmentedMp4(makeVideo(join(folder.path, 'other.mp4'), ['-c:v', 'mpeg4']))
  return () => folder[Symbol.asyncDispose]()
})

function demux(input: Uint8Array, cuts: readonly number[]): StreamPart[] {
  const demuxer = createFmp4Demuxer()
  const parts: StreamPart[] = []
  let at = 0
  for (const cut of [...cuts, input.length]) {
    parts.push(...demuxer.push(input.subarray(at, cut)))
    at = cut
  }
  demuxer.end()
  return parts
}

/** A stream broken somewhere may be refused or, where the damage is in coded data, be read: never anything else. */
function codeOfDemuxing(input: Uint8Array): string {
  try {
    demux(input, [])
    return 'read'
  } catch (error) {
    return error instanceof LatchkeyError ? error.code : `not ours: ${String(error)}`
  }
}

describe('the demuxer of ffmpeg’s fragmented MP4', () => {
  test('reads every frame with the times and bytes that ffmpeg reads', () => {
    const samples = demux(bytes, []).flatMap((part) => (part.kind === 'fragment' ? part.samples : []))
    const packets = packetsOf(path)
    expect(samples.map(({ data }) => data.length)).toEqual(
      packets.map(({ sizeAndHash }) => Number(sizeAndHash.split(' ')[0])),
    )
    // ffmpeg moves times so that decoding starts at 0; the distances stay.
    const shift = samples[0]!.dtsTicks - packets[0]!.dts
    expect(samples.map(({ dtsTicks, ptsTicks }) => [dtsTicks - shift, ptsTicks - shift])).toEqual(
      packets.map(({ dts, pts }) => [dts, pts]),
    )
    expect(samples.some(({ dtsTicks, ptsTicks }) => ptsTicks !== dtsTicks)).toBe(true)
  })

  test('gives the same parts however the bytes are cut, also one by one', () => {
    const whole = demux(bytes, [])
    expect(
      demux(
        bytes,
        Array.from({ length: bytes.length }, (_, i) => i),
      ),
    ).toEqual(whole)
    const cuts = fc.array(fc.nat(bytes.length), { maxLength: 40 }).map((list) => list.sort((a, b) => a - b))
    fc.assert(
      fc.property(cuts, (at) => {
        expect(demux(bytes, at)).toEqual(whole)
      }),
      { numRuns: 20, seed: 1 },
    )
  })

  test('reads fragments of whole groups like fragments of single frames', () => {
    const single = demux(bytes, []).flatMap((part) => (part.kind === 'fragment' ? part.samples : []))
    const grouped = demux(fragmentedMp4(path, 'frag_keyframe'), [])
    expect(grouped.length).toBeLessThan(single.length)
    expect(grouped.flatMap((part) => (part.kind === 'fragment' ? part.samples : []))).toEqual(single)
  })

  test('refuses a stream that ends anywhere but between fragments', () => {
    const ends = new Set([0])
    let at = 0
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    for (const type = (i: number) => Buffer.from(bytes.subarray(i + 4, i + 8)).toString(); at < bytes.length;) {
      const kind = type(at)
      at += view.getUint32(at)
      if (kind === 'moov' || kind === 'mdat') ends.add(at)
    }
    for (let cut = 0; cut < Math.min(6000, bytes.length); cut++)
      expect(codeOfDemuxing(bytes.subarray(0, cut)), `cut at ${cut}`).toBe(ends.has(cut) ? 'read' : 'ENCODING_INVALID')
  })

  test('answers every flipped byte of the boxes with a code of ours or with a picture', () => {
    for (let at = 0; at < 1600; at++) {
      const damaged = Uint8Array.from(bytes)
      damaged[at]! ^= 0xff
      expect(['read', 'ENCODING_INVALID', 'SOURCE_UNSUPPORTED'], `byte ${at}`).toContain(codeOfDemuxing(damaged))
    }
  })

  test('names a codec that is not H.264 as unsupported', () => {
    expect(codeOfDemuxing(other)).toBe('SOURCE_UNSUPPORTED')
  })

  test('refuses a box before it allocates what the box claims', () => {
    const huge = Uint8Array.from(bytes.subarray(0, 28 + 8))
    new DataView(huge.buffer).setUint32(28, 0x7fffffff)
    const push = () => createFmp4Demuxer().push(huge)
    expect(push).toThrow(expect.objectContaining({ code: 'ENCODING_INVALID' }))
  })
})

describe('the fragment writer', () => {
  const ticks = fc.integer({ min: 1, max: 2 ** 31 - 1 })
  const frame = fc.record({
    data: fc.uint8Array({ maxLength: 50 }),
    durationTicks: ticks,
    offset: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    keyframe: fc.boolean(),
  })

  let init: Uint8Array
  beforeAll(() => {
    const [part] = demux(bytes, [])
    if (part?.kind === 'init') init = part.init.format.init
  })

  test('writes what the demuxer reads back, to the last bit', () => {
    const first = fc.integer({ min: 0, max: 2 ** 52 })
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 20 }), first, (list, startTicks) => {
        let dtsTicks = startTicks
        const frames = list.map(({ offset, ...rest }) => {
          const at = { ...rest, dtsTicks, ptsTicks: dtsTicks + offset, captureMs: 0, monotonicMs: 0 }
          dtsTicks += rest.durationTicks
          return at
        })
        const fragment = encodeFragment({ frames, sequence: 1, originTicks: startTicks })
        const reader = createFmp4Demuxer()
        reader.push(init)
        const [part] = reader.push(fragment)
        const read = part?.kind === 'fragment' ? part.samples : []
        expect(read.map(({ data, sync, ...times }) => ({ data: [...data], sync, ...times }))).toEqual(
          frames.map(({ data, keyframe, dtsTicks: dts, ptsTicks: pts, durationTicks }) => ({
            data: [...data],
            sync: keyframe,
            dtsTicks: dts - startTicks,
            ptsTicks: pts - startTicks,
            durationTicks,
          })),
        )
      }),
      { numRuns: 50, seed: 1 },
    )
  })
})
