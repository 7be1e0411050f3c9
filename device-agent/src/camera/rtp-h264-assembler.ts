import { LatchkeyError } from '@latchkey/shared'
import type { RtpPacket } from './rtp-packet.ts'

/** One coded picture with everything that was sent for it. */
export interface AccessUnit {
  /** NAL units as they came, each behind its length in {@link NAL_LENGTH_BYTES}. Valid during the call only. */
  readonly data: Uint8Array
  /** 90 kHz, 0 for the first picture. */
  readonly ticks: number
  /** Packets between the picture before and this one are missing: pictures may be. */
  readonly afterLoss: boolean
}

/** Packets of one stream → its pictures. */
export interface AccessUnitAssembler {
  /**
   * The next packet. Untrusted.
   * @throws ENCODING_INVALID for what no camera sends; SOURCE_UNSUPPORTED for packings we do not read
   */
  push(packet: RtpPacket): void
}

/** Bytes of the length in front of each NAL unit that we write. @see ISO/IEC 14496-15 §5.3.3 */
export const NAL_LENGTH_BYTES = 4
/** As for everything else that is read of a stream: a keyframe of 4K video stays below. @see box-splitter.ts */
const MAX_UNIT_BYTES = 16 << 20
const FIRST_SIZE_BYTES = 1 << 18
/** A camera whose clock leaps by more than this, either way, begins another stream. */
const MAX_LEAP_TICKS = 90_000 * 10

/** Types of packets. @see RFC 6184 §5.2 */
const LAST_SINGLE = 23
const STAP_A = 24
const FU_A = 28
/** A whole picture in one slice or more. @see ITU-T H.264 §7.4.1 */
const SLICES: ReadonlySet<number> = new Set([1, 5])
/** Used by no camera: another codec looks like it. */
const PARTITIONS: ReadonlySet<number> = new Set([2, 3, 4])

const unsupported = () =>
  new LatchkeyError('SOURCE_UNSUPPORTED', 'the camera packs its pictures in a way we do not read')
const broken = (what: string) => new LatchkeyError('ENCODING_INVALID', `the camera's stream ${what}`)

/** NAL units that grow at the end of one buffer, which is used again for each picture. */
class UnitBuffer {
  #bytes = new Uint8Array(FIRST_SIZE_BYTES)
  #unitAt = 0
  sizeBytes = 0

  get data(): Uint8Array {
    return this.#bytes.subarray(0, this.sizeBytes)
  }

