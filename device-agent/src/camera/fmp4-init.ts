import { LatchkeyError } from '@latchkey/shared'
import type { AudioFormat, VideoFormat } from '../flow.ts'
import { BoxReader, onlyChild, parseChildBoxes } from './box-reader.ts'
import { BOX_HEADER_BYTES } from './box-splitter.ts'

/** Defaults for samples that do not say otherwise. @see ISO/IEC 14496-12 §8.8.3 */
export interface SampleDefaults {
  readonly durationTicks: number
  readonly sizeBytes: number
  readonly flags: number
}

/** What every initialisation segment says. */
export interface TrackInit {
  readonly defaults: SampleDefaults
}

/** What the initialisation segment of a sound track says. */
export interface ParsedAudioInit extends TrackInit {
  readonly format: AudioFormat
}

/** What the initialisation segment of a video track says. */
export interface ParsedInit extends TrackInit {
  readonly format: VideoFormat
  /** Bytes of the length in front of each NAL unit: 1, 2 or 4. @see ISO/IEC 14496-15 §5.3.3 */
  readonly nalLengthBytes: number
}

/** The only track number we read and write: ffmpeg gives it to a file's first track. */
export const TRACK_ID = 1

interface VideoEntry {
  readonly codec: VideoFormat['codec']
  readonly configuration: 'avcC' | 'hvcC'
  /** Where the configuration says how long the lengths of NAL units are. @see ISO/IEC 14496-15 §5.3.3.1, §8.3.3.1 */
  readonly lengthAt: number
}

const H264: VideoEntry = { codec: 'h264', configuration: 'avcC', lengthAt: 4 }
const H265: VideoEntry = { codec: 'h265', configuration: 'hvcC', lengthAt: 21 }
const VIDEO_ENTRIES: ReadonlyMap<string, VideoEntry> = new Map([
  ['avc1', H264],
  ['avc3', H264],
  ['hvc1', H265],
  ['hev1', H265],
])

/** For a camera whose H.265 nobody asked for. */
export const H265_NOT_ASKED =
  'the camera sends H.265: set camera.hevc to true to record it as it is, or set the camera itself to H.264 (AVC)'

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

/** The one sample description of a track, up to and including its coding. */
function openSampleEntry(stsd: Uint8Array): { reader: BoxReader; coding: string } {
  const reader = new BoxReader(stsd, 'stsd')
  reader.versionAndFlags()
  if (reader.uint32() !== 1) throw new LatchkeyError('ENCODING_INVALID', 'expected one sample description')
  reader.uint32()
  return { reader, coding: reader.fourCharacters() }
}

interface SampleEntry {
  readonly codec: VideoFormat['codec']
  readonly width: number
  readonly height: number
  readonly nalLengthBytes: number
}

function parseSampleEntry(stsd: Uint8Array, hevc: boolean): SampleEntry {
  const { reader, coding } = openSampleEntry(stsd)
  const entry = VIDEO_ENTRIES.get(coding)
  if (entry === undefined)
    throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the camera does not send H.264: set its codec to H.264 (AVC)')
  if (entry.codec === 'h265' && !hevc) throw new LatchkeyError('SOURCE_UNSUPPORTED', H265_NOT_ASKED)
  // Reserved, data reference index, pre-defined; then the size; then resolution, names and depth.
  reader.skip(24)
  const width = reader.uint16()
  const height = reader.uint16()
  reader.skip(50)
  const configuration = onlyChild(parseChildBoxes(reader.rest(), coding), entry.configuration)
  const nalLengthBytes = ((configuration[entry.lengthAt] ?? 0) & 3) + 1
  return { codec: entry.codec, width, height, nalLengthBytes }
}

function parseDefaults(moov: ReadonlyMap<string, readonly Uint8Array[]>): SampleDefaults {
  const trex = onlyChild(parseChildBoxes(onlyChild(moov, 'mvex'), 'mvex'), 'trex')
  const reader = new BoxReader(trex, 'trex')
  reader.versionAndFlags()
  assertTrackId(reader.uint32())
  reader.uint32()
  return { durationTicks: reader.uint32(), sizeBytes: reader.uint32(), flags: reader.uint32() }
}

interface Track {
  readonly timescale: number
  readonly defaults: SampleDefaults
  readonly stsd: Uint8Array
  /** `ftyp` and `moov`, joined. */
  readonly init: Uint8Array
}

function parseTrack(ftyp: Uint8Array, moov: Uint8Array): Track {
  const movie = parseChildBoxes(moov.subarray(BOX_HEADER_BYTES), 'moov')
  const track = parseChildBoxes(onlyChild(movie, 'trak'), 'trak')
  assertTrackId(parseTrackId(onlyChild(track, 'tkhd')))
  const media = parseChildBoxes(onlyChild(track, 'mdia'), 'mdia')
  const information = parseChildBoxes(onlyChild(media, 'minf'), 'minf')
  const table = parseChildBoxes(onlyChild(information, 'stbl'), 'stbl')
  const timescale = parseTimescale(onlyChild(media, 'mdhd'))
  const init = new Uint8Array(ftyp.length + moov.length)
  init.set(ftyp)
  init.set(moov, ftyp.length)
  return { timescale, defaults: parseDefaults(movie), stsd: onlyChild(table, 'stsd'), init }
}

/**
 * `ftyp` and `moov` → how the stream is coded.
 * Untrusted: both boxes, headers included. `init` of the result is both, joined, as they are.
 * @param hevc whether H.265 is welcome
 * @throws ENCODING_INVALID for broken boxes or anything but one video track; SOURCE_UNSUPPORTED for other codecs
 * @see ISO/IEC 14496-12 §8.2, ISO/IEC 14496-15 §5.3, §8.3
 */
export function parseInit(ftyp: Uint8Array, moov: Uint8Array, hevc = false): ParsedInit {
  const { timescale, defaults, stsd, init } = parseTrack(ftyp, moov)
  const { nalLengthBytes, ...coding } = parseSampleEntry(stsd, hevc)
  return { format: { ...coding, timescale, init }, defaults, nalLengthBytes }
}

/**
 * The same for a file of one AAC track.
 * Untrusted: both boxes, headers included.
 * @throws ENCODING_INVALID for broken boxes; SOURCE_UNSUPPORTED for other codecs
 * @see ISO/IEC 14496-14 §5.6
 */
export function parseAudioInit(ftyp: Uint8Array, moov: Uint8Array): ParsedAudioInit {
  const { timescale, defaults, stsd, init } = parseTrack(ftyp, moov)
  if (openSampleEntry(stsd).coding !== 'mp4a') throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the sound is not AAC')
  return { format: { codec: 'aac', timescale, init }, defaults }
}
