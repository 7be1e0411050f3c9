import type { Signer } from '@latchkey/shared'
import type { AgentConfig } from './config.ts'
import type { HomeConfig } from './doorbell-config.ts'
import { createHome, type Home, type KnownFacts } from './home/home.ts'
import { HOME_DEFAULTS, type HomeTopics, homeIdOf, homeTopics } from './home/home-topics.ts'
import { createHomeSessionOpener } from './home/mqtt-home-session.ts'
import type { Clock } from './kernel/clock.ts'
import type { Log } from './kernel/log.ts'

/** The household's broker as the configuration names it. */
export interface HomePlace {
  readonly id: string
  readonly topics: HomeTopics
}

/** Where a device stands at the household's broker. */
export function homePlaceOf(config: HomeConfig, signer: Signer): HomePlace {
  const { discoveryPrefix: discovery, topicPrefix: topic } = { ...HOME_DEFAULTS, ...config }
  const id = homeIdOf(signer.thumbprint)
  return { id, topics: homeTopics(id, { topic, discovery }) }
}

/** What the home broker takes of the agent. */
export interface HomeBrokerOptions {
  readonly config: AgentConfig
  readonly home: HomeConfig
  readonly signer: Signer
  readonly software: string
  readonly facts: () => Promise<KnownFacts>
  readonly setPrivacy: (on: boolean) => void
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  readonly retryBaseMs?: number
}

/** Starts the doorbell's link with the household's broker. */
export function createHomeBroker(options: HomeBrokerOptions): Home {
  const { config, home, signer, software, clock, log } = options
  const { id, topics } = homePlaceOf(home, signer)
  if (home.broker.startsWith('mqtt:'))
    log.warn('home.broker is plain mqtt: its password and who rings cross the network')
  return createHome({
    ...options,
    device: { id, name: config.camera.name, software, snapshots: home.snapshots ?? HOME_DEFAULTS.snapshots },
    topics,
    open: createHomeSessionOpener({
      broker: brokerOf(home),
      clientId: `latchkey-${id}`,
      willTopic: topics.available,
      subscriptions: [topics.birth, topics.privacy.set],
      clock,
    }),
  })
}

/** The connection's part of the section. */
export function brokerOf({ broker: url, usernameFile, passwordFile, caFile }: HomeConfig) {
  return {
    url,
    ...(usernameFile === undefined ? {} : { usernameFile }),
    ...(passwordFile === undefined ? {} : { passwordFile }),
    ...(caFile === undefined ? {} : { caFile }),
  }
}
