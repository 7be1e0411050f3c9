import { LatchkeyError } from '@latchkey/shared'
import { Duplex, Transform, type TransformCallback } from 'node:stream'

/** Fixed header and topic stand beside the payload in a packet; a CONNECT also holds its credentials. */
const OVERHEAD_BYTES = 4_096

/**
 * Watches the lengths that MQTT packets announce, and fails on one that is too long before any of it is buffered.
 * Untrusted: every byte.
 * @see MQTT 3.1.1 §2.2.3 (remaining length)
 */
class LengthWatch {
  readonly #maxBytes: number
  #phase: 'type' | 'length' | 'body' = 'type'
  #length = 0
  #shift = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** @throws MESSAGE_TOO_LARGE */
  see(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#phase === 'body') {
        const skipped = Math.min(this.#length, chunk.length - at)
        this.#length -= skipped
        at += skipped
        if (this.#length === 0) this.#phase = 'type'
      } else {
        this.#header(chunk[at++]!)
      }
    }
  }

  #header(byte: number): void {
    if (this.#phase === 'type') {
      this.#phase = 'length'
      this.#length = 0
      this.#shift = 0
      return
    }
    this.#length += (byte & 0x7f) * 2 ** this.#shift
    this.#shift += 7
    if (this.#length > this.#maxBytes || this.#shift > 28) {
      throw new LatchkeyError('MESSAGE_TOO_LARGE', `an MQTT packet is over ${this.#maxBytes} bytes`)
    }
    if ((byte & 0x80) === 0) this.#phase = this.#length === 0 ? 'type' : 'body'
  }
}

/**
 * A connection whose incoming packets are bounded. Closing or failing either side closes both.
 * @param maxPayloadBytes largest payload; a packet may be 4 KiB longer
 */
export function guardPackets(connection: Duplex, maxPayloadBytes: number): Duplex {
  const watch = new LengthWatch(maxPayloadBytes + OVERHEAD_BYTES)
  const incoming = new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      try {
        watch.see(chunk)
        done(null, chunk)
      } catch (error) {
        done(error as Error)
      }
    },
  })
  connection.on('error', (error) => incoming.destroy(error))
  connection.on('close', () => incoming.destroy())
  return Duplex.from({ readable: connection.pipe(incoming), writable: connection })
}
