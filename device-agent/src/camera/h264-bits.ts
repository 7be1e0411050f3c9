import { LatchkeyError } from '@latchkey/shared'

/** Exp-Golomb codes of the syntax we read have 32 bits of value at most. */
const MAX_LEADING_ZEROS = 32

/**
 * Reads the bits of a NAL unit, passing over the emulation prevention bytes.
 * Untrusted: the bytes. Every read throws ENCODING_INVALID past the end.
 * @see ITU-T H.264 §7.3.1, §7.2 (u), §9.1 (ue, se)
 */
export class H264Bits {
  readonly #bytes: Uint8Array
  #at: number
  #bitsLeft = 0
  #current = 0
  #zeros = 0

  /** `nal`: a NAL unit; `headerBytes` of it are skipped. */
  constructor(nal: Uint8Array, headerBytes = 1) {
    this.#bytes = nal
    this.#at = headerBytes
  }

  #nextByte(): void {
    let byte = this.#bytes[this.#at]
    if (this.#zeros >= 2 && byte === 3) {
      this.#zeros = 0
      byte = this.#bytes[++this.#at]
    }
    if (byte === undefined) throw new LatchkeyError('ENCODING_INVALID', 'a NAL unit ends too early')
    this.#at++
    this.#zeros = byte === 0 ? this.#zeros + 1 : 0
    this.#current = byte
    this.#bitsLeft = 8
  }

  bit(): number {
    if (this.#bitsLeft === 0) this.#nextByte()
    return (this.#current >> --this.#bitsLeft) & 1
  }

  flag(): boolean {
    return this.bit() === 1
  }

  /** `count`: 0…32. */
  bits(count: number): number {
    let value = 0
    for (let i = 0; i < count; i++) value = value * 2 + this.bit()
    return value
  }

  /** ue(v) */
  unsigned(): number {
    let zeros = 0
    while (this.bit() === 0)
      if (++zeros > MAX_LEADING_ZEROS) throw new LatchkeyError('ENCODING_INVALID', 'a NAL unit holds a huge number')
    return 2 ** zeros - 1 + this.bits(zeros)
  }

  /** se(v) */
  signed(): number {
    const code = this.unsigned()
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2
  }
}
