import { digestOf, LatchkeyError, MAX_MQTT_BYTES, utf8 } from '@latchkey/shared'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import type { BusMessage, EventBus, PublishOptions, Reach } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'

/** A broker that does not answer within this is not there; the caller may try again. */
const ANSWER_TIMEOUT_MS = 10_000
/** After a failed handler, before it gets the same message again. */
const RETRY_DELAY_MS = 500
const RECONNECT_MS = 500
/** SUBACK of a refused filter. @see MQTT 3.1.1 §3.9.3 */
const SUBACK_FAILURE = 0x80

/** Which broker, and who we are there. */
export interface MqttEventBusOptions {
  readonly url: string
  readonly username?: string
  readonly password?: string
  /** CA certificates, PEM, for a broker with a private CA. */
  readonly ca?: string
  /** Name of this relay instance: the same after a restart, so that the broker keeps what came meanwhile. */
  readonly instance: string
  /**
   * `$share` group, when several relays serve one external broker. Never with the embedded one: aedes ignores it. Then no session
   * outlives its connection: what the broker kept for a relay that never comes back would reach nobody, and devices tell again.
   */
  readonly sharedGroup?: string
  readonly clock: Clock
  readonly log: Log
}

async function withDeadline<T>(clock: Clock, what: string, work: Promise<T>): Promise<T> {
  const waiting = new AbortController()
  const late = clock.sleep(ANSWER_TIMEOUT_MS, waiting.signal).then(() => {
    throw new LatchkeyError('UNAVAILABLE', `the broker did not answer to ${what} in time`)
  })
  // The loser's outcome is of no interest, but must not count as unhandled.
  late.catch(() => {})
  work.catch(() => {})
  try {
    return await Promise.race([work, late])
  } finally {
    waiting.abort()
  }
}

class MqttEventBus implements EventBus, AsyncDisposable {
  readonly #options: MqttEventBusOptions
  readonly #publisher: MqttClient
  readonly #subscribers: MqttClient[] = []
  #stopped = false

  constructor(options: MqttEventBusOptions) {
    this.#options = options
    // Its own connection: mqtt.js handles packets one by one, so that a handler that awaited a publish on the connection
    // it is called from would wait for a PUBACK stuck behind itself.
    this.#publisher = this.#connect('out', true)
  }

  async publish(topic: string, payload: Uint8Array | string, options: PublishOptions = {}): Promise<void> {
    const bytes = Buffer.from(payload)
    if (bytes.length > MAX_MQTT_BYTES) throw new LatchkeyError('MESSAGE_TOO_LARGE', 'too large for MQTT')
    const sent = this.#publisher.publishAsync(topic, bytes, { qos: options.qos ?? 1, retain: options.retain ?? false })
    await withDeadline(this.#options.clock, 'a publish', sent.catch(unavailable))
  }

  async subscribe(filter: string, handler: (message: BusMessage) => Promise<void>, reach: Reach): Promise<void> {
    const { sharedGroup, clock } = this.#options
    const wanted = sharedGroup === undefined || reach === 'each' ? filter : `$share/${sharedGroup}/${filter}`
    // One connection per filter: the broker may send what it kept before SUBSCRIBE, and then knows one handler only.
    const client = this.#connect(`in.${digestOf(utf8(wanted)).slice(0, 10)}`, sharedGroup !== undefined, (made) =>
      this.#deliver(made, handler),
    )
    this.#subscribers.push(client)
    const granted = await withDeadline(
      clock,
      'a subscribe',
      client.subscribeAsync(wanted, { qos: 1 }).catch(unavailable),
    )
    if (granted.some(({ qos }) => qos === SUBACK_FAILURE)) {
      throw new LatchkeyError('CALLER_REFUSED', 'the broker refused a subscription')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    // Forced: a message whose handler still runs stays unacknowledged and comes again.
    await Promise.all([this.#publisher.endAsync(), ...this.#subscribers.map((client) => client.endAsync(true))])
  }

  #connect(role: string, clean: boolean, prepare?: (client: MqttClient) => void): MqttClient {
    const { url, username, password, ca, instance, log } = this.#options
    const settings: IClientOptions = {
      // A dot is in no device id, so that no device can claim this name.
      clientId: `relay.${instance}.${role}`,
      protocolVersion: 4,
      clean,
      reconnectPeriod: RECONNECT_MS,
      // Connected by hand, once the handler is in place.
      manualConnect: true,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(ca === undefined ? {} : { ca }),
    }
    const client = connect(url, settings)
    client.on('error', (error) => log.warn({ role, code: (error as { code?: unknown }).code }, 'bus.error'))
    prepare?.(client)
    client.connect()
    return client
  }

  /** Makes the PUBACK wait for the handler; one message at a time, also across a reconnect in the middle of one. */
  #deliver(client: MqttClient, handler: (message: BusMessage) => Promise<void>): void {
    const { clock, log } = this.#options
    let last: Promise<void> = Promise.resolve()
    client.handleMessage = (packet, acknowledge) => {
      const connection = client.stream
      const message = {
        topic: packet.topic,
        payload: new Uint8Array(Buffer.from(packet.payload)),
        retained: packet.retain,
      }
      const handle = async (): Promise<void> => {
        // On a newer connection the same packet id may mean another message, and this one comes again or is told again.
        while (!this.#stopped && client.stream === connection) {
          try {
            await handler(message)
            if (client.stream === connection) acknowledge()
            return
          } catch (error) {
            log.warn({ err: error }, 'bus.handler-failed')
            await clock.sleep(RETRY_DELAY_MS)
          }
        }
      }
      last = last.then(handle)
    }
  }
}

function unavailable(cause: unknown): never {
  throw new LatchkeyError('UNAVAILABLE', 'the broker refused or went away', { cause })
}

/**
 * The relay's connection to whatever broker is configured, as an ordinary MQTT 3.1.1 client: QoS 1, one session per
 * subscription that outlives us. Connects in the background and again by itself.
 */
export function createMqttEventBus(options: MqttEventBusOptions): EventBus & AsyncDisposable {
  return new MqttEventBus(options)
}
