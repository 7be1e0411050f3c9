/** The broker that devices use: our own, in this process, or a Mosquitto that several relays share. */
import type { Signer } from '@latchkey/shared'
import type { RelayConfig } from './config.ts'
import type { BrokerLogins, Database, EventBus } from './flow.ts'
import { holdDevice } from './household/device-store.ts'
import { createAuthenticator, issueCredential } from './household/mqtt-credentials.ts'
import type { Clock } from './kernel/clock.ts'
import type { Log } from './kernel/log.ts'
import { scheduleJob } from './kernel/scheduled-job.ts'
import { createEmbeddedBroker } from './link/embedded-broker.ts'
import { createMosquittoControl } from './link/mosquitto-control.ts'
import { createMosquittoLogins } from './link/mosquitto-logins.ts'
import { createMqttEventBus } from './link/mqtt-event-bus.ts'

const LOGINS_EVERY_MS = 60_000
/** All relays at one broker: of them, one gets each event. */
const GROUP = 'relay'

/** What it is made with. */
export interface BrokerParts {
  readonly config: Pick<RelayConfig, 'broker' | 'instance'>
  readonly database: Database
  readonly publicOrigin: string
  readonly signer: Signer
  readonly clock: Clock
  readonly log: Log
}

/** A broker in use. */
export interface OpenBroker {
  /** What devices are told. */
  readonly url: string
  readonly bus: EventBus
  readonly logins: BrokerLogins
  /** It began with us: it knows no connection of before. */
  readonly isNew: boolean
}

type Embedded = Extract<RelayConfig['broker'], { kind: 'embedded' }>
type Mosquitto = Extract<RelayConfig['broker'], { kind: 'mosquitto' }>

async function openEmbedded(stack: AsyncDisposableStack, broker: Embedded, parts: BrokerParts): Promise<OpenBroker> {
  const { clock, log } = parts
  const running = stack.use(
    await createEmbeddedBroker({
      host: broker.host,
      port: broker.port,
      ...(broker.tls ? { tls: broker.tls } : {}),
      authenticateDevice: createAuthenticator(parts),
      clock,
      log,
    }),
  )
  const scheme = broker.tls ? 'mqtts' : 'mqtt'
  return {
    url: broker.url ?? `${scheme}://${originHost(broker.host)}:${running.port}`,
    bus: stack.use(createMqttEventBus({ ...running.internal, instance: parts.config.instance, clock, log })),
    logins: {
      issue: (caller) => issueCredential(parts, caller),
      end: async (tx, device) => tx.onCommit(() => running.disconnect(device)),
    },
    isNew: true,
  }
}

async function openMosquitto(stack: AsyncDisposableStack, broker: Mosquitto, parts: BrokerParts): Promise<OpenBroker> {
  const { clock, log, database, config } = parts
  const { relayUrl, username, password, ca } = broker
  const account = { url: relayUrl, username, password, ...(ca === null ? {} : { ca }), instance: config.instance }
  const control = stack.use(createMosquittoControl({ ...account, clock, log }))
  const logins = await createMosquittoLogins({ database, control, clock, log, holdDevice })
  stack.use(scheduleJob({ clock, log }, 'broker-logins', LOGINS_EVERY_MS, logins.sweep))
  return {
    url: broker.url,
    bus: stack.use(createMqttEventBus({ ...account, sharedGroup: GROUP, clock, log })),
    logins,
    isNew: false,
  }
}

/** @throws CONFIG_INVALID when our own cannot listen · UNAVAILABLE when the other one does not answer, or not to us */
export function openBroker(stack: AsyncDisposableStack, parts: BrokerParts): Promise<OpenBroker> {
  const { broker } = parts.config
  return broker.kind === 'embedded' ? openEmbedded(stack, broker, parts) : openMosquitto(stack, broker, parts)
}

/** An address as it stands in a URL. */
export function originHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
