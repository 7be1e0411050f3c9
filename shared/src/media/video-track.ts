import { LatchkeyError } from '../errors.ts'
import { boxAt, childBoxes, readFields } from './mp4-boxes.ts'

/** How to play a clip's video track: what an `init` item tells. */
export interface VideoTrack {
  /** As `MediaSource` takes it, such as `video/mp4; codecs="avc1.64001f"`. @see RFC 6381 §3 */
  readonly mime: string
  /** Ticks per second of the track's times. */
  readonly timescale: number
}

/** Fields of a VisualSampleEntry before its boxes. @see ISO/IEC 14496-12 §12.1.3 */
const VISUAL_ENTRY_BYTES = 78
const AVC_CONFIGURATION_BYTES = 7
const HEVC_CONFIGURATION_BYTES = 23
const STSD_HEADER_BYTES = 8

const broken = (message: string) => new LatchkeyError('ENCODING_INVALID', message)
const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0'))

function configuration(entry: Uint8Array, type: 'avcC' | 'hvcC', leastBytes: number): Uint8Array {
  if (entry.length < VISUAL_ENTRY_BYTES) throw broken('the sample entry is too short')
  const found = boxAt(entry.subarray(VISUAL_ENTRY_BYTES), type)
  if (found.length < leastBytes || found[0] !== 1) throw broken(`the ${type} box is not of version 1`)
  return found
}

/** @see ISO/IEC 14496-15 §5.3.3, RFC 6381 §3.3 */
function avcCodec(name: string, entry: Uint8Array): string {
  return `${name}.${hex(configuration(entry, 'avcC', AVC_CONFIGURATION_BYTES).subarray(1, 4)).join('')}`
}

function reversedBits(word: number): number {
  let reversed = 0
  for (let bit = 0; bit < 32; bit++) reversed = (reversed << 1) | ((word >>> bit) & 1)
  return reversed >>> 0
}

/** @see ISO/IEC 14496-15 annex E.3 */
function hevcCodec(name: string, entry: Uint8Array): string {
  const record = configuration(entry, 'hvcC', HEVC_CONFIGURATION_BYTES)
  const general = record[1]!
  const space = ['', 'A', 'B', 'C'][general >>> 6]!
  const tier = general & 0x20 ? 'H' : 'L'
  const compatible = new DataView(record.buffer, record.byteOffset).getUint32(2)
  const constraints = [...record.subarray(6, 12)]
  while (constraints.at(-1) === 0) constraints.pop()
  const parts = [
    `${space}${general & 0x1f}`,
    reversedBits(compatible).toString(16).toUpperCase(),
    `${tier}${record[12]!}`,
  ]
  return [name, ...parts, ...constraints.map((byte) => byte.toString(16).toUpperCase())].join('.')
}

function codecOf(stsd: Uint8Array): string {
  const entries = [...childBoxes(stsd.subarray(STSD_HEADER_BYTES))]
  const [name, [entry, ...others] = []] = entries[0] ?? []
  if (name === undefined || entry === undefined || others.length > 0 || entries.length > 1)
    throw broken('expected exactly one sample entry')
  if (name === 'avc1' || name === 'avc3') return avcCodec(name, entry)
  if (name === 'hvc1' || name === 'hev1') return hevcCodec(name, entry)
  throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the video is neither H.264 nor H.265')
}

/**
 * The one track of an `init` item.
 * Untrusted: `init`.
 * @throws ENCODING_INVALID | SOURCE_UNSUPPORTED
 */
export function parseVideoInit(init: Uint8Array): VideoTrack {
  const media = boxAt(init, 'moov', 'trak', 'mdia')
  const mdhd = readFields(boxAt(media, 'mdhd'))
  mdhd.skip(mdhd.version === 1 ? 16 : 8)
  const timescale = mdhd.uint32()
  if (timescale === 0) throw broken('the video track has no timescale')
  return { mime: `video/mp4; codecs="${codecOf(boxAt(media, 'minf', 'stbl', 'stsd'))}"`, timescale }
}

/**
 * When the first fragment of a `media` item begins, in ticks of its track. It need not be 0 for the first item.
 * Untrusted: `media`.
 * @throws ENCODING_INVALID
 * @see ISO/IEC 14496-12 §8.8.12
 */
export function parseFirstDecodeTicks(media: Uint8Array): number {
  const [moof] = childBoxes(media).get('moof') ?? []
  if (moof === undefined) throw broken('expected a moof box')
  return readFields(boxAt(moof, 'traf', 'tfdt')).versioned()
}
