import { codeOf, type DeviceEvent, deviceEvent, encodeBase64url, parseWith, randomBytes } from '@latchkey/shared'
import type { EventBody } from '../flow.ts'
import type { Log } from '../kernel/log.ts'
import type { EventStamp, Outbox } from './disk-outbox.ts'
import type { EventSource } from './publisher.ts'

/** What the keeper needs. */
export interface EventKeeperOptions {
  readonly outbox: Outbox
  readonly stamp: () => EventStamp
  readonly log: Log
  /** There is something to publish. */
  readonly onChange: () => void
}

/** The outbox, and what happens while the disk under it is away. */
export interface EventKeeper extends EventSource {
  /** Events that the relay has not acknowledged, and those that wait for the disk. */
  readonly waiting: number
  /** Keeps an event: on the disk, or in memory while the disk refuses it. Resolves when that is done; never rejects. */
  record(body: EventBody): Promise<void>
  /** The disk is back: what waited for it is kept now, in the order in which it happened. */
  mend(): Promise<void>
}

/** More than a bad day brings; the oldest go first. */
const MEMORY_EVENTS = 1_000

/** Events that never touch the disk, in a stream of their own: their numbers could not be kept, so they must not be the outbox's. */
function createMemoryLane(stamp: () => EventStamp): EventSource & { append(body: EventBody): void } {
  const stream = encodeBase64url(randomBytes(16))
  let events: DeviceEvent[] = []
  let last = 0
  return {
    stream,
    get last() {
      return last
    },
    get firstUnacknowledged() {
      return last - events.length + 1
    },
    at: (sequence) => events.find((event) => event.sequence === sequence) ?? null,
    acknowledge(ackStream, sequence) {
      if (ackStream === stream && sequence <= last) events = events.filter((event) => event.sequence > sequence)
    },
    append(body) {
      const { monotonicMs, ...rest } = stamp()
      const id = encodeBase64url(randomBytes(16))
      const place = { v: 1, id, stream, sequence: last + 1, monotonicMs: Math.round(monotonicMs) }
      const event = parseWith(deviceEvent, { ...place, ...rest, ...body, atMs: Math.round(body.atMs) }, 'event')
      events = [...events, event].slice(-MEMORY_EVENTS)
      last++
    },
  }
}

/** Somebody waits for these: they are told from memory rather than late. */
function isUrgent(body: EventBody): boolean {
  return body.type === 'ring' || body.type === 'motion' || (body.type === 'state' && body.state === 'disk-lost')
}

/**
 * Joins the outbox with a stream in memory. While the disk refuses events, rings and motion are published from memory:
 * late is worse than lost with the next power cut. Everything else waits for the disk, because day records need it.
 */
export function createEventKeeper({ outbox, stamp, log, onChange }: EventKeeperOptions): EventKeeper {
  const memory = createMemoryLane(stamp)
  let late: EventBody[] = []

  const hasUrgent = (): boolean => memory.firstUnacknowledged <= memory.last
  const lane = (): EventSource => (hasUrgent() ? memory : outbox)

  async function keepLate(): Promise<void> {
    for (let next = late[0]; next !== undefined; next = late[0]) {
      await outbox.append(next)
      late = late.slice(1)
    }
  }

  function keepInMemory(body: EventBody): void {
    if (isUrgent(body)) memory.append(body)
    else late = [...late, body].slice(-MEMORY_EVENTS)
    onChange()
  }

  return {
    get stream() {
      return lane().stream
    },
    get last() {
      return lane().last
    },
    get firstUnacknowledged() {
      return lane().firstUnacknowledged
    },
    get waiting() {
      return outbox.waiting + late.length + memory.last - memory.firstUnacknowledged + 1
    },
    at: (sequence) => lane().at(sequence),
    acknowledge(stream, sequence) {
      outbox.acknowledge(stream, sequence)
      memory.acknowledge(stream, sequence)
    },
    async record(body) {
      try {
        await keepLate()
        await outbox.append(body)
      } catch (error) {
        log.error({ code: codeOf(error), type: body.type }, 'the disk did not keep an event: it is kept in memory')
        keepInMemory(body)
      }
    },
    mend: keepLate,
  }
}
