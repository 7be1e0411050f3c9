import { LatchkeyError } from '@latchkey/shared'
import { type MediaBox, createBoxSplitter } from './box-splitter.ts'
import { type Sample, parseFragment } from './fmp4-fragment-parser.ts'
import { type ParsedInit, parseInit, type TrackInit } from './fmp4-init.ts'

/** What a fragmented MP4 stream is made of, in order: one `init`, then fragments. */
export type StreamPart<Init extends TrackInit = ParsedInit> =
  | { readonly kind: 'init'; readonly init: Init }
  /** `boxes`: the `moof` and the `mdat` as they came. */
  | {
      readonly kind: 'fragment'
      readonly samples: readonly Sample[]
      readonly boxes: readonly [Uint8Array, Uint8Array]
    }

/** Bytes → parts. */
export interface Fmp4Demuxer<Init extends TrackInit = ParsedInit> {
  /** The parts that `chunk` completes. Untrusted: `chunk`. @throws ENCODING_INVALID | SOURCE_UNSUPPORTED */
  push(chunk: Uint8Array): StreamPart<Init>[]
  /** To be called at the end of the stream. @throws ENCODING_INVALID when it ends in the middle of something */
  end(): void
}

/** Boxes that carry nothing we use. */
const PASSED_OVER: ReadonlySet<string> = new Set(['styp', 'sidx', 'mfra', 'free'])

/** Builds a demuxer for one stream with a single H.264 track, cut into pieces of any size. */
export function createFmp4Demuxer(): Fmp4Demuxer {
  return createTrackDemuxer(parseInit)
}

/** Builds a demuxer for one stream with a single track, cut into pieces of any size. `parse`: of `ftyp` and `moov`. */
export function createTrackDemuxer<Init extends TrackInit>(
  parse: (ftyp: Uint8Array, moov: Uint8Array) => Init,
): Fmp4Demuxer<Init> {
  const splitter = createBoxSplitter()
  let init: Init | undefined
  let previous: MediaBox | undefined

  function pair(first: string, second: MediaBox): Uint8Array {
    if (previous?.type !== first) throw new LatchkeyError('ENCODING_INVALID', `box ${second.type} comes out of order`)
    const bytes = previous.bytes
    previous = undefined
    return bytes
  }

  function onBox(box: MediaBox): StreamPart<Init> | undefined {
    if (box.type === 'moov' && init === undefined) {
      init = parse(pair('ftyp', box), box.bytes)
      return { kind: 'init', init }
    }
    if (box.type === 'mdat' && init !== undefined) {
      const moof = pair('moof', box)
      return { kind: 'fragment', samples: parseFragment(moof, box.bytes, init.defaults), boxes: [moof, box.bytes] }
    }
    const expected = init === undefined ? 'ftyp' : 'moof'
    if (box.type !== expected || previous !== undefined)
      throw new LatchkeyError('ENCODING_INVALID', `box ${box.type} comes out of order`)
    previous = box
    return undefined
  }

  return {
    push(chunk) {
      const boxes = splitter.push(chunk).filter((box) => !PASSED_OVER.has(box.type))
      return boxes.map(onBox).filter((part) => part !== undefined)
    },
    end() {
      splitter.end()
      if (previous !== undefined) throw new LatchkeyError('ENCODING_INVALID', 'video stream ends inside a fragment')
    },
  }
}
