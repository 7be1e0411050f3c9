/** MQTT topics of the relay's broker. One place, so that agent, relay and access rules agree. @see spec/mqtt.md */

/** What a device publishes. */
export const DEVICE_PUBLISHES = ['available', 'events', 'health', 'hello'] as const
/** What a device subscribes to. */
export const DEVICE_SUBSCRIBES = ['acknowledged', 'commands'] as const
export type DeviceChannel = (typeof DEVICE_PUBLISHES)[number] | (typeof DEVICE_SUBSCRIBES)[number]

const ROOT = 'latchkey/v1'
/** Log announcements, open to every device. */
export const LOG_TOPIC_FILTER = `${ROOT}/log/#`
export const LOG_CHECKPOINT_TOPIC = `${ROOT}/log/checkpoint`

/** Topic of one channel of one device. @param device 16-byte id, base64url */
export function deviceTopic(device: string, channel: DeviceChannel): string {
  return `${ROOT}/devices/${device}/${channel}`
}

/** Filter for one channel of every device. */
export function everyDeviceTopic(channel: DeviceChannel): string {
  return `${ROOT}/devices/+/${channel}`
}

/** Device and channel of a topic, `null` for any other topic. Untrusted: `topic`. */
export function parseDeviceTopic(topic: string): { device: string; channel: DeviceChannel } | null {
  const match = /^latchkey\/v1\/devices\/([A-Za-z0-9_-]{21}[AQgw])\/([a-z]+)$/.exec(topic)
  const channel = [...DEVICE_PUBLISHES, ...DEVICE_SUBSCRIBES].find((name) => name === match?.[2])
  return match && channel ? { device: match[1]!, channel } : null
}
