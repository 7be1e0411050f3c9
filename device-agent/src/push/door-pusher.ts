import {
  canonicalBytes,
  codeOf,
  decodeBase64url,
  DOOR_PUSH_BYTES,
  type DoorPush,
  encryptPush,
  type HeaderOpener,
  type Keyset,
  LatchkeyError,
  openPushKeys,
  type PushSubscriptionList,
} from '@latchkey/shared'
import type { DoorEvent } from '../flow.ts'
import { createBackoff } from '../kernel/backoff.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { createWaker } from '../kernel/waker.ts'

/** What the relay does for pushes: it keeps what phones sealed, and hands over what is encrypted. */
export interface PushRelay {
  /** Untrusted. @throws UNAVAILABLE and other codes */
  list(): Promise<PushSubscriptionList['subscriptions']>
  /** @throws NOT_FOUND for who is written to nowhere | UNAVAILABLE | RATE_LIMITED and other codes */
  send(member: string, body: Uint8Array): Promise<void>
}

/** What the pusher needs. */
export interface DoorPusherOptions {
  readonly relay: PushRelay
  /** Opens what phones sealed to this device. */
  readonly opener: HeaderOpener
  /** The keyset in force as this device knows it: who else wishes to be told is not. */
  readonly household: () => Keyset
  /** This device's random id. */
  readonly device: string
  readonly clock: Clock
  readonly log: Log
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly retryBaseMs?: number
}

/** Tells the household's phones what happens at the door. */
export interface DoorPusher extends AsyncDisposable {
  /** Takes an event at once and never throws: recording waits for nobody. */
  tell(event: DoorEvent): void
}

/** One event on its way. */
interface Waiting {
  readonly event: DoorEvent
  readonly sinceMs: number
  /** Members that need no other try. */
  readonly settled: Set<string>
}

/** A telephone that rings later than this is of no use to whoever stands at the door. */
const USEFUL_MS = 60_000
/** Somebody who walks about in front of the door is told of once. */
const MOTION_REST_MS = 60_000
/** More than a minute of ringing; the oldest go first. */
const MAX_WAITING = 16
const RETRY_BASE_MS = 1_000

/** Starts a pusher; what waits when it is disposed is not told. */
export function createDoorPusher(options: DoorPusherOptions): DoorPusher {
  const { relay, opener, household, device, clock, log, random } = options
  const waker = createWaker(clock)
  const backoff = createBackoff({ baseMs: options.retryBaseMs ?? RETRY_BASE_MS, maxMs: 10_000, random })
  let waiting: Waiting[] = []
  let lastMotionMs = Number.NEGATIVE_INFINITY

  async function tellMember({ event, settled }: Waiting, member: string, keys: string): Promise<void> {
    const wish = await openPushKeys(decodeBase64url(keys), opener, { keyset: household(), member })
    if (wish.events.some((type) => type === event.trigger)) {
      const { trigger: type, event: id, atMs } = event
      const said: DoorPush = { v: 1, type, device, event: id, atMs: Math.round(atMs) }
      const body = await encryptPush(canonicalBytes(said), wish, { paddedBytes: DOOR_PUSH_BYTES })
      await relay.send(member, body)
    }
    settled.add(member)
  }

  /** @returns whether nothing is left to try */
  async function tellAll(one: Waiting): Promise<boolean> {
    let whole = true
    for (const { member, keys } of await relay.list()) {
      if (one.settled.has(member)) continue
      try {
        await tellMember(one, member, keys)
      } catch (error) {
        // Who is not of the household, or took the wish back, is not tried again.
        const again = error instanceof LatchkeyError && error.kind === 'retry'
        if (again) whole = false
        else one.settled.add(member)
        log.info({ code: codeOf(error) }, 'a phone was not told')
      }
    }
    return whole
  }

  /** Drops what helps nobody any more, then tries the oldest. @returns whether that is done with */
  async function tellNext(): Promise<boolean> {
    const nowMs = clock.monotonicMs()
    waiting = waiting.filter(({ sinceMs }) => nowMs - sinceMs < USEFUL_MS)
    const [next] = waiting
    if (next === undefined) return true
    const told = await tellAll(next).catch((error: unknown) => {
      log.info({ code: codeOf(error) }, 'phones could not be told')
      return false
    })
    if (told) waiting = waiting.filter((other) => other !== next)
    return told
  }

  async function run(): Promise<void> {
    while (!waker.isStopped()) {
      if (!(await tellNext())) await waker.wait(backoff.nextDelayMs())
      else {
        backoff.reset()
        if (waiting.length === 0) await waker.wait(USEFUL_MS)
      }
    }
  }

  const running = run()
  return {
    tell(event) {
      const sinceMs = clock.monotonicMs()
      if (event.trigger === 'motion') {
        if (sinceMs - lastMotionMs < MOTION_REST_MS) return
        lastMotionMs = sinceMs
      }
      waiting = [...waiting, { event, sinceMs, settled: new Set<string>() }].slice(-MAX_WAITING)
      waker.wake()
    },
    [Symbol.asyncDispose]: async () => {
      waker.stop()
      await running
    },
  }
}
