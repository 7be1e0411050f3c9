import { LatchkeyError } from '@latchkey/shared'
import { H264Bits } from './h264-bits.ts'
import {
  type PictureParameters,
  type SequenceParameters,
  parsePictureParameters,
  parseSequenceParameters,
} from './h264-parameter-sets.ts'

/** What a slice says at its start. */
export interface SliceHeader {
  readonly type: 'P' | 'B' | 'I'
  /** Quantiser of its first macroblock, 0…51 in 8-bit video: the higher, the coarser. */
  readonly qp: number
}

const NAL_IDR = 5
const NAL_SEQUENCE = 7
const NAL_PICTURE = 8
const SLICE_TYPES = ['P', 'B', 'I', 'P', 'I'] as const
const SI = 4
const MAX_OPERATIONS = 70
const MAX_REFERENCES = 32

type Sets = readonly [SequenceParameters, PictureParameters]

/** @see ITU-T H.264 §7.3.3.1 */
function skipListChanges(bits: H264Bits, type: SliceHeader['type']): void {
  const lists = type === 'I' ? 0 : type === 'P' ? 1 : 2
  for (let list = 0; list < lists; list++) {
    if (!bits.flag()) continue
    for (let i = 0; bits.unsigned() !== 3; i++) {
      if (i > MAX_OPERATIONS) throw new LatchkeyError('ENCODING_INVALID', 'a slice header does not end')
      bits.unsigned()
    }
  }
}

/** @see ITU-T H.264 §7.3.3.2 */
function skipWeights(bits: H264Bits, references: readonly number[], hasChroma: boolean): void {
  bits.unsigned()
  if (hasChroma) bits.unsigned()
  for (const count of references) {
    for (let i = 0; i < count; i++) {
      if (bits.flag()) for (let j = 0; j < 2; j++) bits.signed()
      if (hasChroma && bits.flag()) for (let j = 0; j < 4; j++) bits.signed()
    }
  }
}

/** @see ITU-T H.264 §7.3.3.3 */
function skipReferenceMarking(bits: H264Bits, idr: boolean): void {
  if (idr) return void bits.bits(2)
  if (!bits.flag()) return
  for (let i = 0; ; i++) {
    const operation = bits.unsigned()
    if (operation === 0) return
    if (i > MAX_OPERATIONS) throw new LatchkeyError('ENCODING_INVALID', 'a slice header does not end')
    if (operation !== 5) bits.unsigned()
    if (operation === 3) bits.unsigned()
  }
}

/** `frame_num` … `redundant_pic_cnt`: where the picture stands. */
function skipPosition(bits: H264Bits, [sps, pps]: Sets, idr: boolean): void {
  if (sps.separateColourPlanes) bits.bits(2)
  bits.bits(sps.frameNumberBits)
  const field = !sps.framesOnly && bits.flag()
  if (field) bits.bit()
  if (idr) bits.unsigned()
  if (sps.pictureOrderType === 0) {
    bits.bits(sps.pictureOrderBits)
    if (pps.bottomFieldOrder && !field) bits.signed()
  }
  if (sps.pictureOrderType === 1 && !sps.deltaAlwaysZero) {
    bits.signed()
    if (pps.bottomFieldOrder && !field) bits.signed()
  }
  if (pps.redundantPictures) bits.unsigned()
}

/** How many pictures each list refers to. */
function readReferences(bits: H264Bits, type: SliceHeader['type'], pps: PictureParameters): number[] {
  if (type === 'I') return []
  const lists = type === 'P' ? 1 : 2
  const counts = pps.references.slice(0, lists)
  const own = bits.flag() ? counts.map(() => bits.unsigned() + 1) : counts
  if (own.some((count) => count > MAX_REFERENCES))
    throw new LatchkeyError('ENCODING_INVALID', 'a slice refers to more pictures than there can be')
  return own
}

/** Reads the slice headers of one stream; parameter sets inside the stream replace those it began with. */
export interface SliceReader {
  /** Remembers a parameter set; other NAL units, and sets we cannot read, are passed over. Untrusted: `nal`. */
  learn(nal: Uint8Array): void
  /**
   * The header of a coded slice (NAL unit types 1 and 5); undefined when its parameter sets are not known.
   * Untrusted: `nal`.
   * @throws ENCODING_INVALID
   * @see ITU-T H.264 §7.3.3
   */
  read(nal: Uint8Array): SliceHeader | undefined
  /** The sequence parameters learnt last. */
  readonly sequence: SequenceParameters | undefined
}

/** Builds a {@link SliceReader} that knows nothing yet. */
export function createSliceReader(): SliceReader {
  const sequences = new Map<number, SequenceParameters>()
  const pictures = new Map<number, PictureParameters>()
  let newest: SequenceParameters | undefined

  function keep(nal: Uint8Array, type: number): void {
    if (type === NAL_SEQUENCE) {
      newest = parseSequenceParameters(nal)
      sequences.set(newest.id, newest)
    } else if (type === NAL_PICTURE) {
      const parameters = parsePictureParameters(nal)
      pictures.set(parameters.id, parameters)
    }
  }

  return {
    get sequence() {
      return newest
    },
    learn(nal) {
      try {
        keep(nal, nal[0]! & 0x1f)
      } catch {
        // A set that cannot be read leaves its slices unread; detection does without them.
      }
    },
    read(nal) {
      const idr = (nal[0]! & 0x1f) === NAL_IDR
      const bits = new H264Bits(nal)
      bits.unsigned()
      const code = bits.unsigned() % SLICE_TYPES.length
      const type = SLICE_TYPES[code]!
      const pps = pictures.get(bits.unsigned())
      const sps = pps && sequences.get(pps.sequenceId)
      if (sps === undefined || pps === undefined) return undefined
      skipPosition(bits, [sps, pps], idr)
      if (type === 'B') bits.bit()
      const references = readReferences(bits, type, pps)
      skipListChanges(bits, type)
      const weighted = type === 'P' ? pps.weightedPrediction : type === 'B' && pps.weightedBiprediction === 1
      if (weighted) skipWeights(bits, references, sps.hasChroma)
      if (((nal[0]! >> 5) & 3) !== 0) skipReferenceMarking(bits, idr)
      if (pps.cabac && code !== SI && type !== 'I') bits.unsigned()
      return { type, qp: pps.initialQp + bits.signed() }
    },
  }
}
