import { LatchkeyError } from '@latchkey/shared'
import { H264Bits } from './h264-bits.ts'

/** How colour is coded. */
export interface ChromaFormat {
  /** `chroma_format_idc`: 1 for 4:2:0. */
  readonly format: number
  readonly lumaBits: number
  readonly chromaBits: number
  /** Each colour is coded like a picture of its own. */
  readonly separate: boolean
}

/** What of a sequence parameter set is needed to read slice headers, and to say how a stream is coded. */
export interface SequenceParameters {
  readonly id: number
  /** E.g. 66 for Baseline, 77 for Main, 100 for High. */
  readonly profileIdc: number
  readonly separateColourPlanes: boolean
  /** Components that a weight table speaks of: none of colour in monochrome. */
  readonly hasChroma: boolean
  readonly chroma: ChromaFormat
  readonly frameNumberBits: number
  readonly pictureOrderType: number
  readonly pictureOrderBits: number
  readonly deltaAlwaysZero: boolean
  readonly framesOnly: boolean
  /** As shown: what is only coded to fill blocks is cut away. */
  readonly width: number
  readonly height: number
  /** Pictures that may be shown before one that was sent earlier; undefined when the stream does not say. */
  readonly reorderFrames: number | undefined
}

/** The same of a picture parameter set. */
export interface PictureParameters {
  readonly id: number
  readonly sequenceId: number
  readonly bottomFieldOrder: boolean
  readonly sliceGroups: number
  readonly references: readonly [number, number]
  readonly weightedPrediction: boolean
  readonly weightedBiprediction: number
  readonly initialQp: number
  readonly redundantPictures: boolean
  readonly cabac: boolean
}

/** Profiles whose parameter sets name a chroma format. @see ITU-T H.264 §7.3.2.1.1 */
const PROFILES_WITH_CHROMA: ReadonlySet<number> = new Set([
  100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135,
])
/** Baseline has no B slices, so pictures come in the order in which they are shown. */
const BASELINE = 66
const MONOCHROME = 0
const FULL_COLOUR = 3
const MAX_ID = 255
/** Pixels of a macroblock's side, and 16,384 pixels in all, four times a 4K picture's. */
const BLOCK = 16
const MAX_BLOCKS = 1023
const MAX_CYCLE = 255
const MAX_FIELD_BITS = 16

function bounded(value: number, most: number): number {
  if (value > most) throw new LatchkeyError('ENCODING_INVALID', 'a parameter set is not acceptable')
  return value
}

function skipScalingList(bits: H264Bits, size: number): void {
  let next = 8
  for (let i = 0; i < size && next !== 0; i++) next = (next + bits.signed() + 256) % 256
}

function readChroma(bits: H264Bits, profileIdc: number): ChromaFormat {
  if (!PROFILES_WITH_CHROMA.has(profileIdc)) return { format: 1, lumaBits: 8, chromaBits: 8, separate: false }
  const format = bounded(bits.unsigned(), FULL_COLOUR)
  const separate = format === FULL_COLOUR && bits.flag()
  const [lumaBits, chromaBits] = [8 + bounded(bits.unsigned(), 6), 8 + bounded(bits.unsigned(), 6)]
  bits.bit()
  const lists = format === FULL_COLOUR ? 12 : 8
  if (bits.flag()) for (let i = 0; i < lists; i++) if (bits.flag()) skipScalingList(bits, i < 6 ? 16 : 64)
  return { format, lumaBits, chromaBits, separate }
}

/** Width and height in blocks, up to what is cut away of them, in units that depend on how colour is coded. @see §7.4.2.1.1 */
function readSize(bits: H264Bits, { format, separate }: ChromaFormat) {
  const blocks = [bounded(bits.unsigned(), MAX_BLOCKS) + 1, bounded(bits.unsigned(), MAX_BLOCKS) + 1] as const
  const framesOnly = bits.flag()
  if (!framesOnly) bits.bit()
  bits.bit()
  const [left, right, top, bottom] = bits.flag() ? [0, 0, 0, 0].map(() => bits.unsigned()) : [0, 0, 0, 0]
  const halves = (of: readonly number[]) => (!separate && of.includes(format) ? 2 : 1)
  const rows = framesOnly ? 1 : 2
  const width = blocks[0] * BLOCK - (left! + right!) * halves([1, 2])
  const height = blocks[1] * BLOCK * rows - (top! + bottom!) * halves([1]) * rows
  if (width < 1 || height < 1) throw new LatchkeyError('ENCODING_INVALID', 'a parameter set is not acceptable')
  return { framesOnly, width, height }
}

