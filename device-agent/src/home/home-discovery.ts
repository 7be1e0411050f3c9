import type { ClockStatement } from '@latchkey/shared'
import type { CameraState } from '../flow.ts'
import type { HomeTopics } from './home-topics.ts'

/** What Home Assistant is told of the doorbell. */
export interface HomeDevice {
  readonly id: string
  /** As the household calls it. */
  readonly name: string
  /** Program and version. */
  readonly software: string
  /** Whether pictures go to the broker. */
  readonly snapshots: boolean
}

const CAMERA_STATES: readonly CameraState[] = ['starting', 'on', 'privacy', 'camera-lost', 'stopped']
const CLOCK_SOURCES: readonly ClockStatement['source'][] = ['ntp', 'rtc', 'none']

/** A word that Home Assistant does not know leaves an entity as it was; so everything but `online` is made `offline`. */
const online = (topic: string) => ({ topic, value_template: "{{ 'online' if value == 'online' else 'offline' }}" })

/** Readings for the page of the device, out of the health message. */
function diagnostics(id: string, topics: HomeTopics): Record<string, object> {
  const sensor = (key: string, name: string, template: string, more: object = {}) => ({
    [key]: {
      p: 'sensor',
      unique_id: `${id}_${key}`,
      name,
      state_topic: topics.health,
      value_template: `{{ ${template} }}`,
      entity_category: 'diagnostic',
      ...more,
    },
  })
  const connectivity = (key: string, name: string, topic: string) => ({
    [key]: {
      p: 'binary_sensor',
      unique_id: `${id}_${key}`,
      name,
      device_class: 'connectivity',
      state_topic: topic,
      payload_on: 'online',
      payload_off: 'offline',
      entity_category: 'diagnostic',
    },
  })
  const size = { device_class: 'data_size', unit_of_measurement: 'MiB', state_class: 'measurement' }
  return {
    ...sensor('spool', 'Clips waiting', 'value_json.spool.clips', { state_class: 'measurement' }),
    ...sensor('dropped', 'Clips given up', 'value_json.spool.dropped', { state_class: 'total_increasing' }),
    ...sensor('last_clip', 'Last clip', 'value_json.last_clip', { device_class: 'timestamp' }),
    ...sensor('free', 'Free space', 'value_json.free_mib', size),
    ...sensor('camera', 'Camera', 'value_json.camera', { device_class: 'enum', options: CAMERA_STATES }),
    ...sensor('clock', 'Clock', 'value_json.clock.source', { device_class: 'enum', options: CLOCK_SOURCES }),
    ...connectivity('uploader', 'Relay', topics.status.uploader),
    ...connectivity('button', 'Button', topics.status.button),
  }
}

/**
 * One message that tells Home Assistant the whole device; to be retained. The bell hangs on nothing but the agent itself:
 * it must ring when the camera does not work.
 * @see home-assistant.io/integrations/mqtt, "Device discovery payload"; developers.home-assistant.io, event entity,
 * "Doorbell": `ring` is required
 */
export function encodeDiscovery({ id, name, software, snapshots }: HomeDevice, topics: HomeTopics): string {
  const available = online(topics.available)
  const watched = { availability: [available, online(topics.status.camera)], availability_mode: 'all' }
  const recorded = { availability: [available, online(topics.status.recorder)], availability_mode: 'all' }
  const version = software.split('/').at(-1)
  const picture = {
    unique_id: `${id}_picture`,
    name: 'Picture',
    image_topic: topics.picture,
    content_type: 'image/jpeg',
  }
  return JSON.stringify({
    dev: { ids: [id], name, mf: 'Latchkey', mdl: 'Doorbell', sw: version },
    o: { name: 'latchkey-agent', sw: version },
    qos: 1,
    availability: [available],
    cmps: {
      ring: {
        p: 'event',
        unique_id: `${id}_ring`,
        name: 'Ring',
        device_class: 'doorbell',
        event_types: ['ring'],
        state_topic: topics.ring,
      },
      motion: {
        p: 'binary_sensor',
        unique_id: `${id}_motion`,
        name: 'Motion',
        device_class: 'motion',
        state_topic: topics.motion,
        payload_on: 'ON',
        payload_off: 'OFF',
        ...watched,
      },
      // A component with nothing but its platform is one that is to go: pictures may have been on before.
      picture: { p: 'image', ...(snapshots ? picture : {}) },
      privacy: {
        p: 'switch',
        unique_id: `${id}_privacy`,
        name: 'Privacy',
        icon: 'mdi:eye-off',
        state_topic: topics.privacy.state,
        command_topic: topics.privacy.set,
        payload_on: 'ON',
        payload_off: 'OFF',
        ...recorded,
      },
      ...diagnostics(id, topics),
    },
  })
}
