import { LatchkeyError } from '@latchkey/shared'

/** One packet of a stream of pictures. */
export interface RtpPacket {
  readonly payloadType: number
  /** The last of its picture. */
  readonly marker: boolean
  /** Counts packets, 0…65535 and over again. */
  readonly sequence: number
  /** Time of the picture, 0…2³²−1 and over again. */
  readonly timestamp: number
  /** A view of what was parsed. */
  readonly payload: Uint8Array
}

const FIXED_BYTES = 12
const VERSION = 2

function paddingBytes(packet: Uint8Array, has: boolean): number {
  if (!has) return 0
  const count = packet.at(-1)!
  if (count === 0) throw new LatchkeyError('ENCODING_INVALID', 'an RTP packet has broken padding')
  return count
}

/**
 * Untrusted: `packet`.
 * @throws ENCODING_INVALID
 * @see RFC 3550 §5.1
 */
export function parseRtpPacket(packet: Uint8Array): RtpPacket {
  if (packet.length < FIXED_BYTES || packet[0]! >> 6 !== VERSION)
    throw new LatchkeyError('ENCODING_INVALID', 'not an RTP packet')
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length)
  const [first, second] = [packet[0]!, packet[1]!]
  let from = FIXED_BYTES + (first & 0x0f) * 4
  const hasExtension = (first & 0x10) !== 0
  if (hasExtension) from += 4 + (from + 4 <= packet.length ? view.getUint16(from + 2) * 4 : 0)
  const until = packet.length - paddingBytes(packet, (first & 0x20) !== 0)
  if (from > until) throw new LatchkeyError('ENCODING_INVALID', 'an RTP packet is too short')
  return {
    payloadType: second & 0x7f,
    marker: second >> 7 === 1,
    sequence: view.getUint16(2),
    timestamp: view.getUint32(4),
    payload: packet.subarray(from, until),
  }
}
