/** MQTT 3.1.1 packets by hand, so that a test can get them wrong. */

const bytesOf = (text: string): Buffer => Buffer.from(text, 'utf8')

/** Two bytes of length before the bytes. @see MQTT 3.1.1 §1.5.3 */
export function prefixed(value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? bytesOf(value) : Buffer.from(value)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length & 0xffff)
  return Buffer.concat([length, bytes])
}

/** @see MQTT 3.1.1 §2.2.3 */
export function remainingLength(length: number): Buffer {
  const bytes: number[] = []
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 0x80)
  }
}

/** A packet whose remaining length is what it has, or what `claimed` says. */
export function packet(firstByte: number, body: Uint8Array, claimed = body.length): Buffer {
  return Buffer.concat([Buffer.from([firstByte]), remainingLength(claimed), body])
}

export interface Credential {
  readonly clientId: string
  readonly username: string
  readonly password: string
}

/** CONNECT with user name and password. */
export function connectPacket({ clientId, username, password }: Credential): Buffer {
  const head = Buffer.concat([prefixed('MQTT'), Buffer.from([4, 0xc2, 0, 30])])
  return packet(0x10, Buffer.concat([head, prefixed(clientId), prefixed(username), prefixed(password)]))
}

/** PUBLISH with QoS 1. */
export function publishPacket(topic: string | Uint8Array, payload: Uint8Array, flags = 0x02): Buffer {
  return packet(0x30 | flags, Buffer.concat([prefixed(topic), Buffer.from([0, 7]), payload]))
}

/** SUBSCRIBE to one filter. */
export function subscribePacket(filter: string | Uint8Array, qos = 1): Buffer {
  return packet(0x82, Buffer.concat([Buffer.from([0, 9]), prefixed(filter), Buffer.from([qos])]))
}
