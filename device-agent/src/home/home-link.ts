import { codeOf, LatchkeyError } from '@latchkey/shared'
import { createBackoff } from '../kernel/backoff.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { createWaker } from '../kernel/waker.ts'

/** Something to say at the household's broker. */
export interface HomeMessage {
  readonly topic: string
  readonly payload: string | Uint8Array
  readonly retain: boolean
}

/** One connection with the household's broker. */
export interface HomeSession {
  /** Resolves when the broker has it. @throws UNAVAILABLE */
  publish(message: HomeMessage): Promise<void>
  /** Aborts when the connection is gone. */
  readonly gone: AbortSignal
  /** Says goodbye in order, without the last will. */
  end(): Promise<void>
}

/**
 * Opens a connection whose last will says `offline`.
 * @throws CALLER_REFUSED for a wrong user or password, UNAVAILABLE for everything else; messages say what to do
 */
export type OpenHomeSession = (onMessage: (topic: string, payload: Uint8Array) => void) => Promise<HomeSession>

/** What the link needs. */
export interface HomeLinkOptions {
  readonly open: OpenHomeSession
  /** What the device is, before its states. */
  readonly announcement: readonly HomeMessage[]
  /** What is said last, on a stop in order. */
  readonly farewell: HomeMessage
  /** Everything that is so, now. */
  readonly states: () => Promise<readonly HomeMessage[]>
  /** Untrusted: both. */
  readonly onMessage: (topic: string, payload: Uint8Array) => void
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  /** Mean of the first pause between connections. Default 1,000. */
  readonly retryBaseMs?: number
}

/** The link with the household's broker, kept until it is disposed. */
export interface HomeLink extends AsyncDisposable {
  readonly connected: boolean
  /** Says something that happens, at once; what cannot be said within ten seconds is no news any more and is dropped. */
  send(message: HomeMessage): void
  /** Some state may have changed. */
  readonly wake: () => void
  /** Says everything again: whoever listens has just come. */
  readonly refresh: () => void
}

const STATES_EVERY_MS = 60_000
/** Who has just come subscribes while we speak, and a broker that has restarted has forgotten: all is said once more. */
const AGAIN_AFTER_MS = 2_000
/** Nobody is at the door any more. */
const STALE_MS = 10_000
const MAX_WAITING = 16

interface Waiting {
  readonly message: HomeMessage
  readonly sinceMs: number
}

/** Keeps the connection, and the broker's view of the device whole. Nothing that happens here reaches the recording. */
export function createHomeLink(options: HomeLinkOptions): HomeLink {
  const { clock, log, announcement } = options
  const waker = createWaker(clock)
  const { retryBaseMs: baseMs = 1_000, random } = options
  const backoff = createBackoff({ baseMs, random })
  const said = new Map<string, string | Uint8Array>()
  let session: HomeSession | null = null
  let waiting: Waiting[] = []
  let againMs = Infinity
  let isAnnounced = false
  let told = ''

  function refresh(): void {
    isAnnounced = false
    againMs = clock.monotonicMs() + AGAIN_AFTER_MS
    waker.wake()
  }

  function deliver(to: HomeSession, { message, sinceMs }: Waiting): void {
    to.publish(message).catch(() => {
      if (clock.monotonicMs() - sinceMs < STALE_MS) waiting.push({ message, sinceMs })
      else log.warn('a ring did not reach the home broker')
    })
  }

  function deliverWaiting(to: HomeSession): void {
    const fresh = waiting.filter(({ sinceMs }) => clock.monotonicMs() - sinceMs < STALE_MS)
    waiting = []
    for (const one of fresh) deliver(to, one)
  }

  async function announce(to: HomeSession): Promise<void> {
    if (isAnnounced) return
    isAnnounced = true
    said.clear()
    for (const message of announcement) await to.publish(message)
  }

  async function sayStates(to: HomeSession): Promise<void> {
    for (const message of await options.states()) {
      if (said.get(message.topic) === message.payload) continue
      await to.publish(message)
      said.set(message.topic, message.payload)
    }
  }

  async function serve(to: HomeSession): Promise<void> {
    deliverWaiting(to)
    refresh()
    while (!to.gone.aborted && !waker.isStopped()) {
      if (clock.monotonicMs() >= againMs) {
        isAnnounced = false
        againMs = Infinity
      }
      await announce(to)
      await sayStates(to)
      await waker.wait(Math.min(STATES_EVERY_MS, Math.max(0, againMs - clock.monotonicMs())))
    }
  }

  async function connectOnce(): Promise<void> {
    const opened = await options.open(options.onMessage)
    session = opened
    opened.gone.addEventListener('abort', waker.wake, { once: true })
    if (told !== 'connected') log.info('connected with the home broker')
    told = 'connected'
    try {
      await serve(opened)
      backoff.reset()
      if (!opened.gone.aborted) await opened.publish(options.farewell)
    } finally {
      session = null
      await opened.end()
    }
  }

  /** Once per outage and reason: a wrong password is as wrong at every try. */
  function tell(error: unknown): void {
    const reason = error instanceof LatchkeyError ? error.message : codeOf(error)
    if (reason === told) return
    told = reason
    log.error({ code: codeOf(error) }, `${reason}; recording goes on, and it is tried again`)
  }

  async function run(): Promise<void> {
    while (!waker.isStopped()) {
      await connectOnce().catch(tell)
      const until = clock.monotonicMs() + backoff.nextDelayMs()
      while (!waker.isStopped() && clock.monotonicMs() < until) await waker.wait(until - clock.monotonicMs())
    }
  }

  const running = run()
  return {
    get connected() {
      return session !== null
    },
    send(message) {
      const one = { message, sinceMs: clock.monotonicMs() }
      if (session === null) waiting = [...waiting, one].slice(-MAX_WAITING)
      else deliver(session, one)
    },
    wake: waker.wake,
    refresh,
    [Symbol.asyncDispose]: async () => {
      waker.stop()
      await running
    },
  }
}
