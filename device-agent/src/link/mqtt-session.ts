import { deviceTopic, LatchkeyError, LOG_CHECKPOINT_TOPIC, type MqttCredentials } from '@latchkey/shared'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import type { Clock } from '../kernel/clock.ts'
import type { MqttSession, OpenMqttSession } from './publisher.ts'

/** Seconds; one and a half of these without a sign of life and the broker publishes our last will. */
const KEEPALIVE_S = 20
const CONNECT_TIMEOUT_MS = 10_000
const END_TIMEOUT_MS = 2_000

/** What a connection needs. */
export interface MqttSessionOptions {
  /** 16 bytes, base64url, from the device certificate. */
  readonly device: string
  readonly clock: Clock
  /** Fresh credentials for every connection. @throws UNAVAILABLE and the codes of the route */
  readonly credentials: () => Promise<MqttCredentials>
}

/** Without retries of its own, or a broker that hangs up before it answers would leave the promise pending for ever. */
const NO_RETRIES = false

function connect(device: string, { url, username, password }: MqttCredentials): Promise<MqttClient> {
  const options: IClientOptions = {
    // One client id per device, so that a new connection ends an old half-open one.
    clientId: `${device}-agent`,
    username,
    password,
    protocolVersion: 4,
    clean: true,
    keepalive: KEEPALIVE_S,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // Reconnecting is ours: it needs fresh credentials and a hello.
    reconnectPeriod: 0,
    // The outbox is the only queue: nothing waits in the client's memory.
    queueQoSZero: false,
    resubscribe: false,
    will: { topic: deviceTopic(device, 'available'), payload: Buffer.from('offline'), qos: 1, retain: true },
  }
  return connectAsync(url, options, NO_RETRIES)
}

/** Opens MQTT 3.1.1 connections to the relay's broker. */
export function createMqttOpener({ device, clock, credentials }: MqttSessionOptions): OpenMqttSession {
  return async ({ onAcknowledged, onCheckpoint }) => {
    const gone = new AbortController()
    const unavailable = (cause: unknown) => new LatchkeyError('UNAVAILABLE', 'the broker cannot be used', { cause })
    const client = await connect(device, await credentials()).catch((cause: unknown) => {
      throw unavailable(cause)
    })
    const waiting = new Set<(cause: unknown) => void>()
    const lose = (): void => {
      gone.abort()
      for (const reject of waiting) reject(unavailable(null))
    }
    client.on('error', lose)
    client.on('close', lose)
    const acknowledgedTopic = deviceTopic(device, 'acknowledged')
    // Untrusted: both; the broker's word.
    client.on('message', (topic, payload) => {
      if (topic === acknowledgedTopic) onAcknowledged(payload)
      else if (topic === LOG_CHECKPOINT_TOPIC) onCheckpoint()
    })
    const session: MqttSession = {
      gone: gone.signal,
      async publish(channel, payload, options) {
        if (gone.signal.aborted) throw unavailable(null)
        const lost = Promise.withResolvers<never>()
        waiting.add(lost.reject)
        const topic = deviceTopic(device, channel)
        const published = client.publishAsync(topic, Buffer.from(payload), { qos: 1, retain: options?.retain ?? false })
        try {
          await Promise.race([published, lost.promise])
        } catch (cause) {
          throw unavailable(cause)
        } finally {
          waiting.delete(lost.reject)
          published.catch(() => {})
        }
      },
      async end() {
        const ended = client.endAsync(gone.signal.aborted).catch(() => {})
        const inTime = new AbortController()
        await Promise.race([ended, clock.sleep(END_TIMEOUT_MS, inTime.signal)])
        inTime.abort()
        client.end(true)
      },
    }
    try {
      await client.subscribeAsync([acknowledgedTopic, LOG_CHECKPOINT_TOPIC], { qos: 1 })
    } catch (cause) {
      await session.end()
      throw unavailable(cause)
    }
    return session
  }
}
