import { LatchkeyError } from '@latchkey/shared'

/** One ISO base media file box. @see ISO/IEC 14496-12 §4.2 */
export interface MediaBox {
  /** Four printable ASCII characters. */
  readonly type: string
  /** The whole box, header included. */
  readonly bytes: Uint8Array
}

/** Cuts a byte stream into top-level boxes. */
export interface BoxSplitter {
  /** The boxes that `chunk` completes, in order. Untrusted: `chunk`. @throws ENCODING_INVALID */
  push(chunk: Uint8Array): MediaBox[]
  /** To be called at the end of the stream. @throws ENCODING_INVALID when it ends inside a box */
  end(): void
}

/** Size of a box header without the 64-bit form. */
export const BOX_HEADER_BYTES = 8
const MEBIBYTE = 1 << 20
/**
 * The only top-level boxes accepted, with the most bytes each may claim: the claim is allocated before the content
 * comes. A keyframe of 4K video at the highest usual quality stays below 16 MiB.
 */
const MAX_BOX_BYTES: ReadonlyMap<string, number> = new Map([
  ['ftyp', 1024],
  ['moov', MEBIBYTE],
  ['styp', 1024],
  ['sidx', MEBIBYTE],
  ['moof', MEBIBYTE],
  ['mdat', 16 * MEBIBYTE],
  ['mfra', 16 * MEBIBYTE],
  ['free', MEBIBYTE],
])

/** Type of the box whose header starts at `at`. */
export function boxTypeAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(bytes[at + 4]!, bytes[at + 5]!, bytes[at + 6]!, bytes[at + 7]!)
}

function assertHeader(header: Uint8Array): number {
  const sizeBytes = new DataView(header.buffer, header.byteOffset).getUint32(0)
  const limit = MAX_BOX_BYTES.get(boxTypeAt(header, 0))
  if (limit === undefined) throw new LatchkeyError('ENCODING_INVALID', 'unexpected box in the video stream')
  if (sizeBytes < BOX_HEADER_BYTES || sizeBytes > limit)
    throw new LatchkeyError('ENCODING_INVALID', `box ${boxTypeAt(header, 0)} claims ${sizeBytes} bytes`)
  return sizeBytes
}

/** Builds a {@link BoxSplitter}; it copies what it is given, and holds at most one box. */
export function createBoxSplitter(): BoxSplitter {
  const header = new Uint8Array(BOX_HEADER_BYTES)
  let box: Uint8Array = header
  let filled = 0

  function take(chunk: Uint8Array, at: number): number {
    const count = Math.min(box.length - filled, chunk.length - at)
    box.set(chunk.subarray(at, at + count), filled)
    filled += count
    return count
  }

  function openBox(): void {
    box = new Uint8Array(assertHeader(header))
    box.set(header)
  }

  return {
    push(chunk) {
      const boxes: MediaBox[] = []
      for (let at = 0; at < chunk.length;) {
        at += take(chunk, at)
        if (box === header && filled === BOX_HEADER_BYTES) openBox()
        if (box === header || filled < box.length) continue
        boxes.push({ type: boxTypeAt(box, 0), bytes: box })
        box = header
        filled = 0
      }
      return boxes
    },
    end() {
      if (filled > 0) throw new LatchkeyError('ENCODING_INVALID', 'video stream ends inside a box')
    },
  }
}
