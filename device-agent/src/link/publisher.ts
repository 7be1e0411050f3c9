import {
  acknowledged,
  type Availability,
  codeOf,
  type DeviceEvent,
  encodeMqtt,
  type Health,
  parseMqtt,
  utf8,
} from '@latchkey/shared'
import { createBackoff } from '../kernel/backoff.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { createWaker } from '../kernel/waker.ts'

/** One MQTT connection, from CONNACK to its end. */
export interface MqttSession {
  /** Publishes with QoS 1; resolves at the broker's PUBACK. @throws UNAVAILABLE */
  publish(
    channel: 'available' | 'events' | 'health' | 'hello',
    payload: Uint8Array,
    options?: { retain: boolean },
  ): Promise<void>
  /** Aborts when the connection is gone. */
  readonly gone: AbortSignal
  /** Says goodbye in order, without the last will. */
  end(): Promise<void>
}

/** Opens a connection whose last will is `offline`. @throws UNAVAILABLE and the codes of the credentials route */
export type OpenMqttSession = (handlers: {
  readonly onAcknowledged: (payload: Uint8Array) => void
  readonly onCheckpoint: () => void
}) => Promise<MqttSession>

/** The outbox as the publisher uses it; `stream` may change while it is served. */
export interface EventSource {
  readonly stream: string
  readonly last: number
  readonly firstUnacknowledged: number
  at(sequence: number): DeviceEvent | null
  acknowledge(stream: string, sequence: number): void
}

/** What the publisher needs. */
export interface PublisherOptions {
  readonly outbox: EventSource
  readonly open: OpenMqttSession
  readonly health: () => Promise<Health>
  /** The relay announced a new checkpoint. */
  readonly onCheckpoint: () => void
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  /** Mean of the first pause between connections, ms; the longest is sixty of it. Default 1,000: up to a minute. */
  readonly retryBaseMs?: number
}

/** The link, running. */
export interface Publisher extends AsyncDisposable {
  /** There may be something to publish. */
  readonly wake: () => void
  /** The state of health changed. */
  readonly wakeHealth: () => void
  /** Is there a connection? */
  readonly connected: boolean
  /** Resolves true when everything recorded so far is acknowledged, false when `timeoutMs` passed first. */
  drained(timeoutMs: number): Promise<boolean>
}

/** Events published and not yet acknowledged by the relay. */
const WINDOW = 64
/** After this the oldest event, and all behind it, is sent again. @see spec/mqtt.md */
export const REPEAT_AFTER_MS = 30_000
const HEALTH_EVERY_MS = 60_000

interface SentState {
  /** Of which hello was said. */
  stream: string
  /** Highest sequence published on this connection. */
  through: number
  /** When the oldest unacknowledged event was last published, monotonic ms. */
  oldestSince: number
  oldest: number
}

/**
 * Keeps a connection to the relay's broker and the relay's view of our events whole: every event is published until the
 * relay itself, not only the broker, has acknowledged it. Starts at once.
 */
