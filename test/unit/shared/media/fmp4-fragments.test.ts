import { execFileSync } from 'node:child_process'
import { beforeAll, describe, expect, it } from 'vitest'
import { LatchkeyError } from '../../../../shared/src/errors.ts'
import { type Fmp4Piece, readFmp4Pieces } from '../../../../shared/src/media/fmp4-fragments.ts'

const FLAGS = 'frag_keyframe+empty_moov+default_base_moof'

/** 6 s of a drawn scene as ffmpeg pipes it: a keyframe every second, pieces of at least two. */
function drawnFmp4(...coding: string[]): Buffer {
  const input = ['-f', 'lavfi', '-i', 'testsrc2=size=64x48:rate=10:duration=6', '-pix_fmt', 'yuv420p']
  const muxing = ['-f', 'mp4', '-movflags', FLAGS, '-min_frag_duration', '2000000', 'pipe:1']
  return execFileSync('ffmpeg', ['-v', 'error', ...input, ...coding, ...muxing], { maxBuffer: 1 << 26 })
}

async function* cut(bytes: Uint8Array, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += sizeBytes) yield bytes.subarray(at, at + sizeBytes)
}

async function piecesOf(bytes: Uint8Array, sizeBytes = bytes.length): Promise<Fmp4Piece[]> {
  const pieces: Fmp4Piece[] = []
  for await (const piece of readFmp4Pieces(cut(bytes, sizeBytes))) pieces.push(piece)
  return pieces
}

/** Reads to the end; the code where it is refused. */
async function outcomeOf(bytes: Uint8Array): Promise<string> {
  try {
    await piecesOf(bytes)
    return 'read'
  } catch (error) {
    return error instanceof LatchkeyError ? error.code : `unexpected ${String(error)}`
  }
}

let video: Buffer

beforeAll(() => {
  video = drawnFmp4('-c:v', 'libx264', '-preset', 'ultrafast', '-g', '10')
})

describe('readFmp4Pieces', () => {
  it('joined pieces are the stream without its closing index', async () => {
    const pieces = await piecesOf(video)
    expect(pieces.map(({ kind }) => kind)).toEqual(['init', 'media', 'media', 'media'])
    const joined = Buffer.concat(pieces.map(({ bytes }) => bytes))
    expect(joined.equals(video.subarray(0, joined.length))).toBe(true)
    expect(video.toString('latin1', joined.length + 4, joined.length + 8)).toBe('mfra')
  })

  it('pieces join in time without gap or overlap', async () => {
    const media = (await piecesOf(video)).filter((piece) => piece.kind === 'media')
    expect(media.map(({ startMs, durationMs }) => [startMs, durationMs])).toEqual([
      [0, 2000],
      [2000, 2000],
      [4000, 2000],
    ])
  })

  it('bidirectional frames change nothing: time is counted in decode order from the first sample', async () => {
    const media = (await piecesOf(drawnFmp4('-c:v', 'libx264', '-preset', 'veryfast', '-g', '10', '-bf', '2'))).slice(1)
    expect(media[0]).toMatchObject({ kind: 'media', startMs: 0, durationMs: 2000 })
  })

  it('the same pieces come from a stream in single bytes and in odd chunks', async () => {
    const whole = await piecesOf(video)
    expect(await piecesOf(video, 1)).toEqual(whole)
    expect(await piecesOf(video, 1009)).toEqual(whole)
  })

  it('another codec is refused by name', async () => {
    expect(await outcomeOf(drawnFmp4('-c:v', 'mpeg4'))).toBe('SOURCE_UNSUPPORTED')
  })

  it('a stream cut anywhere is refused, or ends at a whole piece', async () => {
    const ends = new Set([0])
    let endBytes = 0
    for (const { bytes } of await piecesOf(video)) ends.add((endBytes += bytes.length))
    const initBytes = [...ends][1]!
    for (let size = 0; size < video.length; size += size < 2000 ? 1 : 97) {
      const outcome = await outcomeOf(video.subarray(0, size))
      expect([size, outcome]).toEqual([size, ends.has(size) && size >= initBytes ? 'read' : 'ENCODING_INVALID'])
    }
  })

  it('one flipped bit in each byte of the box structure never escapes as anything but one of our codes', async () => {
    const pieces = await piecesOf(video)
    const structureBytes = pieces[0]!.bytes.length + new DataView(pieces[1]!.bytes.buffer).getUint32(0) + 8
    for (let at = 0; at < structureBytes; at++) {
      const damaged = Uint8Array.from(video)
      damaged[at]! ^= 1 << (at % 8)
      expect(['read', 'ENCODING_INVALID', 'SOURCE_UNSUPPORTED']).toContain(await outcomeOf(damaged))
    }
  })

  it('a box that claims gigabytes is refused before anything is allocated', async () => {
    const claim = Uint8Array.from(video)
    const mdatAt = video.indexOf('mdat') - 4
    claim.set([0x7f, 0xff, 0xff, 0xff], mdatAt)
    expect(await outcomeOf(claim)).toBe('ENCODING_INVALID')
  })
})
