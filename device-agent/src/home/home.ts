import type { AgentNews, DoorEvent } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { encodeDiscovery, type HomeDevice } from './home-discovery.ts'
import { createHomeLink, type OpenHomeSession } from './home-link.ts'
import { type HomeFacts, ringMessage, statesOf } from './home-state.ts'
import type { HomeTopics } from './home-topics.ts'
import { createMotionState } from './motion-state.ts'

/** What the agent knows; motion and the last clip are learnt from the news. */
export type KnownFacts = Omit<HomeFacts, 'motion' | 'lastClipMs'>

/** What the doorbell's place at the household's broker needs. */
export interface HomeOptions {
  readonly device: HomeDevice
  readonly topics: HomeTopics
  readonly open: OpenHomeSession
  readonly facts: () => Promise<KnownFacts>
  /** The household flips the switch. */
  readonly setPrivacy: (on: boolean) => void
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  readonly retryBaseMs?: number
}

/** The doorbell at the household's broker. */
export interface Home extends AsyncDisposable {
  readonly connected: boolean
  /** Somebody rings: said at once. */
  ring(event: DoorEvent): void
  /** Something happened to the recording. */
  news(news: AgentNews): void
  /** Some fact may have changed. */
  readonly wake: () => void
}

/** Untrusted: `payload`. Anything but the two words is no command. */
function parseSwitch(payload: Uint8Array): boolean | null {
  if (payload.length > 3) return null
  const word = Buffer.from(payload).toString('latin1')
  return word === 'ON' ? true : word === 'OFF' ? false : null
}

/** Starts at once, and goes on until it is disposed: a stop in order says `stopped`. */
export function createHome(options: HomeOptions): Home {
  const { device, topics, clock, log } = options
  let lastClipMs: number | null = null
  const motion = createMotionState(clock, () => link.wake())

  function onMessage(topic: string, payload: Uint8Array): void {
    if (topic === topics.birth && Buffer.from(payload).toString('latin1') === 'online') link.refresh()
    if (topic !== topics.privacy.set) return
    const on = parseSwitch(payload)
    if (on === null) {
      log.debug('a command from the home broker is none')
      return
    }
    log.info({ on }, 'privacy is switched from the home broker')
    options.setPrivacy(on)
  }

  const link = createHomeLink({
    ...options,
    announcement: [
      { topic: topics.available, payload: 'online', retain: true },
      { topic: topics.discovery, payload: encodeDiscovery(device, topics), retain: true },
    ],
    farewell: { topic: topics.available, payload: 'stopped', retain: true },
    states: async () => statesOf({ ...(await options.facts()), motion: motion.isOn, lastClipMs }, topics),
    onMessage,
  })

  return {
    get connected() {
      return link.connected
    },
    ring: (event) => link.send(ringMessage(event, topics)),
    news(news) {
      if (news.kind === 'finding') {
        if (news.finding.moving) motion.move()
        return
      }
      if (news.kind === 'picture') {
        if (device.snapshots) link.send({ topic: topics.picture, payload: news.jpeg, retain: false })
        return
      }
      if (news.kind === 'watch' && news.state !== 'on') motion.end()
      if (news.kind === 'clip') lastClipMs = clock.nowMs()
      link.wake()
    },
    wake: link.wake,
    [Symbol.asyncDispose]: async () => {
      motion.end()
      await link[Symbol.asyncDispose]()
    },
  }
}
