import { LatchkeyError } from '@latchkey/shared'
import type { VideoFormat } from '../flow.ts'
import { BoxReader, onlyChild, parseChildBoxes } from './box-reader.ts'
import { BOX_HEADER_BYTES } from './box-splitter.ts'

/** Defaults for samples that do not say otherwise. @see ISO/IEC 14496-12 §8.8.3 */
export interface SampleDefaults {
  readonly durationTicks: number
  readonly sizeBytes: number
  readonly flags: number
}

/** What an initialisation segment says. */
export interface ParsedInit {
  readonly format: VideoFormat
  readonly defaults: SampleDefaults
  /** Bytes of the length in front of each NAL unit: 1, 2 or 4. @see ISO/IEC 14496-15 §5.3.3 */
  readonly nalLengthBytes: number
}

/** The only track number we read and write: ffmpeg gives it to a file's first track. */
export const TRACK_ID = 1

const H264_ENTRIES: ReadonlySet<string> = new Set(['avc1', 'avc3'])

function assertTrackId(id: number): void {
  if (id !== TRACK_ID) throw new LatchkeyError('ENCODING_INVALID', `expected track ${TRACK_ID}, got ${id}`)
}

function parseTrackId(tkhd: Uint8Array): number {
  const reader = new BoxReader(tkhd, 'tkhd')
  reader.skip(reader.versionAndFlags().version === 1 ? 16 : 8)
  return reader.uint32()
}

function parseTimescale(mdhd: Uint8Array): number {
  const reader = new BoxReader(mdhd, 'mdhd')
  reader.skip(reader.versionAndFlags().version === 1 ? 16 : 8)
  const timescale = reader.uint32()
  if (timescale === 0) throw new LatchkeyError('ENCODING_INVALID', 'video track has no timescale')
  return timescale
}

function parseSampleEntry(stsd: Uint8Array): { width: number; height: number; nalLengthBytes: number } {
  const reader = new BoxReader(stsd, 'stsd')
  reader.versionAndFlags()
  if (reader.uint32() !== 1) throw new LatchkeyError('ENCODING_INVALID', 'expected one sample description')
  reader.uint32()
  const coding = reader.fourCharacters()
  if (!H264_ENTRIES.has(coding))
    throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the camera does not send H.264: set its codec to H.264 (AVC)')
  // Reserved, data reference index, pre-defined; then the size; then resolution, names and depth.
  reader.skip(24)
  const width = reader.uint16()
  const height = reader.uint16()
  reader.skip(50)
  const avcC = onlyChild(parseChildBoxes(reader.rest(), coding), 'avcC')
  const nalLengthBytes = ((avcC[4] ?? 0) & 3) + 1
  return { width, height, nalLengthBytes }
}

function parseDefaults(moov: ReadonlyMap<string, readonly Uint8Array[]>): SampleDefaults {
  const trex = onlyChild(parseChildBoxes(onlyChild(moov, 'mvex'), 'mvex'), 'trex')
  const reader = new BoxReader(trex, 'trex')
  reader.versionAndFlags()
  assertTrackId(reader.uint32())
  reader.uint32()
  return { durationTicks: reader.uint32(), sizeBytes: reader.uint32(), flags: reader.uint32() }
}

/**
 * `ftyp` and `moov` → how the stream is coded.
 * Untrusted: both boxes, headers included. `init` of the result is both, joined, as they are.
 * @throws ENCODING_INVALID for broken boxes or anything but one video track; SOURCE_UNSUPPORTED for other codecs
 * @see ISO/IEC 14496-12 §8.2, ISO/IEC 14496-15 §5.3
 */
export function parseInit(ftyp: Uint8Array, moov: Uint8Array): ParsedInit {
  const movie = parseChildBoxes(moov.subarray(BOX_HEADER_BYTES), 'moov')
  const track = parseChildBoxes(onlyChild(movie, 'trak'), 'trak')
  assertTrackId(parseTrackId(onlyChild(track, 'tkhd')))
  const media = parseChildBoxes(onlyChild(track, 'mdia'), 'mdia')
  const information = parseChildBoxes(onlyChild(media, 'minf'), 'minf')
  const table = parseChildBoxes(onlyChild(information, 'stbl'), 'stbl')
  const { width, height, nalLengthBytes } = parseSampleEntry(onlyChild(table, 'stsd'))
  const timescale = parseTimescale(onlyChild(media, 'mdhd'))
  const init = new Uint8Array(ftyp.length + moov.length)
  init.set(ftyp)
  init.set(moov, ftyp.length)
  const format: VideoFormat = { codec: 'h264', width, height, timescale, init }
  return { format, defaults: parseDefaults(movie), nalLengthBytes }
}
