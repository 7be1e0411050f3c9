/** One coded picture as RTP carries it. */
export interface AccessUnit {
  readonly nalUnits: readonly Uint8Array[]
  /** 90 kHz. */
  readonly timestamp: number
}

const MAX_PAYLOAD_BYTES = 1400
const VERSION_2 = 0x80
const MARKER = 0x80
/** Dynamic payload type, as the SDP says. */
export const PAYLOAD_TYPE = 96
const SSRC = 0x1a7c4e
export type RtpCodec = 'h264' | 'h265'

/** How a NAL unit that is too large for one packet is cut: the head of every piece, and where its payload begins. */
interface Fragmenting {
  readonly headerBytes: number
  head(nal: Uint8Array, edge: number): number[]
}

const FRAGMENTING: Readonly<Record<RtpCodec, Fragmenting>> = {
  /** FU-A. @see RFC 6184 §5.8 */
  h264: { headerBytes: 1, head: ([first = 0], edge) => [(first & 0xe0) | 28, edge | (first & 0x1f)] },
  /** @see RFC 7798 §4.4.3 */
  h265: {
    headerBytes: 2,
    head: ([first = 0, second = 0], edge) => [(first & 0x81) | (49 << 1), second, edge | ((first >> 1) & 0x3f)],
  },
}

/** A NAL unit as RTP payloads: as it is, or in pieces. */
function payloadsOf(nal: Uint8Array, { headerBytes, head }: Fragmenting): Uint8Array[] {
  if (nal.length <= MAX_PAYLOAD_BYTES) return [nal]
  const payloads: Uint8Array[] = []
  for (let at = headerBytes; at < nal.length; at += MAX_PAYLOAD_BYTES) {
    const end = Math.min(nal.length, at + MAX_PAYLOAD_BYTES)
    const edge = (at === headerBytes ? 0x80 : 0) | (end === nal.length ? 0x40 : 0)
    payloads.push(Buffer.concat([Uint8Array.from(head(nal, edge)), nal.subarray(at, end)]))
  }
  return payloads
}

function packetOf(payload: Uint8Array, fields: { marker: boolean; sequence: number; timestamp: number }): Buffer {
  const packet = Buffer.alloc(4 + 12 + payload.length)
  packet.write('$', 0, 'latin1')
  packet.writeUInt8(0, 1)
  packet.writeUInt16BE(12 + payload.length, 2)
  packet.writeUInt8(VERSION_2, 4)
  packet.writeUInt8((fields.marker ? MARKER : 0) | PAYLOAD_TYPE, 5)
  packet.writeUInt16BE(fields.sequence & 0xffff, 6)
  packet.writeUInt32BE(fields.timestamp >>> 0, 8)
  packet.writeUInt32BE(SSRC, 12)
  packet.set(payload, 16)
  return packet
}

/** Turns pictures into interleaved RTP packets with running sequence numbers. @see RFC 2326 §10.12, RFC 6184, RFC 7798 */
export function createPacketizer(): (unit: AccessUnit, codec?: RtpCodec) => Buffer {
  let sequence = 0
  return ({ nalUnits, timestamp }, codec = 'h264') => {
    const payloads = nalUnits.flatMap((nal) => payloadsOf(nal, FRAGMENTING[codec]))
    const last = payloads.length - 1
    return Buffer.concat(
      payloads.map((payload, i) => packetOf(payload, { marker: i === last, sequence: sequence++, timestamp })),
    )
  }
}
