import type { CodedFrame, VideoFormat } from '../flow.ts'
import { parseAvcConfiguration } from './avc-configuration.ts'
import type { SequenceParameters } from './h264-parameter-sets.ts'
import { createSliceReader } from './h264-slice-header.ts'

/** What the coded bytes of one picture say without being decoded. */
export interface CodedPicture {
  /** B when any slice is, else P when any is. Undefined when no slice could be read. */
  readonly type: 'P' | 'B' | 'I' | undefined
  /** Mean quantiser of its slices. */
  readonly qp: number | undefined
}

/** Reads the pictures of one stream. */
export interface PictureReader {
  /** Untrusted: the frame's bytes. Never throws: what cannot be read is left undefined. */
  read(frame: CodedFrame): CodedPicture
  readonly sequence: SequenceParameters | undefined
}

const UNREADABLE: CodedPicture = { type: undefined, qp: undefined }
const FIRST_SLICE_TYPE = 1
const IDR_SLICE_TYPE = 5
const PARAMETER_TYPES: ReadonlySet<number> = new Set([7, 8])

/** The NAL units of an access unit, as far as their lengths hold. */
function* nalUnitsOf(data: Uint8Array, lengthBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < data.length;) {
    let sizeBytes = 0
    for (let i = 0; i < lengthBytes; i++) sizeBytes = sizeBytes * 256 + (data[at + i] ?? 0)
    at += lengthBytes
    if (sizeBytes === 0 || at + sizeBytes > data.length) return
    yield data.subarray(at, at + sizeBytes)
    at += sizeBytes
  }
}

/** Builds a reader for a stream; one of another codec than H.264, or without parameters, reads as nothing. */
export function createPictureReader(format: VideoFormat): PictureReader {
  const slices = createSliceReader()
  let nalLengthBytes = 4
  let readable = true
  try {
    const configuration = parseAvcConfiguration(format.init)
    nalLengthBytes = configuration.nalLengthBytes
    configuration.parameterSets.forEach((nal) => slices.learn(nal))
  } catch {
    readable = false
  }

  function readSlices(data: Uint8Array): CodedPicture {
    let [type, sum, count]: [CodedPicture['type'], number, number] = [undefined, 0, 0]
    for (const nal of nalUnitsOf(data, nalLengthBytes)) {
      const nalType = nal[0]! & 0x1f
      if (PARAMETER_TYPES.has(nalType)) slices.learn(nal)
      if (nalType !== FIRST_SLICE_TYPE && nalType !== IDR_SLICE_TYPE) continue
      const header = slices.read(nal)
      if (header === undefined) return UNREADABLE
      if (type === undefined || header.type === 'B' || (header.type === 'P' && type === 'I')) type = header.type
      sum += header.qp
      count++
    }
    return count === 0 ? UNREADABLE : { type, qp: sum / count }
  }

  return {
    get sequence() {
      return slices.sequence
    },
    read({ data }) {
      if (!readable) return UNREADABLE
      try {
        return readSlices(data)
      } catch {
        return UNREADABLE
      }
    },
  }
}