export function createPublisher(options: PublisherOptions): Publisher {
  const { outbox, clock, log } = options
  const waker = createWaker(clock)
  const { retryBaseMs: baseMs = 1_000, random } = options
  const backoff = createBackoff({ baseMs, random })
  let healthDue = true
  let connected = false

  function onAcknowledged(payload: Uint8Array): void {
    try {
      const message = parseMqtt(acknowledged, payload, 'acknowledged')
      outbox.acknowledge(message.stream, message.sequence)
      waker.wake()
    } catch (error) {
      log.warn({ code: codeOf(error) }, 'an acknowledgement does not parse')
    }
  }

  async function sayHello(session: MqttSession): Promise<void> {
    const { stream, firstUnacknowledged } = outbox
    await session.publish('hello', encodeMqtt({ v: 1, stream, firstUnacknowledged }))
  }

  const say = (session: MqttSession, availability: Availability): Promise<void> =>
    session.publish('available', utf8(availability), { retain: true })

  /** Another stream: its sequences count anew, and the relay hears of it first. */
  async function followStream(session: MqttSession, sent: SentState): Promise<void> {
    if (sent.stream === outbox.stream) return
    Object.assign(sent, { stream: outbox.stream, through: 0, oldest: 0 })
    await sayHello(session)
  }

  /** Publishes what the window lets through, in order. */
  async function publishDue(session: MqttSession, sent: SentState): Promise<void> {
    sent.through = Math.max(sent.through, outbox.firstUnacknowledged - 1)
    const until = Math.min(outbox.last, outbox.firstUnacknowledged - 1 + WINDOW)
    const batch: Promise<void>[] = []
    for (; sent.through < until; sent.through++) {
      const event = outbox.at(sent.through + 1)
      if (event) batch.push(session.publish('events', encodeMqtt(event)))
    }
    await Promise.all(batch)
    if (sent.oldest !== outbox.firstUnacknowledged) {
      sent.oldest = outbox.firstUnacknowledged
      sent.oldestSince = clock.monotonicMs()
    }
  }

  /** Says hello and starts again from the oldest when that has waited too long. */
  async function repeatWhenDue(session: MqttSession, sent: SentState): Promise<void> {
    if (outbox.last < outbox.firstUnacknowledged || clock.monotonicMs() - sent.oldestSince < REPEAT_AFTER_MS) return
    await sayHello(session)
    sent.through = outbox.firstUnacknowledged - 1
    sent.oldestSince = clock.monotonicMs()
  }

  async function publishHealth(session: MqttSession): Promise<void> {
    if (!healthDue) return
    healthDue = false
    await session.publish('health', encodeMqtt(await options.health()), { retain: true })
  }

  async function serve(session: MqttSession): Promise<void> {
    await say(session, 'online')
    const sent: SentState = { stream: '', through: 0, oldestSince: clock.monotonicMs(), oldest: 0 }
    let nextHealth = clock.monotonicMs()
    while (!session.gone.aborted && !waker.isStopped()) {
      await followStream(session, sent)
      await repeatWhenDue(session, sent)
      await publishDue(session, sent)
      if (clock.monotonicMs() >= nextHealth) {
        healthDue = true
        nextHealth = clock.monotonicMs() + HEALTH_EVERY_MS
      }
      await publishHealth(session)
      await waker.wait(waitMs(sent, nextHealth))
    }
  }

  function waitMs(sent: SentState, nextHealth: number): number {
    const now = clock.monotonicMs()
    const waiting = outbox.last >= outbox.firstUnacknowledged
    const repeat = waiting ? sent.oldestSince + REPEAT_AFTER_MS - now : Infinity
    return Math.max(0, Math.min(repeat, nextHealth - now))
  }

  async function connectOnce(): Promise<void> {
    const session = await options.open({ onAcknowledged, onCheckpoint: options.onCheckpoint })
    connected = true
    healthDue = true
    session.gone.addEventListener('abort', waker.wake, { once: true })
    try {
      await serve(session)
      backoff.reset()
      if (!session.gone.aborted) await say(session, 'stopped')
    } finally {
      connected = false
      await session.end()
    }
  }

  async function run(): Promise<void> {
    while (!waker.isStopped()) {
      try {
        await connectOnce()
      } catch (error) {
        log.warn({ code: codeOf(error) }, 'no connection to the broker')
      }
      const until = clock.monotonicMs() + backoff.nextDelayMs()
      while (!waker.isStopped() && clock.monotonicMs() < until) await waker.wait(until - clock.monotonicMs())
    }
  }

  const running = run()
  return {
    wake: waker.wake,
    wakeHealth() {
      healthDue = true
      waker.wake()
    },
    get connected() {
      return connected
    },
    async drained(timeoutMs) {
      const goal = outbox.last
      const until = clock.monotonicMs() + timeoutMs
      while (outbox.firstUnacknowledged <= goal && clock.monotonicMs() < until) {
        waker.wake()
        await clock.sleep(20)
      }
      return outbox.firstUnacknowledged > goal
    },
    [Symbol.asyncDispose]: async () => {
      waker.stop()
      await running
    },
  }
}
