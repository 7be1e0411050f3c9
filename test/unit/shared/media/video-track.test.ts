import { execFileSync } from 'node:child_process'
import { beforeAll, describe, expect, it } from 'vitest'
import { LatchkeyError } from '../../../../shared/src/errors.ts'
import { parseFirstDecodeTicks, parseVideoInit } from '../../../../shared/src/media/video-track.ts'

/** Three seconds as ffmpeg fragments them, one fragment a second. */
function fragmented(...coding: string[]): Buffer {
  const input = ['-f', 'lavfi', '-i', 'testsrc2=size=64x48:rate=10:duration=3', '-pix_fmt', 'yuv420p']
  const muxing = ['-g', '10', '-f', 'mp4', '-movflags', 'frag_keyframe+empty_moov+default_base_moof', 'pipe:1']
  return execFileSync('ffmpeg', ['-v', 'error', ...input, ...coding, ...muxing], { maxBuffer: 1 << 26 })
}

/** `ftyp ‖ moov`, and the second `moof ‖ mdat`. */
function split(file: Buffer): { init: Buffer; media: Buffer } {
  const next = (from: number) => file.indexOf('moof', from, 'latin1') - 4
  const first = next(0)
  const second = next(first + 8)
  return { init: file.subarray(0, first), media: file.subarray(second, next(second + 8)) }
}

function outcomeOf(parse: () => unknown): string {
  try {
    parse()
    return 'read'
  } catch (error) {
    return error instanceof LatchkeyError ? error.code : `unexpected ${String(error)}`
  }
}

function box(type: string, ...parts: (Buffer | number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const header = Buffer.alloc(8)
  header.writeUInt32BE(8 + content.length)
  header.write(type, 4, 'latin1')
  return Buffer.concat([header, content])
}

const zeros = (count: number) => Buffer.alloc(count)

/** An init whose one sample entry is `entry`. */
const initOf = (...entries: Buffer[]) => {
  const stsd = box('stsd', zeros(7), [entries.length], ...entries)
  const mdhd = box('mdhd', zeros(12), [0, 0, 0x03, 0xe8], zeros(8))
  return Buffer.concat([
    box('ftyp', Buffer.from('isom')),
    box('moov', box('trak', box('mdia', mdhd, box('minf', box('stbl', stsd))))),
  ])
}

let video: { init: Buffer; media: Buffer }
beforeAll(() => {
  video = split(fragmented('-c:v', 'libx264', '-preset', 'ultrafast', '-profile:v', 'baseline', '-level', '3.1'))
})

describe('an init item', () => {
  it('tells the codec that ffmpeg wrote', () => {
    const { mime, timescale } = parseVideoInit(video.init)
    expect(mime).toMatch(/^video\/mp4; codecs="avc1\.42[0-9a-f]{2}1f"$/)
    expect(timescale).toBe(10_240)
  })

  it('tells H.265 as browsers ask for it', () => {
    // Main profile, level 3.1, as in the examples of ISO/IEC 14496-15 annex E.3.
    const record = Buffer.from([1, 0x01, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93, ...zeros(10)])
    const { mime } = parseVideoInit(initOf(box('hvc1', zeros(78), box('hvcC', record))))
    expect(mime).toBe('video/mp4; codecs="hvc1.1.6.L93.B0"')
    const high = Buffer.from([1, 0xa2, 0x20, 0, 0, 0, 0x90, 0, 0x10, 0, 0, 0, 120, ...zeros(10)])
    expect(parseVideoInit(initOf(box('hev1', zeros(78), box('hvcC', high)))).mime).toBe(
      'video/mp4; codecs="hev1.B2.4.H120.90.0.10"',
    )
  })

  it('of another codec, of two or of none is refused', () => {
    const avc = box('avc1', zeros(78), box('avcC', [1, 0x64, 0, 0x1f, 0, 0, 0]))
    expect(outcomeOf(() => parseVideoInit(initOf(avc)))).toBe('read')
    expect(outcomeOf(() => parseVideoInit(initOf(box('av01', zeros(78)))))).toBe('SOURCE_UNSUPPORTED')
    expect(outcomeOf(() => parseVideoInit(initOf(avc, avc)))).toBe('ENCODING_INVALID')
    expect(outcomeOf(() => parseVideoInit(initOf()))).toBe('ENCODING_INVALID')
    const old = box('avc1', zeros(78), box('avcC', [2, 0x64, 0, 0x1f, 0, 0, 0]))
    expect(outcomeOf(() => parseVideoInit(initOf(old)))).toBe('ENCODING_INVALID')
  })

  it('cut off anywhere is refused', () => {
    for (let length = 0; length < video.init.length; length++)
      expect(outcomeOf(() => parseVideoInit(video.init.subarray(0, length)))).toBe('ENCODING_INVALID')
  })

  it('with any byte changed is read or refused, never more', () => {
    for (let at = 0; at < video.init.length; at++) {
      const changed = Buffer.from(video.init)
      changed[at]! ^= 1 << (at % 8)
      expect(outcomeOf(() => parseVideoInit(changed))).toMatch(/^(read|ENCODING_INVALID|SOURCE_UNSUPPORTED)$/)
    }
  })
})

describe('a media item', () => {
  it('tells when it begins by its own clock', () => {
    expect(parseFirstDecodeTicks(video.media)).toBe(10_240)
  })

  it('without a fragment, or cut off in it, is refused', () => {
    expect(outcomeOf(() => parseFirstDecodeTicks(Buffer.alloc(0)))).toBe('ENCODING_INVALID')
    expect(outcomeOf(() => parseFirstDecodeTicks(video.init))).toBe('ENCODING_INVALID')
    for (let length = 1; length < 100; length++)
      expect(outcomeOf(() => parseFirstDecodeTicks(video.media.subarray(0, length)))).toBe('ENCODING_INVALID')
  })
})
