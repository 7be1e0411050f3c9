import { encodeBase64url, equalBytes, LatchkeyError, MAX_MQTT_BYTES, randomBytes, utf8 } from '@latchkey/shared'
import { Aedes, type AedesOptions, type Client } from 'aedes'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { AuthenticatedDevice, AuthenticateDevice } from '../flow.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'
import { guardPackets } from './packet-guard.ts'
import { allowedClientId, allowedRetained, allowedTopic } from './topics-policy.ts'

/** The relay's own user. A device's user name can never be this: ids have 22 characters. */
const RELAY_USER = 'relay'
/** How often dead credentials are looked for. */
const EXPIRY_SWEEP_MS = 10_000

/** How the embedded broker listens and whom it lets in. */
export interface EmbeddedBrokerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Certificate chain and key, PEM; without it the broker speaks plain MQTT, for loopback only. */
  readonly tls?: { readonly cert: string; readonly key: string }
  readonly authenticateDevice: AuthenticateDevice
  readonly clock: Clock
  readonly log: Log
  /** Default 5,000: at 40 kB each, 200 MB. */
  readonly maxConnections?: number
}

/** A running broker. */
export interface EmbeddedBroker extends AsyncDisposable {
  readonly port: number
  /** For {@link createMqttEventBus}: the relay's own credential, made anew at each start and kept in memory only. */
  readonly internal: { readonly url: string; readonly username: string; readonly password: string }
  /** Closes every connection of a device, for instance when its certificate is revoked. */
  disconnect(device: string): void
  stop(): Promise<void>
}

/** Who a connection is, once authenticated. */
type Identity = { readonly kind: 'relay' } | ({ readonly kind: 'device' } & AuthenticatedDevice)

class Doorkeeper {
  readonly #options: EmbeddedBrokerOptions
  readonly #relayPassword: Uint8Array
  /** Weak, not cleared at close: a client's last will is published, and judged, after its connection is gone. */
  readonly #identities = new WeakMap<Client, Identity>()
  readonly #connected = new Set<Client>()

  constructor(options: EmbeddedBrokerOptions, relayPassword: string) {
    this.#options = options
    this.#relayPassword = utf8(relayPassword)
  }

  async identify(clientId: string, username: string, password: Uint8Array): Promise<Identity | null> {
    if (username === RELAY_USER) return equalBytes(password, this.#relayPassword) ? { kind: 'relay' } : null
    const found = await this.#options.authenticateDevice(username, Buffer.from(password).toString('utf8'))
    return found && allowedClientId(found.device, clientId) ? { kind: 'device', ...found } : null
  }

  admit(client: Client, identity: Identity): void {
    this.#identities.set(client, identity)
    this.#connected.add(client)
    client.conn.once('close', () => this.#connected.delete(client))
  }

  mayPublish(client: Client | null, topic: string, packet: { qos: number; retain: boolean }): boolean {
    const identity = client && this.#identities.get(client)
    if (identity?.kind === 'relay') return true
    if (identity?.kind !== 'device') return false
    // QoS 2 makes the broker keep state per message, and nothing of ours needs it.
    if (packet.qos > 1 || (packet.retain && !allowedRetained(identity.device, topic))) return false
    return allowedTopic(identity.device, topic, 'publish')
  }

  maySubscribe(client: Client, topic: string): boolean {
    const identity = this.#identities.get(client)
    return (
      identity?.kind === 'relay' || (identity?.kind === 'device' && allowedTopic(identity.device, topic, 'subscribe'))
    )
  }

  close(which: (device: AuthenticatedDevice) => boolean): void {
    for (const client of this.#connected) {
      const identity = this.#identities.get(client)
      if (identity?.kind === 'device' && which(identity)) client.close()
    }
  }
}

function authenticate(doorkeeper: Doorkeeper, log: Log): AedesOptions['authenticate'] {
  // Untrusted: user name, password and client id. `false` answers "not authorised" (MQTT 3.1.1 §3.2.2.3).
  return (client, username, password, done) => {
    doorkeeper
      .identify(client.id, username ?? '', password ?? new Uint8Array())
      .then((identity) => {
        if (!identity) {
          done(null, false)
          return
        }
        doorkeeper.admit(client, identity)
        done(null, true)
      })
      .catch((error: unknown) => {
        log.error({ err: error }, 'broker.authentication-failed')
        done(null, false)
      })
  }
}

function hooks(doorkeeper: Doorkeeper, log: Log): AedesOptions {
  return {
    preConnect: (_client, packet, done) => {
      // No session is kept for a device: everything it must get is retained or told again, an absent device must not fill
      // our memory, and aedes would store filters that were refused beside granted ones.
      if (packet.username !== RELAY_USER) packet.clean = true
      done(null, true)
    },
    authenticate: authenticate(doorkeeper, log)!,
    authorizePublish: (client, packet, done) => {
      if (doorkeeper.mayPublish(client, packet.topic, packet)) {
        done(null)
        return
      }
      log.info({ topicBytes: packet.topic.length }, 'broker.publish-refused')
      done(new Error('not authorised'))
    },
    // `null` answers SUBACK 0x80 for this filter alone.
    authorizeSubscribe: (client, subscription, done) =>
      done(null, doorkeeper.maySubscribe(client, subscription.topic) ? subscription : null),
    // A second gate: nothing reaches a client that it could not have subscribed to by name.
    authorizeForward: (client, packet) => (doorkeeper.maySubscribe(client, packet.topic) ? packet : null),
  }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new LatchkeyError('CONFIG_INVALID', 'the broker cannot listen', { cause })))
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })
}