function readPictureOrder(bits: H264Bits): { type: number; orderBits: number; deltaAlwaysZero: boolean } {
  const type = bounded(bits.unsigned(), 2)
  if (type === 0) return { type, orderBits: bounded(bits.unsigned() + 4, MAX_FIELD_BITS), deltaAlwaysZero: false }
  if (type === 2) return { type, orderBits: 0, deltaAlwaysZero: false }
  const deltaAlwaysZero = bits.flag()
  bits.signed()
  bits.signed()
  const cycle = bounded(bits.unsigned(), MAX_CYCLE)
  for (let i = 0; i < cycle; i++) bits.signed()
  return { type, orderBits: 0, deltaAlwaysZero }
}

function skipHrd(bits: H264Bits): void {
  const count = bounded(bits.unsigned(), 31) + 1
  bits.bits(8)
  for (let i = 0; i < count; i++) {
    bits.unsigned()
    bits.unsigned()
    bits.bit()
  }
  bits.bits(20)
}

/** `max_num_reorder_frames`, which stands at the very end. @see ITU-T H.264 §E.1.1 */
function readReorderFrames(bits: H264Bits): number | undefined {
  const extendedRatio = 255
  if (bits.flag() && bits.bits(8) === extendedRatio) bits.bits(32)
  if (bits.flag()) bits.bit()
  if (bits.flag()) {
    bits.bits(4)
    if (bits.flag()) bits.bits(24)
  }
  if (bits.flag()) {
    bits.unsigned()
    bits.unsigned()
  }
  if (bits.flag()) {
    bits.bits(32)
    bits.bits(32)
    bits.bit()
  }
  const hasNalHrd = bits.flag()
  if (hasNalHrd) skipHrd(bits)
  const hasVclHrd = bits.flag()
  if (hasVclHrd) skipHrd(bits)
  if (hasNalHrd || hasVclHrd) bits.bit()
  bits.bit()
  if (!bits.flag()) return undefined
  bits.bit()
  for (let i = 0; i < 4; i++) bits.unsigned()
  return bits.unsigned()
}

function reorderOf(bits: H264Bits, profileIdc: number, orderType: number): number | undefined {
  if (profileIdc === BASELINE || orderType === 2) return 0
  try {
    return bits.flag() ? readReorderFrames(bits) : undefined
  } catch {
    // Some cameras cut their VUI short; what it would have said is then not said.
    return undefined
  }
}

/**
 * A sequence parameter set NAL unit. Untrusted: `nal`.
 * @throws ENCODING_INVALID
 * @see ITU-T H.264 §7.3.2.1.1
 */
export function parseSequenceParameters(nal: Uint8Array): SequenceParameters {
  const bits = new H264Bits(nal)
  const profileIdc = bits.bits(8)
  bits.bits(16)
  const id = bounded(bits.unsigned(), 31)
  const chroma = readChroma(bits, profileIdc)
  const frameNumberBits = bounded(bits.unsigned() + 4, MAX_FIELD_BITS)
  const order = readPictureOrder(bits)
  bits.unsigned()
  bits.bit()
  const size = readSize(bits, chroma)
  return {
    id,
    profileIdc,
    separateColourPlanes: chroma.separate,
    hasChroma: chroma.format !== MONOCHROME && !chroma.separate,
    chroma,
    frameNumberBits,
    pictureOrderType: order.type,
    pictureOrderBits: order.orderBits,
    deltaAlwaysZero: order.deltaAlwaysZero,
    ...size,
    reorderFrames: reorderOf(bits, profileIdc, order.type),
  }
}

/**
 * A picture parameter set NAL unit, up to what slice headers need. Untrusted: `nal`.
 * @throws ENCODING_INVALID, also for slice groups, which no camera sends
 * @see ITU-T H.264 §7.3.2.2
 */
export function parsePictureParameters(nal: Uint8Array): PictureParameters {
  const bits = new H264Bits(nal)
  const id = bounded(bits.unsigned(), MAX_ID)
  const sequenceId = bounded(bits.unsigned(), 31)
  const cabac = bits.flag()
  const bottomFieldOrder = bits.flag()
  const sliceGroups = bounded(bits.unsigned(), 0) + 1
  const references: [number, number] = [bits.unsigned() + 1, bits.unsigned() + 1]
  const weightedPrediction = bits.flag()
  const weightedBiprediction = bits.bits(2)
  const initialQp = 26 + bits.signed()
  bits.signed()
  bits.signed()
  bits.bits(2)
  const redundantPictures = bits.flag()
  return {
    id,
    sequenceId,
    cabac,
    bottomFieldOrder,
    sliceGroups,
    references,
    weightedPrediction,
    weightedBiprediction,
    initialQp,
    redundantPictures,
  }
}
