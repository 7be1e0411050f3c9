import {
  AVAILABILITY,
  type Availability,
  deviceEvent,
  deviceTopic,
  encodeMqtt,
  everyDeviceTopic,
  fromUtf8,
  health as healthCheck,
  LatchkeyError,
  mqttHello,
  parseDeviceTopic,
  parseMqtt,
  type DeviceChannel,
  type DeviceEvent,
} from '@latchkey/shared'
import type { BusMessage, DeviceEventLog, DeviceStates, EventBus, Reach } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'

/** What ingestion needs, and whom it tells. */
export interface DeviceEventsParts {
  readonly bus: EventBus
  readonly events: DeviceEventLog
  readonly states: DeviceStates
  readonly clock: Clock
  readonly log: Log
  /** The broker began with us: then it knows no connection of before. */
  readonly brokerIsNew: boolean
  /** Called once per new event, after it is committed; must not throw. */
  readonly onEvent?: (device: string, event: DeviceEvent) => void
}

function deviceOf(topic: string): string {
  const found = parseDeviceTopic(topic)
  if (!found) throw new LatchkeyError('MESSAGE_INVALID', 'not the topic of a device')
  return found.device
}

/** Untrusted: `payload`. @throws MESSAGE_INVALID | ENCODING_INVALID */
function parseAvailability(payload: Uint8Array): Availability {
  const text = fromUtf8(payload)
  const found = AVAILABILITY.find((word) => word === text)
  if (!found) throw new LatchkeyError('MESSAGE_INVALID', 'available is one of three words')
  return found
}

class DeviceEvents {
  readonly #parts: DeviceEventsParts

  constructor(parts: DeviceEventsParts) {
    this.#parts = parts
  }

  async event({ topic, payload }: BusMessage): Promise<void> {
    const { clock, events, onEvent } = this.#parts
    const device = deviceOf(topic)
    const event = parseMqtt(deviceEvent, payload, 'device event')
    const { isNew, acknowledged } = await events.recordEvent(device, event, clock.nowMs())
    if (isNew) onEvent?.(device, event)
    await this.#acknowledge(device, event.stream, acknowledged)
  }

  async hello({ topic, payload }: BusMessage): Promise<void> {
    const device = deviceOf(topic)
    const hello = parseMqtt(mqttHello, payload, 'hello')
    const acknowledged = await this.#parts.events.recordHello(device, hello)
    await this.#acknowledge(device, hello.stream, acknowledged)
  }

  async available({ topic, payload, retained }: BusMessage): Promise<void> {
    const { states, clock } = this.#parts
    const arrival = { receivedMs: clock.nowMs(), retained }
    await states.recordAvailability(deviceOf(topic), parseAvailability(payload), arrival)
  }

  async health({ topic, payload, retained }: BusMessage): Promise<void> {
    const { states, clock } = this.#parts
    const arrival = { receivedMs: clock.nowMs(), retained }
    await states.recordHealth(deviceOf(topic), parseMqtt(healthCheck, payload, 'health'), arrival)
  }

  /** A message that can never be right is dropped: kept, it would come again for ever. What may work later is kept. */
  guarded(handle: (message: BusMessage) => Promise<void>): (message: BusMessage) => Promise<void> {
    return async (message) => {
      try {
        await handle(message)
      } catch (error) {
        if (!(error instanceof LatchkeyError) || error.kind !== 'refuse') throw error
        this.#parts.log.warn({ topic: message.topic, code: error.code }, 'event.refused')
      }
    }
  }

  async #acknowledge(device: string, stream: string, sequence: number): Promise<void> {
    const message = encodeMqtt({ v: 1, stream, sequence })
    // Lost acknowledgements repair themselves: the device says hello again.
    await this.#parts.bus.publish(deviceTopic(device, 'acknowledged'), message, { qos: 1 })
  }
}

/**
 * Takes what devices say from the bus into the database. Of an event: parse, commit, then tell the device how far it may forget, then
 * acknowledge to the broker. A crash anywhere leads to redelivery, which the key (device, stream, sequence) makes harmless.
 * Resolves when the subscriptions stand.
 * @throws UNAVAILABLE | CALLER_REFUSED
 * @see spec/mqtt.md
 */
export async function createDeviceEvents(parts: DeviceEventsParts): Promise<void> {
  const ingestion = new DeviceEvents(parts)
  const { bus, states, clock, brokerIsNew } = parts
  if (brokerIsNew) await states.assumeOffline(clock.nowMs())
  const take = (channel: DeviceChannel, reach: Reach, handle: (message: BusMessage) => Promise<void>): Promise<void> =>
    bus.subscribe(everyDeviceTopic(channel), ingestion.guarded(handle), reach)
  await take('events', 'one', (message) => ingestion.event(message))
  await take('hello', 'one', (message) => ingestion.hello(message))
  // What the broker retains reaches only those whose subscription is their own: so a relay that was away learns who is there.
  await take('available', 'each', (message) => ingestion.available(message))
  await take('health', 'one', (message) => ingestion.health(message))
}