function createListener(tls: EmbeddedBrokerOptions['tls'], onConnection: (socket: Socket) => void): Server {
  return tls
    ? createTlsServer({ ...tls, minVersion: 'TLSv1.2' }, onConnection)
    : createServer({ noDelay: true }, onConnection)
}

async function createAedes(doorkeeper: Doorkeeper, log: Log): Promise<Aedes> {
  const aedes = await Aedes.createBroker({ ...hooks(doorkeeper, log), connectTimeout: 10_000, queueLimit: 200 })
  aedes.on('clientError', (client, error) => log.debug({ client: client.id, err: error }, 'broker.client-error'))
  aedes.on('connectionError', (_client, error) => log.debug({ err: error }, 'broker.connection-error'))
  // Not in aedes's types: without a listener its own errors would end the process.
  ;(aedes as NodeJS.EventEmitter).on('error', (error) => log.error({ err: error }, 'broker.error'))
  return aedes
}

/**
 * Starts the broker of the embedded mode (aedes; MQTT 3.1.1): devices reach only their own topics, packets and
 * connections are bounded, and the relay itself connects like any other client, with the `internal` credential, on a
 * listener of its own that is always loopback.
 * @throws CONFIG_INVALID when it cannot listen
 */
export async function createEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const password = encodeBase64url(randomBytes(32))
  const doorkeeper = new Doorkeeper(options, password)
  const aedes = await createAedes(doorkeeper, options.log)
  const sockets = new Set<Socket>()
  const accept = (socket: Socket): void => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    aedes.handle(guardPackets(socket, MAX_MQTT_BYTES))
  }
  const outer = createListener(options.tls, accept)
  outer.maxConnections = options.maxConnections ?? 5_000
  const inner = createListener(undefined, accept)
  const port = await listen(outer, options.host, options.port)
  const innerPort = await listen(inner, '127.0.0.1', 0)
  const sweep = options.clock.every(EXPIRY_SWEEP_MS, () =>
    doorkeeper.close((device) => device.expiresMs <= options.clock.nowMs()),
  )
  const stop = async (): Promise<void> => {
    sweep[Symbol.dispose]()
    for (const server of [outer, inner]) server.close()
    await new Promise<void>((resolve) => aedes.close(() => resolve()))
    // Those that never said who they are.
    for (const socket of sockets) socket.destroy()
  }
  return {
    port,
    internal: { url: `mqtt://127.0.0.1:${innerPort}`, username: RELAY_USER, password },
    disconnect: (device) => doorkeeper.close((candidate) => candidate.device === device),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
