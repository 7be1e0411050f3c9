import { LatchkeyError } from '../errors.ts'

/** One ISO base media file box. @see ISO/IEC 14496-12 §4.2 */
export interface Mp4Box {
  /** Four characters. */
  readonly type: string
  /** The whole box, header included. */
  readonly bytes: Uint8Array
}

/** Size and type: the header of every box without the 64-bit form, which no box of ours needs. */
export const BOX_HEADER_BYTES = 8
const MEBIBYTE = 1 << 20
/** Most bytes a top-level box may claim. The claim is allocated before its content comes. */
const MAX_BOX_BYTES: ReadonlyMap<string, number> = new Map([
  ['ftyp', 1024],
  ['moov', MEBIBYTE],
  ['moof', MEBIBYTE],
  ['mdat', 64 * MEBIBYTE],
  ['mfra', 16 * MEBIBYTE],
])

const typeOf = (box: Uint8Array) => String.fromCharCode(...box.subarray(4, BOX_HEADER_BYTES))

function openBox(header: Uint8Array): Uint8Array {
  const sizeBytes = new DataView(header.buffer).getUint32(0)
  const limit = MAX_BOX_BYTES.get(typeOf(header))
  if (limit === undefined) throw new LatchkeyError('ENCODING_INVALID', 'unexpected box in fragmented MP4')
  if (sizeBytes < BOX_HEADER_BYTES || sizeBytes > limit)
    throw new LatchkeyError('ENCODING_INVALID', `box ${typeOf(header)} claims ${sizeBytes} bytes`)
  const box = new Uint8Array(sizeBytes)
  box.set(header)
  return box
}

/**
 * A byte stream → its top-level boxes, in order; at most one is held at a time.
 * Untrusted: `chunks`.
 * @throws ENCODING_INVALID for unexpected or oversized boxes, and when the stream ends inside one
 */
export async function* readBoxes(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Mp4Box, void> {
  let box = new Uint8Array(BOX_HEADER_BYTES)
  let filled = 0
  let opened = false
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const count = Math.min(box.length - filled, chunk.length - at)
      box.set(chunk.subarray(at, at + count), filled)
      filled += count
      at += count
      if (filled === BOX_HEADER_BYTES && !opened) {
        box = openBox(box) as Uint8Array<ArrayBuffer>
        opened = true
      }
      if (!opened || filled < box.length) continue
      yield { type: typeOf(box), bytes: box }
      box = new Uint8Array(BOX_HEADER_BYTES)
      filled = 0
      opened = false
    }
  }
  if (filled > 0) throw new LatchkeyError('ENCODING_INVALID', 'fragmented MP4 ends inside a box')
}

/** Contents of the boxes that fill `content`, by type, without their headers. Untrusted. @throws ENCODING_INVALID */
export function childBoxes(content: Uint8Array): Map<string, Uint8Array[]> {
  const children = new Map<string, Uint8Array[]>()
  const view = new DataView(content.buffer, content.byteOffset, content.length)
  for (let at = 0; at < content.length;) {
    const left = content.length - at
    const sizeBytes = left < BOX_HEADER_BYTES ? 0 : view.getUint32(at)
    if (sizeBytes < BOX_HEADER_BYTES || sizeBytes > left)
      throw new LatchkeyError('ENCODING_INVALID', 'a box holds a broken box')
    const box = content.subarray(at, at + sizeBytes)
    children.set(typeOf(box), [...(children.get(typeOf(box)) ?? []), box.subarray(BOX_HEADER_BYTES)])
    at += sizeBytes
  }
  return children
}

/** The one box at the end of `path`, starting inside `content`. @throws ENCODING_INVALID unless there is exactly one */
export function boxAt(content: Uint8Array, ...path: readonly string[]): Uint8Array {
  return path.reduce((inside, type) => {
    const [only, ...others] = childBoxes(inside).get(type) ?? []
    if (only === undefined || others.length > 0)
      throw new LatchkeyError('ENCODING_INVALID', `expected exactly one ${type} box`)
    return only
  }, content)
}

/** Fields of a full box, read in order; each read is checked against the end. @see ISO/IEC 14496-12 §4.2 */
export interface BoxFields {
  readonly version: number
  readonly flags: number
  uint32(): number
  /** 32 bits in version 0 boxes, 64 in version 1. */
  versioned(): number
  skip(sizeBytes: number): void
}

/** Opens a full box for reading. Untrusted: `content`. @throws ENCODING_INVALID, also by every read past the end */
export function readFields(content: Uint8Array): BoxFields {
  const view = new DataView(content.buffer, content.byteOffset, content.length)
  let at = 0
  const take = (sizeBytes: number) => {
    if (at + sizeBytes > content.length) throw new LatchkeyError('ENCODING_INVALID', 'a box is too short')
    at += sizeBytes
    return at - sizeBytes
  }
  const word = view.byteLength < 4 ? take(4) : view.getUint32(take(4))
  const version = word >>> 24
  const uint64 = () => {
    const value = Number(view.getBigUint64(take(8)))
    if (!Number.isSafeInteger(value)) throw new LatchkeyError('ENCODING_INVALID', 'a box holds a huge number')
    return value
  }
  const uint32 = () => view.getUint32(take(4))
  return {
    version,
    flags: word & 0xffffff,
    uint32,
    versioned: () => (version === 1 ? uint64() : uint32()),
    skip: (sizeBytes) => void take(sizeBytes),
  }
}
