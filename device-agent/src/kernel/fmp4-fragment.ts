import type { CodedFrame } from '../flow.ts'

/** What a fragment holds of a frame, of pictures or of sound. */
export type FragmentFrame = Pick<CodedFrame, 'data' | 'dtsTicks' | 'ptsTicks' | 'durationTicks' | 'keyframe'>

/** One fragment to write. */
export interface FragmentOptions {
  /** At least one, in decode order. */
  readonly frames: readonly FragmentFrame[]
  /** Counts fragments from 1. @see ISO/IEC 14496-12 §8.8.5 */
  readonly sequence: number
  /** Decode time that becomes 0. */
  readonly originTicks: number
}

/** The ingest's tracks all have this number, so the init segment fits as it is. */
const TRACK_ID = 1
// ISO/IEC 14496-12 §8.8.7: sample offsets count from the moof.
const TFHD_BASE_IS_MOOF = 0x20000
// §8.8.8: data offset, and per sample duration, size, flags, composition offset.
const TRUN_FIELDS = 0x1 | 0x100 | 0x200 | 0x400 | 0x800
// §8.8.3.1: depends on no other sample; or depends on others and is no sync sample.
const SYNC_SAMPLE = 0x2000000
const OTHER_SAMPLE = 0x1010000
const HEADER_BYTES = 8
const FULL_HEADER_BYTES = 12
const MFHD_BYTES = FULL_HEADER_BYTES + 4
const TFHD_BYTES = FULL_HEADER_BYTES + 4
const TFDT_BYTES = FULL_HEADER_BYTES + 8
const TRUN_HEAD_BYTES = FULL_HEADER_BYTES + 8
const TRUN_SAMPLE_BYTES = 16

/** Writes big-endian fields one after the other. */
class BoxWriter {
  readonly bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes)
    this.#view = new DataView(this.bytes.buffer)
  }

  uint32(value: number): void {
    this.#view.setUint32(this.#at, value)
    this.#at += 4
  }

  int32(value: number): void {
    this.#view.setInt32(this.#at, value)
    this.#at += 4
  }

  uint64(value: number): void {
    this.#view.setBigUint64(this.#at, BigInt(value))
    this.#at += 8
  }

  header(type: string, sizeBytes: number): void {
    this.uint32(sizeBytes)
    for (let i = 0; i < 4; i++) this.bytes[this.#at++] = type.charCodeAt(i)
  }

  fullHeader(type: string, sizeBytes: number, versionAndFlags: number): void {
    this.header(type, sizeBytes)
    this.uint32(versionAndFlags)
  }

  append(data: Uint8Array): void {
    this.bytes.set(data, this.#at)
    this.#at += data.length
  }
}

function writeSamples(writer: BoxWriter, frames: readonly FragmentFrame[]): void {
  for (const frame of frames) {
    writer.uint32(frame.durationTicks)
    writer.uint32(frame.data.length)
    writer.uint32(frame.keyframe ? SYNC_SAMPLE : OTHER_SAMPLE)
    writer.int32(frame.ptsTicks - frame.dtsTicks)
  }
}

/**
 * Frames → `moof‖mdat`, the coded bytes as they are.
 * @see ISO/IEC 14496-12 §8.8
 */
export function encodeFragment({ frames, sequence, originTicks }: FragmentOptions): Uint8Array {
  const trunBytes = TRUN_HEAD_BYTES + TRUN_SAMPLE_BYTES * frames.length
  const trafBytes = HEADER_BYTES + TFHD_BYTES + TFDT_BYTES + trunBytes
  const moofBytes = HEADER_BYTES + MFHD_BYTES + trafBytes
  const mdatBytes = frames.reduce((sum, { data }) => sum + data.length, HEADER_BYTES)
  const writer = new BoxWriter(moofBytes + mdatBytes)
  writer.header('moof', moofBytes)
  writer.fullHeader('mfhd', MFHD_BYTES, 0)
  writer.uint32(sequence)
  writer.header('traf', trafBytes)
  writer.fullHeader('tfhd', TFHD_BYTES, TFHD_BASE_IS_MOOF)
  writer.uint32(TRACK_ID)
  // Versions 1: 64-bit decode time, signed composition offsets.
  writer.fullHeader('tfdt', TFDT_BYTES, 1 << 24)
  writer.uint64((frames[0]?.dtsTicks ?? originTicks) - originTicks)
  writer.fullHeader('trun', trunBytes, (1 << 24) | TRUN_FIELDS)
  writer.uint32(frames.length)
  writer.int32(moofBytes + HEADER_BYTES)
  writeSamples(writer, frames)
  writer.header('mdat', mdatBytes)
  for (const { data } of frames) writer.append(data)
  return writer.bytes
}
