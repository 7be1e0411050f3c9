import { LatchkeyError } from '@latchkey/shared'
import type { VideoFormat } from '../flow.ts'

type Codec = VideoFormat['codec']

/** One NAL unit: its type, and all of its bytes, header first. */
export interface NalUnit {
  readonly type: number
  readonly bytes: Uint8Array
}

/** `nal_unit_type` of a slice of an IDR picture: nothing after it needs anything before it. @see ITU-T H.264 §7.4.1 */
const H264_IDR_SLICE = 5
const H264_SEQUENCE_SETS: ReadonlySet<number> = new Set([7])
/** Of random access pictures: BLA, IDR and CRA. Pictures shown before them may be lost, none after. @see ITU-T H.265 §7.4.2.2 */
const H265_FIRST_RANDOM_ACCESS = 16
const H265_LAST_RANDOM_ACCESS = 21
const H265_SEQUENCE_SETS: ReadonlySet<number> = new Set([32, 33])

/** @see ITU-T H.264 §7.3.1, ITU-T H.265 §7.3.1.2 */
const typeOf = (first: number, codec: Codec): number => (codec === 'h264' ? first & 0x1f : (first >> 1) & 0x3f)

/**
 * The NAL units of one access unit, in order, as views.
 * Untrusted: `data`, length-prefixed NAL units with lengths of `lengthBytes` (1, 2 or 4).
 * @throws ENCODING_INVALID when the lengths do not fill `data` exactly
 * @see ISO/IEC 14496-15 §5.3.4.2
 */
export function parseNalUnits(data: Uint8Array, lengthBytes: number, codec: Codec = 'h264'): NalUnit[] {
  const units: NalUnit[] = []
  for (let at = 0; at < data.length;) {
    let sizeBytes = 0
    for (let i = 0; i < lengthBytes; i++) sizeBytes = sizeBytes * 256 + (data[at + i] ?? Number.NaN)
    at += lengthBytes
    if (!(sizeBytes > 0 && sizeBytes <= data.length - at))
      throw new LatchkeyError('ENCODING_INVALID', 'NAL units do not fill their sample')
    units.push({ type: typeOf(data[at]!, codec), bytes: data.subarray(at, at + sizeBytes) })
    at += sizeBytes
  }
  return units
}

/** Bits of an Exp-Golomb code that hold a slice type, and of the few bits before it that we accept. */
const MAX_BITS = 24

/** The two codes at the start of a slice header: the second one is its type. @see ITU-T H.264 §7.3.3, §9.1 */
function sliceTypeOf(nal: Uint8Array): number {
  let at = 8
  const bit = () => ((nal[at >> 3] ?? 0) >> (7 - (at++ & 7))) & 1
  const code = () => {
    let zeros = 0
    while (bit() === 0) if (++zeros > MAX_BITS) return Number.NaN
    let value = 1
    for (let i = 0; i < zeros; i++) value = value * 2 + bit()
    return value - 1
  }
  code()
  return code()
}

/** I and SI, alone or for the whole picture: what predicts from other pictures is no keyframe, whatever its header says. */
const INTRA_SLICES: ReadonlySet<number> = new Set([2, 4, 7, 9])

/** Whether decoding can start at these NAL units. */
export function isKeyframe(units: readonly NalUnit[], codec: Codec): boolean {
  if (codec === 'h265')
    return units.some(({ type }) => type >= H265_FIRST_RANDOM_ACCESS && type <= H265_LAST_RANDOM_ACCESS)
  const slices = units.filter(({ type }) => type === H264_IDR_SLICE)
  return slices.length > 0 && slices.every(({ bytes }) => INTRA_SLICES.has(sliceTypeOf(bytes)))
}

/** Of data partitioning, which no camera uses: what H.265 looks like when it is taken for H.264. @see ITU-T H.264 §7.4.1 */
const H264_PARTITIONS: ReadonlySet<number> = new Set([2, 3, 4])
/** Reserved, or never defined: what H.264 looks like when it is taken for H.265. @see ITU-T H.265 §7.4.2.2 */
const H265_FIRST_UNDEFINED = 41

/** Whether these are pictures of another codec than the camera announced. */
export function isOtherCodec(units: readonly NalUnit[], codec: Codec): boolean {
  return units.some(({ type }) => (codec === 'h264' ? H264_PARTITIONS.has(type) : type >= H265_FIRST_UNDEFINED))
}

/** The parameter sets among these NAL units that say what kind of stream it is; those of single pictures may change. */
export function sequenceSetsIn(units: readonly NalUnit[], codec: Codec): NalUnit[] {
  const types = codec === 'h264' ? H264_SEQUENCE_SETS : H265_SEQUENCE_SETS
  return units.filter(({ type }) => types.has(type))
}
