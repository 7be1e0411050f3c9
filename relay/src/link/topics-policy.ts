import { DEVICE_PUBLISHES, DEVICE_SUBSCRIBES, deviceTopic, LOG_TOPIC_FILTER } from '@latchkey/shared'

/** What a client asks of the broker. */
export type TopicAction = 'publish' | 'subscribe'

const LOG_PREFIX = LOG_TOPIC_FILTER.slice(0, -1)

/**
 * May this device publish to this topic, or subscribe to this filter? Only its own channels, by their exact names (so no
 * wildcard can reach another device), and the log's announcements. The same rules stand in Mosquitto's `pattern` lines.
 * Untrusted: `topic`.
 * @see spec/mqtt.md
 */
export function allowedTopic(device: string, topic: string, action: TopicAction): boolean {
  if (action === 'publish') return DEVICE_PUBLISHES.some((channel) => topic === deviceTopic(device, channel))
  return topic.startsWith(LOG_PREFIX) || DEVICE_SUBSCRIBES.some((channel) => topic === deviceTopic(device, channel))
}

/** May this device have the broker keep a message for later subscribers? State only: a kept event would be told twice. */
export function allowedRetained(device: string, topic: string): boolean {
  return topic === deviceTopic(device, 'available') || topic === deviceTopic(device, 'health')
}

/**
 * Is this MQTT client id this device's? It starts with the device's id: a client id is a claim to a session, and a second
 * client with the same one throws the first out.
 * Untrusted: `clientId`.
 */
export function allowedClientId(device: string, clientId: string): boolean {
  return clientId.startsWith(device) && clientId.length <= device.length + 24
}
