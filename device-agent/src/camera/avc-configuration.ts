import { LatchkeyError } from '@latchkey/shared'
import { BoxReader, onlyChild, parseChildBoxes } from './box-reader.ts'

/** What an `avcC` box says. */
export interface AvcConfiguration {
  /** Bytes of the length in front of each NAL unit. */
  readonly nalLengthBytes: number
  /** Sequence parameter sets, then picture parameter sets, as NAL units. */
  readonly parameterSets: readonly Uint8Array[]
}

/** Fields of a visual sample entry in front of its boxes. @see ISO/IEC 14496-12 §12.1.3 */
const SAMPLE_ENTRY_BYTES = 78

/** The `avcC` of a track, if it is one of H.264. */
function configurationOf(track: Uint8Array): Uint8Array | undefined {
  let box = track
  for (const type of ['mdia', 'minf', 'stbl', 'stsd']) box = onlyChild(parseChildBoxes(box, type), type)
  const stsd = new BoxReader(box, 'stsd')
  stsd.skip(8 + 4)
  const coding = stsd.fourCharacters()
  if (!/^avc[13]$/.test(coding)) return undefined
  stsd.skip(SAMPLE_ENTRY_BYTES)
  return onlyChild(parseChildBoxes(stsd.rest(), coding), 'avcC')
}

/**
 * The decoder configuration inside an initialisation segment with a track of H.264. Untrusted: `init`, `ftyp‖moov`.
 * @throws ENCODING_INVALID when it is not there, or broken
 * @see ISO/IEC 14496-15 §5.3.3.1
 */
export function parseAvcConfiguration(init: Uint8Array): AvcConfiguration {
  const movie = parseChildBoxes(onlyChild(parseChildBoxes(init, 'init'), 'moov'), 'moov')
  const [avcC] = (movie.get('trak') ?? []).flatMap((track) => configurationOf(track) ?? [])
  if (avcC === undefined) throw new LatchkeyError('ENCODING_INVALID', 'the stream begins without its H.264 parameters')
  const reader = new BoxReader(avcC, 'avcC')
  reader.skip(4)
  const nalLengthBytes = (reader.uint8() & 3) + 1
  const parameterSets: Uint8Array[] = []
  for (const countMask of [0x1f, 0xff]) {
    const count = reader.uint8() & countMask
    for (let i = 0; i < count; i++) {
      const sizeBytes = reader.uint16()
      parameterSets.push(reader.rest().subarray(0, sizeBytes))
      reader.skip(sizeBytes)
    }
  }
  return { nalLengthBytes, parameterSets }
}
