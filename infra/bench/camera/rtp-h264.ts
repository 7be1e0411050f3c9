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
/** @see RFC 6184 §5.8 */
const FU_A = 28

/** A NAL unit as RTP payloads: as it is, or in FU-A pieces. */
function payloadsOf(nal: Uint8Array): Uint8Array[] {
  if (nal.length <= MAX_PAYLOAD_BYTES) return [nal]
  const payloads: Uint8Array[] = []
  for (let at = 1; at < nal.length; at += MAX_PAYLOAD_BYTES) {
    const end = Math.min(nal.length, at + MAX_PAYLOAD_BYTES)
    const edge = (at === 1 ? 0x80 : 0) | (end === nal.length ? 0x40 : 0)
    const piece = new Uint8Array(2 + end - at)
    piece.set([(nal[0]! & 0xe0) | FU_A, edge | (nal[0]! & 0x1f)])
    piece.set(nal.subarray(at, end), 2)
    payloads.push(piece)
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

/** Turns pictures into interleaved RTP packets with running sequence numbers. @see RFC 2326 §10.12, RFC 6184 */
export function createPacketizer(): (unit: AccessUnit) => Buffer {
  let sequence = 0
  return ({ nalUnits, timestamp }) => {
    const payloads = nalUnits.flatMap(payloadsOf)
    const last = payloads.length - 1
    return Buffer.concat(
      payloads.map((payload, i) => packetOf(payload, { marker: i === last, sequence: sequence++, timestamp })),
    )
  }
}
