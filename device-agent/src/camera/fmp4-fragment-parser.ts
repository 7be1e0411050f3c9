import { LatchkeyError } from '@latchkey/shared'
import { BoxReader, onlyChild, parseChildBoxes } from './box-reader.ts'
import { BOX_HEADER_BYTES } from './box-splitter.ts'
import { type SampleDefaults, TRACK_ID } from './fmp4-init.ts'

/** One coded picture out of a fragment. Times in the track's timescale. */
export interface Sample {
  /** A view into the fragment's `mdat`. */
  readonly data: Uint8Array
  readonly dtsTicks: number
  readonly ptsTicks: number
  readonly durationTicks: number
  /** The container's claim; whether decoding can start here is for the coded data to say. */
  readonly sync: boolean
  /** As in `CodedFrame`. */
  readonly afterLoss?: boolean
}

// Flags of ISO/IEC 14496-12 §8.8.7 (tfhd), §8.8.8 (trun) and §8.8.3.1 (sample flags).
const TFHD_BASE_DATA_OFFSET = 0x1
const TFHD_DESCRIPTION_INDEX = 0x2
const TFHD_DEFAULT_DURATION = 0x8
const TFHD_DEFAULT_SIZE = 0x10
const TFHD_DEFAULT_FLAGS = 0x20
const TFHD_BASE_IS_MOOF = 0x20000
const TRUN_DATA_OFFSET = 0x1
const TRUN_FIRST_FLAGS = 0x4
const TRUN_DURATION = 0x100
const TRUN_SIZE = 0x200
const TRUN_FLAGS = 0x400
const TRUN_COMPOSITION_OFFSET = 0x800
const SAMPLE_IS_NOT_SYNC = 0x10000
/** An hour of 60 pictures per second: far more than any fragment, little enough to loop over. */
const MAX_SAMPLES = 216_000

function parseTrackDefaults(tfhd: Uint8Array, track: SampleDefaults): SampleDefaults {
  const reader = new BoxReader(tfhd, 'tfhd')
  const { flags } = reader.versionAndFlags()
  if (reader.uint32() !== TRACK_ID) throw new LatchkeyError('ENCODING_INVALID', 'fragment is of another track')
  if ((flags & TFHD_BASE_IS_MOOF) === 0 || (flags & TFHD_BASE_DATA_OFFSET) !== 0)
    throw new LatchkeyError('ENCODING_INVALID', 'fragment offsets do not start at its moof')
  if (flags & TFHD_DESCRIPTION_INDEX) reader.uint32()
  return {
    durationTicks: flags & TFHD_DEFAULT_DURATION ? reader.uint32() : track.durationTicks,
    sizeBytes: flags & TFHD_DEFAULT_SIZE ? reader.uint32() : track.sizeBytes,
    flags: flags & TFHD_DEFAULT_FLAGS ? reader.uint32() : track.flags,
  }
}

function parseDecodeTime(tfdt: Uint8Array): number {
  const reader = new BoxReader(tfdt, 'tfdt')
  return reader.versionAndFlags().version === 1 ? reader.uint64() : reader.uint32()
}

interface Run {
  readonly trun: Uint8Array
  readonly defaults: SampleDefaults
  readonly firstDtsTicks: number
  readonly mdat: Uint8Array
  /** Where the content of `mdat` starts, counted from the start of `moof`. */
  readonly mdatAt: number
}

function parseRun({ trun, defaults, firstDtsTicks, mdat, mdatAt }: Run): Sample[] {
  const reader = new BoxReader(trun, 'trun')
  const { version, flags } = reader.versionAndFlags()
  const count = reader.uint32()
  if (count > MAX_SAMPLES || (flags & TRUN_DATA_OFFSET) === 0)
    throw new LatchkeyError('ENCODING_INVALID', 'fragment run is not acceptable')
  let at = reader.int32() - mdatAt
  if (at !== 0) throw new LatchkeyError('ENCODING_INVALID', 'fragment data is not at the start of its mdat')
  const firstFlags = flags & TRUN_FIRST_FLAGS ? reader.uint32() : undefined
  let dtsTicks = firstDtsTicks
  const samples: Sample[] = []
  for (let i = 0; i < count; i++) {
    const durationTicks = flags & TRUN_DURATION ? reader.uint32() : defaults.durationTicks
    const sizeBytes = flags & TRUN_SIZE ? reader.uint32() : defaults.sizeBytes
    const ownFlags = flags & TRUN_FLAGS ? reader.uint32() : defaults.flags
    const offsetTicks = !(flags & TRUN_COMPOSITION_OFFSET) ? 0 : version === 0 ? reader.uint32() : reader.int32()
    if (sizeBytes > mdat.length - at) throw new LatchkeyError('ENCODING_INVALID', 'sample ends outside its mdat')
    const sync = ((i === 0 ? (firstFlags ?? ownFlags) : ownFlags) & SAMPLE_IS_NOT_SYNC) === 0
    const data = mdat.subarray(at, at + sizeBytes)
    samples.push({ data, dtsTicks, ptsTicks: dtsTicks + offsetTicks, durationTicks, sync })
    at += sizeBytes
    dtsTicks += durationTicks
  }
  if (at !== mdat.length) throw new LatchkeyError('ENCODING_INVALID', 'mdat holds more than its samples')
  return samples
}

/**
 * `moof` and the `mdat` right after it → their samples in decode order. Exactly one track with one run that fills the
 * `mdat`, as ffmpeg writes them.
 * Untrusted: both boxes, headers included.
 * @throws ENCODING_INVALID
 * @see ISO/IEC 14496-12 §8.8
 */
export function parseFragment(moof: Uint8Array, mdat: Uint8Array, defaults: SampleDefaults): Sample[] {
  const movie = parseChildBoxes(moof.subarray(BOX_HEADER_BYTES), 'moof')
  const track = parseChildBoxes(onlyChild(movie, 'traf'), 'traf')
  return parseRun({
    trun: onlyChild(track, 'trun'),
    defaults: parseTrackDefaults(onlyChild(track, 'tfhd'), defaults),
    firstDtsTicks: parseDecodeTime(onlyChild(track, 'tfdt')),
    mdat: mdat.subarray(BOX_HEADER_BYTES),
    mdatAt: moof.length + BOX_HEADER_BYTES,
  })
}
