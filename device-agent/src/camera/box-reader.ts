import { LatchkeyError } from '@latchkey/shared'
import { BOX_HEADER_BYTES, boxTypeAt } from './box-splitter.ts'

/** Reads the fields of one box in order; every read is checked against its end. */
export class BoxReader {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #name: string
  #at = 0

  /** `bytes`: content of the box, without its header. `name`: for messages only. */
  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#name = name
  }

  #advance(count: number): number {
    const at = this.#at
    if (at + count > this.#bytes.length) throw new LatchkeyError('ENCODING_INVALID', `box ${this.#name} is too short`)
    this.#at = at + count
    return at
  }

  skip(count: number): void {
    this.#advance(count)
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2))
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4))
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4))
  }

  /** @throws ENCODING_INVALID above 2^53−1, which no stream of ours reaches in a hundred years */
  uint64(): number {
    const value = Number(this.#view.getBigUint64(this.#advance(8)))
    if (!Number.isSafeInteger(value)) throw new LatchkeyError('ENCODING_INVALID', `box ${this.#name} has a huge number`)
    return value
  }

  fourCharacters(): string {
    const at = this.#advance(4)
    return boxTypeAt(this.#bytes, at - 4)
  }

  /** Everything not read yet. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at)
  }

  /** Version (0…255) and flags of a full box. @see ISO/IEC 14496-12 §4.2 */
  versionAndFlags(): { version: number; flags: number } {
    const word = this.uint32()
    return { version: word >>> 24, flags: word & 0xffffff }
  }
}

/**
 * The boxes that fill `content` exactly: type → contents without headers, in order.
 * Untrusted: `content`.
 * @throws ENCODING_INVALID
 */
export function parseChildBoxes(content: Uint8Array, name: string): Map<string, Uint8Array[]> {
  const children = new Map<string, Uint8Array[]>()
  const view = new DataView(content.buffer, content.byteOffset, content.length)
  for (let at = 0; at < content.length;) {
    const left = content.length - at
    const sizeBytes = left < BOX_HEADER_BYTES ? 0 : view.getUint32(at)
    if (sizeBytes < BOX_HEADER_BYTES || sizeBytes > left)
      throw new LatchkeyError('ENCODING_INVALID', `box ${name} holds a broken box`)
    const type = boxTypeAt(content, at)
    const list = children.get(type) ?? []
    list.push(content.subarray(at + BOX_HEADER_BYTES, at + sizeBytes))
    children.set(type, list)
    at += sizeBytes
  }
  return children
}

/** The only child of its type. @throws ENCODING_INVALID when there is none, or more than one */
export function onlyChild(children: ReadonlyMap<string, readonly Uint8Array[]>, type: string): Uint8Array {
  const list = children.get(type) ?? []
  if (list.length !== 1) throw new LatchkeyError('ENCODING_INVALID', `expected one ${type} box, got ${list.length}`)
  return list[0]!
}