  #reserve(count: number): void {
    const needed = this.sizeBytes + count
    if (needed > MAX_UNIT_BYTES) throw broken('has too large a picture')
    if (needed <= this.#bytes.length) return
    const larger = new Uint8Array(Math.min(MAX_UNIT_BYTES, Math.max(needed, this.#bytes.length * 2)))
    larger.set(this.data)
    this.#bytes = larger
  }

  append(part: Uint8Array): void {
    this.#reserve(part.length)
    this.#bytes.set(part, this.sizeBytes)
    this.sizeBytes += part.length
  }

  begin(header: number): void {
    this.#reserve(NAL_LENGTH_BYTES + 1)
    this.#unitAt = this.sizeBytes
    this.sizeBytes += NAL_LENGTH_BYTES
    this.#bytes[this.sizeBytes++] = header
  }

  end(): void {
    const sizeBytes = this.sizeBytes - this.#unitAt - NAL_LENGTH_BYTES
    new DataView(this.#bytes.buffer).setUint32(this.#unitAt, sizeBytes)
  }

  clear(): void {
    this.sizeBytes = 0
  }
}

/** How far a counter of `bits` bits went from `before` to `now`, the short way round. */
function distance(before: number, now: number, bits: 16 | 32): number {
  return bits === 16 ? ((now - before) << 16) >> 16 : (now - before) | 0
}

/** Builds an assembler; `onUnit` gets each whole picture as soon as its last packet is there. */
export function createAccessUnitAssembler(onUnit: (unit: AccessUnit) => void): AccessUnitAssembler {
  const buffer = new UnitBuffer()
  let lastSequence: number | undefined
  let timestamp: number | undefined
  let ticks = 0
  let hasPicture = false
  let isBroken = false
  let inFragment = false
  /** The picture at `timestamp` was handed over: nothing may follow. */
  let isOver = false
  /** Something is missing since the picture that was handed over last. */
  let afterLoss = false

  function clear(): void {
    buffer.clear()
    hasPicture = isBroken = inFragment = false
  }

  function finish(): void {
    const isWhole = !isBroken && !inFragment
    if (isWhole) onUnit({ data: buffer.data, ticks, afterLoss })
    afterLoss = !isWhole
    clear()
    isOver = true
  }

  /** Time goes on to another picture. */
  function advance(next: number): void {
    if (hasPicture) finish()
    const step = timestamp === undefined ? 0 : distance(timestamp, next, 32)
    if (Math.abs(step) > MAX_LEAP_TICKS) throw broken('leaps in time')
    ticks += step
    timestamp = next
    isOver = false
  }

  /** `after`: the byte behind the header, whose first bit says that the slice is its picture's first (§7.3.3). */
  function noteSlice(type: number, after: number | undefined): void {
    if (PARTITIONS.has(type)) throw unsupported()
    if (!SLICES.has(type)) return
    if (isOver) throw broken('goes on with a picture that it called complete')
    if (!hasPicture && (after ?? 0) >> 7 === 0) isBroken = true
    hasPicture = true
  }

  function takeUnit(unit: Uint8Array): void {
    if (unit.length === 0) return
    const type = unit[0]! & 0x1f
    if (type === 0 || type > LAST_SINGLE) throw unsupported()
    noteSlice(type, unit[1])
    buffer.begin(unit[0]!)
    buffer.append(unit.subarray(1))
    buffer.end()
  }

  function takeAggregate(payload: Uint8Array): void {
    for (let at = 1; at < payload.length;) {
      const sizeBytes = payload[at]! * 256 + (payload[at + 1] ?? Number.NaN)
      at += 2
      if (!(at + sizeBytes <= payload.length)) throw broken('holds a broken aggregate')
      takeUnit(payload.subarray(at, at + sizeBytes))
      at += sizeBytes
    }
  }

  function takeFragment(payload: Uint8Array): void {
    const [indicator, header] = [payload[0]!, payload[1]]
    if (header === undefined || payload.length < 3) throw broken('holds an empty piece')
    const [isFirst, isLast] = [(header & 0x80) !== 0, (header & 0x40) !== 0]
    if ((header & 0x1f) === 0 || (header & 0x1f) > LAST_SINGLE) throw unsupported()
    if (isFirst) {
      if (inFragment) isBroken = true
      noteSlice(header & 0x1f, payload[2])
      buffer.begin((indicator & 0xe0) | (header & 0x1f))
    } else if (!inFragment) {
      isBroken = true
      hasPicture ||= SLICES.has(header & 0x1f)
      return
    }
    buffer.append(payload.subarray(2))
    inFragment = !isLast
    if (isLast) buffer.end()
  }

  function takePayload(payload: Uint8Array): void {
    const type = payload[0]! & 0x1f
    if (type > STAP_A && type !== FU_A) throw unsupported()
    if (type !== FU_A && inFragment) isBroken = true
    const take = type === FU_A ? takeFragment : type === STAP_A ? takeAggregate : takeUnit
    take(payload)
  }

  return {
    push(packet) {
      const isNext = lastSequence === undefined || distance(lastSequence, packet.sequence, 16) === 1
      lastSequence = packet.sequence
      if (!isNext) {
        afterLoss = true
        // What was coming in misses a packet, unless it was over.
        if (buffer.sizeBytes > 0) isBroken = true
      }
      if (packet.timestamp !== timestamp) advance(packet.timestamp)
      if (packet.payload.length > 0) takePayload(packet.payload)
      if (packet.marker && hasPicture) finish()
    },
  }
}
