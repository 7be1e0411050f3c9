import { deviceTopic, encodeBase64url, everyDeviceTopic, LOG_CHECKPOINT_TOPIC } from '@latchkey/shared'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { guardPackets } from '../../relay/src/link/packet-guard.ts'
import { allowedClientId, allowedRetained, allowedTopic } from '../../relay/src/link/topics-policy.ts'

const device = encodeBase64url(new Uint8Array(16).fill(1))
const other = encodeBase64url(new Uint8Array(16).fill(2))

describe('the topics of a device', () => {
  it.each(['available', 'events', 'health', 'hello'] as const)('lets it publish its own %s only', (channel) => {
    expect(allowedTopic(device, deviceTopic(device, channel), 'publish')).toBe(true)
    expect(allowedTopic(device, deviceTopic(other, channel), 'publish')).toBe(false)
    expect(allowedTopic(device, deviceTopic(device, channel), 'subscribe')).toBe(false)
  })

  it.each(['acknowledged', 'commands'] as const)('lets it subscribe to its own %s only', (channel) => {
    expect(allowedTopic(device, deviceTopic(device, channel), 'subscribe')).toBe(true)
    expect(allowedTopic(device, deviceTopic(other, channel), 'subscribe')).toBe(false)
    expect(allowedTopic(device, deviceTopic(device, channel), 'publish')).toBe(false)
  })

  it('lets it read the log and write nothing there', () => {
    for (const filter of ['latchkey/v1/log/#', LOG_CHECKPOINT_TOPIC, 'latchkey/v1/log/+']) {
      expect(allowedTopic(device, filter, 'subscribe')).toBe(true)
      expect(allowedTopic(device, filter, 'publish')).toBe(false)
    }
  })

  it.each(['#', '+/#', 'latchkey/#', 'latchkey/v1/#', 'latchkey/v1/log', '$share/g/latchkey/v1/log/#', '', '$SYS/#'])(
    'refuses the filter %j',
    (filter) => {
      expect(allowedTopic(device, filter, 'subscribe')).toBe(false)
    },
  )

  it('refuses wildcards in the place of its id', () => {
    expect(allowedTopic(device, everyDeviceTopic('commands'), 'subscribe')).toBe(false)
    expect(allowedTopic('+', everyDeviceTopic('events'), 'publish') && allowedClientId('+', '')).toBe(false)
  })

  it('keeps state, not events', () => {
    const kept = (['available', 'events', 'health', 'hello'] as const).filter((channel) =>
      allowedRetained(device, deviceTopic(device, channel)),
    )
    expect(kept).toEqual(['available', 'health'])
  })

  it('binds client ids to the device', () => {
    expect([device, `${device}-agent`].every((clientId) => allowedClientId(device, clientId))).toBe(true)
    const foreign = ['', other, 'relay.one.out', device.slice(1), `${device}${'x'.repeat(25)}`]
    expect(foreign.some((clientId) => allowedClientId(device, clientId))).toBe(false)
  })
})

describe('the packet guard', () => {
  const pingreq = Uint8Array.of(0xc0, 0)
  /** A PUBLISH frame with a body of `bodyBytes`. */
  const publish = (bodyBytes: number): Uint8Array => {
    const length: number[] = []
    for (let left = bodyBytes; ; left >>= 7) {
      length.push(left > 127 ? (left & 127) | 128 : left)
      if (left <= 127) break
    }
    return Uint8Array.from([0x30, ...length, ...new Uint8Array(bodyBytes)])
  }

  async function pass(chunks: readonly Uint8Array[]): Promise<number | string> {
    const connection = new PassThrough()
    const guarded = guardPackets(connection, 1_000)
    for (const chunk of chunks) connection.write(chunk)
    connection.end()
    let bytes = 0
    try {
      for await (const chunk of guarded) bytes += (chunk as Uint8Array).length
    } catch (error) {
      return (error as { code: string }).code
    }
    return bytes
  }

  const stream = Buffer.concat([publish(0), pingreq, publish(127), publish(128), publish(5_000), pingreq])

  it('passes packets within the limit, whole, byte by byte and in one piece', async () => {
    expect(await pass([stream])).toBe(stream.length)
    expect(await pass(Array.from(stream, (byte) => Uint8Array.of(byte)))).toBe(stream.length)
  })

  it.each([
    ['too long by one byte', publish(1_000 + 4_096 + 1)],
    ['with a length of five bytes', Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, 0)],
    ['too long after good ones', Buffer.concat([stream, publish(6_000)])],
  ])('refuses a packet %s', async (_, bytes) => {
    expect(await pass([bytes])).toBe('MESSAGE_TOO_LARGE')
    expect(await pass(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toBe('MESSAGE_TOO_LARGE')
  })
})
