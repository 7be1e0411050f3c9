import { NAL_LENGTH_BYTES } from './rtp-h264-assembler.ts'
import type { SequenceParameters } from './h264-parameter-sets.ts'

/** A track of H.264 pictures to announce. */
export interface AvcTrack {
  /** What the first of `sequenceSets` says. */
  readonly parameters: SequenceParameters
  /** NAL units; one at least, 31 at most. */
  readonly sequenceSets: readonly Uint8Array[]
  /** NAL units; one at least, 255 at most. */
  readonly pictureSets: readonly Uint8Array[]
  /** Ticks per second. */
  readonly timescale: number
}

/** The only track has this number. */
const TRACK_ID = 1
const NO_LANGUAGE = 0x55c4
const IDENTITY = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000]
const SEVENTY_TWO_DPI = 0x480000
const NO_COLOUR_TABLE = 0xffff
const DEPTH = 24
/** Profiles whose configuration says how colour is coded. @see ISO/IEC 14496-15 §5.3.3.1.2 */
const PROFILES_WITH_CHROMA: ReadonlySet<number> = new Set([100, 110, 122, 144])

const text = (letters: string) => Buffer.from(letters, 'latin1')

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, i) => bytes.writeUInt32BE(value, i * 4))
  return bytes
}

function halves(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2)
  values.forEach((value, i) => bytes.writeUInt16BE(value, i * 2))
  return bytes
}

function box(type: string, ...content: readonly Uint8Array[]): Buffer {
  const sizeBytes = content.reduce((sum, { length }) => sum + length, 8)
  return Buffer.concat([words(sizeBytes), text(type), ...content])
}

const set = (nal: Uint8Array) => Buffer.concat([halves(nal.length), nal])

/** @see ISO/IEC 14496-15 §5.3.3.1.2 */
function configuration({ parameters, sequenceSets, pictureSets }: AvcTrack): Buffer {
  const { chroma, profileIdc } = parameters
  const first = sequenceSets[0]!
  const colour = [0xfc | chroma.format, 0xf8 | (chroma.lumaBits - 8), 0xf8 | (chroma.chromaBits - 8), 0]
  return box(
    'avcC',
    Uint8Array.of(1, first[1]!, first[2]!, first[3]!, 0xfc | (NAL_LENGTH_BYTES - 1), 0xe0 | sequenceSets.length),
    ...sequenceSets.map(set),
    Uint8Array.of(pictureSets.length),
    ...pictureSets.map(set),
    Uint8Array.from(PROFILES_WITH_CHROMA.has(profileIdc) ? colour : []),
  )
}

/** @see ISO/IEC 14496-12 §12.1.3 */
function sampleEntry(track: AvcTrack): Buffer {
  const { width, height } = track.parameters
  const start = [words(0), halves(0, 1), words(0, 0, 0, 0), halves(width, height)]
  const resolution = [words(SEVENTY_TWO_DPI, SEVENTY_TWO_DPI, 0), halves(1)]
  return box('avc1', ...start, ...resolution, Buffer.alloc(32), halves(DEPTH, NO_COLOUR_TABLE), configuration(track))
}

function media(track: AvcTrack): Buffer {
  const handler = box('hdlr', words(0, 0), text('vide'), words(0, 0, 0), text('\0'))
  const data = box('dinf', box('dref', words(0, 1), box('url ', words(1))))
  const empty = ['stts', 'stsc', 'stco'].map((type) => box(type, words(0, 0)))
  const samples = box('stbl', box('stsd', words(0, 1), sampleEntry(track)), ...empty, box('stsz', words(0, 0, 0)))
  const header = box('mdhd', words(0, 0, 0, track.timescale, 0), halves(NO_LANGUAGE, 0))
  return box('mdia', header, handler, box('minf', box('vmhd', words(1, 0, 0)), data, samples))
}

/**
 * `ftyp` and `moov` of a fragmented file with this one track; its fragments carry everything else.
 * @see ISO/IEC 14496-12 §4.3, §8.2, §8.8
 */
export function encodeAvcInit(track: AvcTrack): { readonly ftyp: Uint8Array; readonly moov: Uint8Array } {
  const { width, height } = track.parameters
  const enabled = 3
  const movie = box(
    'mvhd',
    words(0, 0, 0, 1000, 0, 0x10000),
    halves(0x100, 0),
    words(0, 0, ...IDENTITY),
    Buffer.alloc(24),
    words(TRACK_ID + 1),
  )
  const place = [words(0, 0), halves(0, 0, 0, 0), words(...IDENTITY), halves(width, 0, height, 0)]
  const header = box('tkhd', words(enabled, 0, 0, TRACK_ID, 0, 0), ...place)
  const fragments = box('mvex', box('trex', words(0, TRACK_ID, 1, 0, 0, 0)))
  return {
    ftyp: box('ftyp', text('iso5'), words(0x200), text('iso5iso6mp41')),
    moov: box('moov', movie, box('trak', header, media(track)), fragments),
  }
}
