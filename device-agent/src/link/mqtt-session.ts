import { deviceTopic, LatchkeyError, LOG_CHECKPOINT_TOPIC, type MqttCredentials } from '@latchkey/shared'
import type { IClientOptions } from 'mqtt'
import { connectBroker } from '../kernel/broker-connection.ts'
import type { Clock } from '../kernel/clock.ts'
import type { MqttSession, OpenMqttSession } from './publisher.ts'

const CONNECT_TIMEOUT_MS = 10_000

/** What a connection needs. */
export interface MqttSessionOptions {
  /** 16 bytes, base64url, from the device certificate. */
  readonly device: string
  readonly clock: Clock
  /** Fresh credentials for every connection. @throws UNAVAILABLE and the codes of the route */
  readonly credentials: () => Promise<MqttCredentials>
}

function optionsOf(device: string, { username, password }: MqttCredentials): IClientOptions {
  return {
    // One client id per device, so that a new connection ends an old half-open one.
    clientId: `${device}-agent`,
    username,
    password,
    protocolVersion: 4,
    connectTimeout: CONNECT_TIMEOUT_MS,
    will: { topic: deviceTopic(device, 'available'), payload: Buffer.from('offline'), qos: 1, retain: true },
  }
}

/** Opens MQTT 3.1.1 connections to the relay's broker. */
export function createMqttOpener({ device, clock, credentials }: MqttSessionOptions): OpenMqttSession {
  return async ({ onAcknowledged, onCheckpoint }) => {
    const unavailable = (cause: unknown) => new LatchkeyError('UNAVAILABLE', 'the broker cannot be used', { cause })
    const access = await credentials()
    const { client, ...connection } = await connectBroker(access.url, optionsOf(device, access), clock).catch(
      (cause: unknown) => {
        throw unavailable(cause)
      },
    )
    const acknowledgedTopic = deviceTopic(device, 'acknowledged')
    // Untrusted: both; the broker's word.
    client.on('message', (topic, payload) => {
      if (topic === acknowledgedTopic) onAcknowledged(payload)
      else if (topic === LOG_CHECKPOINT_TOPIC) onCheckpoint()
    })
    const session: MqttSession = {
      gone: connection.gone,
      async publish(channel, payload, options) {
        const topic = deviceTopic(device, channel)
        await connection.publish(topic, Buffer.from(payload), options?.retain ?? false).catch((cause: unknown) => {
          throw unavailable(cause)
        })
      },
      end: connection.end,
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
