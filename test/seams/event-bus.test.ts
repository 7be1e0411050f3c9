import { connect, type MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEmbeddedBroker } from '../../relay/src/link/embedded-broker.ts'
import { createMqttEventBus } from '../../relay/src/link/mqtt-event-bus.ts'
import { systemClock } from '../../relay/src/kernel/clock.ts'
import { createLog } from '../../relay/src/kernel/log.ts'
import type { BusMessage, EventBus } from '../../relay/src/flow.ts'
import { createMosquitto } from '../support/mosquitto.ts'
import { eventually } from '../support/poll.ts'

const log = createLog({ level: 'silent' })
const clock = systemClock

interface Broker {
  /** Where and as whom the relay connects. */
  readonly relay: { readonly url: string; readonly username?: string; readonly password?: string }
  stop(): Promise<void>
}

const brokers: Record<string, () => Promise<Broker>> = {
  aedes: async () => {
    const authenticateDevice = (): Promise<null> => Promise.resolve(null)
    const broker = await createEmbeddedBroker({ host: '127.0.0.1', port: 0, authenticateDevice, clock, log })
    return { relay: broker.internal, stop: () => broker.stop() }
  },
  mosquitto: async () => {
    const broker = await createMosquitto()
    return { relay: { url: broker.url }, stop: () => broker.stop() }
  },
}

const text = (message: BusMessage): string => Buffer.from(message.payload).toString('utf8')

describe.each(Object.keys(brokers))('an event bus on %s', (name) => {
  let broker: Broker
  let cleanup: AsyncDisposableStack

  const createBus = (instance: string): EventBus & AsyncDisposable =>
    createMqttEventBus({ ...broker.relay, instance, clock, log })

  const createClient = (clientId: string): MqttClient => {
    const { url, ...credential } = broker.relay
    const client = connect(url, { ...credential, clientId, clean: true, protocolVersion: 4 })
    cleanup.defer(() => client.endAsync(true))
    return client
  }

  beforeEach(async () => {
    broker = await brokers[name]!()
    cleanup = new AsyncDisposableStack()
    cleanup.defer(() => broker.stop())
  })
  afterEach(() => cleanup.disposeAsync())

  it('delivers what another client published, once and in order', async () => {
    const bus = cleanup.use(createBus('one'))
    const got: string[] = []
    await bus.subscribe('t/+/events', async (message) => void got.push(`${message.topic} ${text(message)}`), 'one')
    const other = createClient('other')
    for (const n of [1, 2, 3]) await other.publishAsync('t/a/events', String(n), { qos: 1 })
    await other.publishAsync('t/a/else', 'x', { qos: 1 })
    await other.publishAsync('t/b/events', '4', { qos: 1 })
    await eventually(() => got.length >= 4, 'four messages')
    expect(got).toEqual(['t/a/events 1', 't/a/events 2', 't/a/events 3', 't/b/events 4'])
  })

  it('delivers a message again when its handler failed', async () => {
    const bus = cleanup.use(createBus('two'))
    const got: string[] = []
    await bus.subscribe(
      't/#',
      async (message) => {
        got.push(text(message))
        if (got.length === 1) throw new Error('the database is away')
      },
      'one',
    )
    await createClient('other').publishAsync('t/a', 'm', { qos: 1 })
    await eventually(() => got.length >= 2, 'the second delivery')
    expect(got).toEqual(['m', 'm'])
  })

  it('lets a handler publish and wait for the broker without standing in its own way', async () => {
    const bus = cleanup.use(createBus('three'))
    const answers: string[] = []
    const other = createClient('other')
    other.on('message', (_topic, payload) => answers.push(payload.toString('utf8')))
    await other.subscribeAsync('answers', { qos: 1 })
    await bus.subscribe('questions', (message) => bus.publish('answers', `re: ${text(message)}`), 'one')
    await other.publishAsync('questions', 'a', { qos: 1 })
    await other.publishAsync('questions', 'b', { qos: 1 })
    await eventually(() => answers.length >= 2, 'two answers')
    expect(answers).toEqual(['re: a', 're: b'])
  })

  it('handles one message at a time', async () => {
    const bus = cleanup.use(createBus('four'))
    let running = 0
    let most = 0
    let done = 0
    await bus.subscribe(
      't',
      async () => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        done++
      },
      'one',
    )
    const other = createClient('other')
    await Promise.all(Array.from({ length: 20 }, (_, n) => other.publishAsync('t', String(n), { qos: 1 })))
    await eventually(() => done === 20, 'all messages')
    expect(most).toBe(1)
  })

  it('receives after a restart what was published while it was away, unfinished work included', async () => {
    const got: string[] = []
    const first = createBus('five')
    await first.subscribe(
      't',
      (message) => {
        got.push(`first ${text(message)}`)
        return new Promise(() => {})
      },
      'one',
    )
    const other = createClient('other')
    await other.publishAsync('t', '1', { qos: 1 })
    await eventually(() => got.length === 1, 'the message that stays unfinished')
    await first[Symbol.asyncDispose]()
    await other.publishAsync('t', '2', { qos: 1 })
    const second = cleanup.use(createBus('five'))
    await second.subscribe('t', async (message) => void got.push(`second ${text(message)}`), 'one')
    await eventually(() => got.length >= 3, 'both messages')
    expect(got).toEqual(['first 1', 'second 1', 'second 2'])
  })

  it('keeps a retained message for later subscribers and marks it', async () => {
    const bus = cleanup.use(createBus('six'))
    await bus.publish('state', 'on', { retain: true })
    const got: BusMessage[] = []
    await bus.subscribe('state', async (message) => void got.push(message), 'one')
    await eventually(() => got.length >= 1, 'the retained message')
    expect(got.map((message) => [text(message), message.retained])).toEqual([['on', true]])
  })

  it('refuses to publish more than an MQTT message of ours may hold', async () => {
    const bus = cleanup.use(createBus('seven'))
    await expect(bus.publish('t', new Uint8Array(16_385))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
  })
})
