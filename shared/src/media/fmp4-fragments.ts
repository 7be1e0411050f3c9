import { concatBytes } from '../bytes/bytes.ts'
import { LatchkeyError } from '../errors.ts'
import { BOX_HEADER_BYTES, boxAt, childBoxes, type Mp4Box, readBoxes, readFields } from './mp4-boxes.ts'

/** What one sealed video item holds: `init` once, then `media` pieces; `init ‖ media…` plays. */
export type Fmp4Piece =
  | { readonly kind: 'init'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'media'
      readonly bytes: Uint8Array
      /** From the first sample of the stream, decode order. */
      readonly startMs: number
      readonly durationMs: number
    }

const H264_ENTRIES: ReadonlySet<string> = new Set(['avc1', 'avc3'])
const TFHD_BASE_DATA_OFFSET = 0x01
const TFHD_DESCRIPTION_INDEX = 0x02
const TFHD_DEFAULT_DURATION = 0x08
const TFHD_DEFAULT_SIZE = 0x10
const TFHD_DEFAULT_FLAGS = 0x20
const TRUN_DATA_OFFSET = 0x01
const TRUN_FIRST_FLAGS = 0x04
const TRUN_DURATION = 0x100
const TRUN_SIZE = 0x200
const TRUN_FLAGS = 0x400
const TRUN_COMPOSITION_OFFSET = 0x800
const SAMPLE_IS_NOT_SYNC = 0x10000
/** An hour of 60 pictures per second: far more than any fragment, little enough to loop over. */
const MAX_SAMPLES = 216_000

interface Track {
  readonly timescale: number
  readonly defaultDuration: number
  readonly defaultFlags: number
}

interface Timing {
  readonly startTicks: number
  readonly durationTicks: number
}

const broken = (message: string) => new LatchkeyError('ENCODING_INVALID', message)

function parseTrack(moov: Uint8Array): Track {
  const media = boxAt(moov.subarray(BOX_HEADER_BYTES), 'trak', 'mdia')
  const entries = childBoxes(boxAt(media, 'minf', 'stbl', 'stsd').subarray(8))
  if (entries.size !== 1 || ![...entries.keys()].every((entry) => H264_ENTRIES.has(entry)))
    throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the video is not H.264')
  const mdhd = readFields(boxAt(media, 'mdhd'))
  mdhd.skip(mdhd.version === 1 ? 16 : 8)
  const timescale = mdhd.uint32()
  if (timescale === 0) throw broken('the video track has no timescale')
  const trex = readFields(boxAt(moov.subarray(BOX_HEADER_BYTES), 'mvex', 'trex'))
  trex.skip(8)
  const defaultDuration = trex.uint32()
  trex.skip(4)
  return { timescale, defaultDuration, defaultFlags: trex.uint32() }
}

function parseFragmentDefaults(tfhd: Uint8Array, track: Track): Track {
  const fields = readFields(tfhd)
  fields.skip(4)
  if (fields.flags & TFHD_BASE_DATA_OFFSET) fields.skip(8)
  if (fields.flags & TFHD_DESCRIPTION_INDEX) fields.skip(4)
  const defaultDuration = fields.flags & TFHD_DEFAULT_DURATION ? fields.uint32() : track.defaultDuration
  if (fields.flags & TFHD_DEFAULT_SIZE) fields.skip(4)
  const defaultFlags = fields.flags & TFHD_DEFAULT_FLAGS ? fields.uint32() : track.defaultFlags
  return { ...track, defaultDuration, defaultFlags }
}

/** Ticks of one run, and whether its first sample can be decoded on its own. @see ISO/IEC 14496-12 §8.8.8 */
function parseRun(trun: Uint8Array, defaults: Track): { durationTicks: number; startsAtKeyframe: boolean } {
  const fields = readFields(trun)
  const { flags } = fields
  const samples = fields.uint32()
  if (samples === 0 || samples > MAX_SAMPLES) throw broken('a fragment has an impossible number of samples')
  if (flags & TRUN_DATA_OFFSET) fields.skip(4)
  let firstFlags = flags & TRUN_FIRST_FLAGS ? fields.uint32() : undefined
  let durationTicks = 0
  for (let i = 0; i < samples; i++) {
    durationTicks += flags & TRUN_DURATION ? fields.uint32() : defaults.defaultDuration
    if (flags & TRUN_SIZE) fields.skip(4)
    const ownFlags = flags & TRUN_FLAGS ? fields.uint32() : defaults.defaultFlags
    firstFlags ??= ownFlags
    if (flags & TRUN_COMPOSITION_OFFSET) fields.skip(4)
  }
  return { durationTicks, startsAtKeyframe: ((firstFlags ?? 0) & SAMPLE_IS_NOT_SYNC) === 0 }
}

function parseTiming(moof: Uint8Array, track: Track): Timing {
  const traf = boxAt(moof.subarray(BOX_HEADER_BYTES), 'traf')
  const defaults = parseFragmentDefaults(boxAt(traf, 'tfhd'), track)
  const runs = (childBoxes(traf).get('trun') ?? []).map((trun) => parseRun(trun, defaults))
  if (runs[0] === undefined) throw broken('a fragment has no samples')
  if (!runs[0].startsAtKeyframe)
    throw new LatchkeyError('SOURCE_UNSUPPORTED', 'a piece of the video does not begin with a keyframe')
  const durationTicks = runs.reduce((sum, run) => sum + run.durationTicks, 0)
  return { startTicks: readFields(boxAt(traf, 'tfdt')).versioned(), durationTicks }
}

async function nextOf(boxes: AsyncIterator<Mp4Box, void>, type: string): Promise<Uint8Array> {
  const next = await boxes.next()
  if (next.done === true || next.value.type !== type) throw broken(`expected a ${type} box`)
  return next.value.bytes
}

/**
 * Fragmented MP4 of one H.264 track, as `ffmpeg -movflags frag_keyframe+empty_moov+default_base_moof` pipes it → its
 * pieces, bytes unchanged: `ftyp ‖ moov`, then each `moof ‖ mdat`. Whole milliseconds are rounded at the boundaries, so
 * that pieces join without gap or overlap. Other boxes than a closing `mfra` are refused.
 * Untrusted: `chunks`.
 * @throws SOURCE_UNSUPPORTED for other codecs or pieces that cannot be decoded on their own; ENCODING_INVALID
 * @see ISO/IEC 14496-12 §8.8
 */
export async function* readFmp4Pieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Fmp4Piece> {
  const boxes = readBoxes(chunks)
  const ftyp = await nextOf(boxes, 'ftyp')
  const moov = await nextOf(boxes, 'moov')
  const track = parseTrack(moov)
  yield { kind: 'init', bytes: concatBytes(ftyp, moov) }
  let zeroTicks: number | undefined
  for await (const { type, bytes } of boxes) {
    if (type === 'mfra') continue
    if (type !== 'moof') throw broken('expected a moof box')
    const { startTicks, durationTicks } = parseTiming(bytes, track)
    zeroTicks ??= startTicks
    const toMs = (ticks: number) => Math.round(((ticks - zeroTicks!) * 1000) / track.timescale)
    const startMs = toMs(startTicks)
    if (startMs < 0) throw broken('fragments are not in order')
    yield {
      kind: 'media',
      bytes: concatBytes(bytes, await nextOf(boxes, 'mdat')),
      startMs,
      durationMs: toMs(startTicks + durationTicks) - startMs,
    }
  }
}
