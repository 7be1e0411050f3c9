import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import type { Clock } from './clock.ts'

/** One connection with a broker, from CONNACK to its end. */
export interface BrokerConnection {
  readonly client: MqttClient
  /** Aborts when the connection is gone. */
  readonly gone: AbortSignal
  /** Publishes with QoS 1; resolves at the broker's PUBACK. Rejects when it does not come, whatever becomes of the line. */
  publish(topic: string, payload: string | Buffer, retain: boolean): Promise<void>
  /** Says goodbye in order, without the last will; ends it by force when that takes too long. */
  end(): Promise<void>
}

/** Seconds; one and a half of these without a sign of life and the broker publishes our last will. */
const KEEPALIVE_S = 20
const END_TIMEOUT_MS = 2_000
/** Without retries of its own, or a broker that hangs up before it answers would leave the promise pending for ever. */
const NO_RETRIES = false

const lost = (): Error => new Error('the connection with the broker broke')

/**
 * Connects once: reconnecting is the caller's, with fresh credentials, and nothing waits in the client's memory.
 * Rejects with what mqtt.js says of the failure; its `code` is CONNACK's, or a system error's.
 */
export async function connectBroker(url: string, options: IClientOptions, clock: Clock): Promise<BrokerConnection> {
  const fixed = { clean: true, keepalive: KEEPALIVE_S, reconnectPeriod: 0, queueQoSZero: false, resubscribe: false }
  const client = await connectAsync(url, { ...options, ...fixed }, NO_RETRIES)
  const gone = new AbortController()
  const waiting = new Set<(cause: unknown) => void>()
  const lose = (): void => {
    gone.abort()
    for (const reject of waiting) reject(lost())
  }
  client.on('error', lose)
  client.on('close', lose)
  return {
    client,
    gone: gone.signal,
    async publish(topic, payload, retain) {
      if (gone.signal.aborted) throw lost()
      const broken = Promise.withResolvers<never>()
      waiting.add(broken.reject)
      const published = client.publishAsync(topic, payload, { qos: 1, retain })
      try {
        await Promise.race([published, broken.promise])
      } finally {
        waiting.delete(broken.reject)
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
}
