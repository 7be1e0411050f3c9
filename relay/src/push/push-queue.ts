import { codeOf } from '@latchkey/shared'
import type { PushMessage, PushOutcome, PushService } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'

/** A message on its way, and whose it is. */
export interface QueuedPush {
  readonly root: string
  readonly member: string
  readonly message: PushMessage
  /** After this it helps nobody, UTC ms. */
  readonly untilMs: number
}

/** What the queue needs. */
export interface PushQueueParts {
  readonly service: PushService
  readonly clock: Clock
  readonly log: Log
  /** The push service says that nobody listens at this address any more. */
  readonly onGone: (member: string, endpoint: string) => Promise<void>
}

/** Messages to push services, a few at a time; they live in memory only. */
export interface PushQueue extends AsyncDisposable {
  /** How many more it takes. */
  readonly room: number
  /** @returns false when it is full, or this household has its share of it */
  add(push: QueuedPush): boolean
}

const MAX_WAITING = 1_000
/** More than a household rings in a minute; the rest of the queue is the others'. */
const MAX_OF_HOUSEHOLD = 32
/** Push services are quick; a slow one holds up three others at most. */
const PARALLEL = 4
const FIRST_RETRY_MS = 2_000
const LAST_RETRY_MS = 5 * 60_000

/** At most `size` of something at once, first come first served. */
function createSlots(size: number) {
  const waiting: (() => void)[] = []
  let free = size
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}

/** @see relay README, "Pushes" */
export function createPushQueue({ service, clock, log, onGone }: PushQueueParts): PushQueue {
  const inSlot = createSlots(PARALLEL)
  const ofHousehold = new Map<string, number>()
  const running = new Set<Promise<void>>()
  const stop = new AbortController()

  /** @returns null when the queue was stopped first */
  async function handOver({ message, untilMs }: QueuedPush): Promise<PushOutcome | null> {
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(LAST_RETRY_MS, waitMs * 2)) {
      const outcome = await inSlot(async () => (stop.signal.aborted ? null : service.send(message, stop.signal)))
      if (stop.signal.aborted || outcome !== 'later' || clock.nowMs() + waitMs >= untilMs) return outcome
      await clock.sleep(waitMs, stop.signal)
    }
  }

  async function deliver(push: QueuedPush): Promise<void> {
    const { message, member } = push
    try {
      const outcome = await handOver(push)
      // No address, no household: who is told of what when is nobody's business.
      log.info({ outcome, empty: message.body === null }, 'push.handed-over')
      if (outcome === 'gone') await onGone(member, message.endpoint)
    } catch (error) {
      log.error({ code: codeOf(error) }, 'push.failed')
    }
  }

  function count(root: string, change: number): void {
    const next = (ofHousehold.get(root) ?? 0) + change
    if (next === 0) ofHousehold.delete(root)
    else ofHousehold.set(root, next)
  }

  return {
    get room() {
      return MAX_WAITING - running.size
    },
    add(push) {
      const { root } = push
      if (stop.signal.aborted || running.size >= MAX_WAITING || (ofHousehold.get(root) ?? 0) >= MAX_OF_HOUSEHOLD)
        return false
      count(root, 1)
      const delivery = deliver(push).finally(() => {
        running.delete(delivery)
        count(root, -1)
      })
      running.add(delivery)
      return true
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await Promise.all(running)
    },
  }
}
