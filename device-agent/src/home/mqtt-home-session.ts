import { LatchkeyError } from '@latchkey/shared'
import { readFile } from 'node:fs/promises'
import type { IClientOptions } from 'mqtt'
import { connectBroker } from '../kernel/broker-connection.ts'
import type { Clock } from '../kernel/clock.ts'
import type { HomeSession, OpenHomeSession } from './home-link.ts'

/** Where the household's broker is, and how it knows us. */
export interface HomeBroker {
  /** `mqtts://…` or `mqtt://…`, without user and password. */
  readonly url: string
  readonly usernameFile?: string
  readonly passwordFile?: string
  readonly caFile?: string
}

/** What a connection needs. */
export interface HomeSessionOptions {
  readonly broker: HomeBroker
  readonly clientId: string
  /** Says `offline` when the connection breaks; none when absent. */
  readonly willTopic?: string
  readonly subscriptions: readonly string[]
  readonly clock: Clock
}

const CONNECT_TIMEOUT_MS = 5_000
/** Nothing that is meant for us is longer: the broker is asked to keep the rest. @see MQTT 5 §3.1.2.11.4 */
const MAX_PACKET_BYTES = 4_096
/** Codes of CONNACK for a wrong user or password, or one that may not do this. @see MQTT 5 §3.2.2.2, MQTT 3.1.1 §3.2.2.3 */
const REFUSED = new Set<unknown>([4, 5, 134, 135])
const WRONG_VERSION = new Set<unknown>([1, 132])

/** The first line of a file that holds a secret. @throws CONFIG_INVALID naming the key, never the content */
async function firstLine(path: string, key: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => null)
  const line = text?.split('\n')[0]?.trim()
  if (!line) throw new LatchkeyError('CONFIG_INVALID', `${key} cannot be read, or its first line is empty`)
  return line
}

async function loadCredentials({ usernameFile, passwordFile, caFile }: HomeBroker): Promise<Partial<IClientOptions>> {
  const ca = caFile === undefined ? null : await readFile(caFile).catch(() => null)
  if (caFile !== undefined && ca === null) throw new LatchkeyError('CONFIG_INVALID', 'home.caFile cannot be read')
  return {
    ...(usernameFile === undefined ? {} : { username: await firstLine(usernameFile, 'home.usernameFile') }),
    ...(passwordFile === undefined ? {} : { password: await firstLine(passwordFile, 'home.passwordFile') }),
    ...(ca === null ? {} : { ca }),
  }
}

/** Why a connection could not be made, as something that the owner can act upon. */
function failureOf(cause: unknown): LatchkeyError {
  const code: unknown = (cause as { code?: unknown } | null)?.code
  if (REFUSED.has(code))
    return new LatchkeyError('CALLER_REFUSED', 'the home broker refuses home.usernameFile or home.passwordFile')
  if (WRONG_VERSION.has(code)) return new LatchkeyError('UNAVAILABLE', 'the home broker does not speak MQTT 5')
  if (typeof code === 'string' && /CERT|TLS|SSL|SIGNATURE/.test(code))
    return new LatchkeyError('UNAVAILABLE', `the home broker's certificate is not accepted (${code}): see home.caFile`)
  const reason = typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) ? ` (${code})` : ''
  return new LatchkeyError('UNAVAILABLE', `the home broker does not answer${reason}`)
}

function settingsOf(options: HomeSessionOptions, credentials: Partial<IClientOptions>): IClientOptions {
  const { clientId, willTopic } = options
  const will = willTopic && { topic: willTopic, payload: Buffer.from('offline'), qos: 1 as const, retain: true }
  return {
    ...credentials,
    clientId,
    protocolVersion: 5,
    connectTimeout: CONNECT_TIMEOUT_MS,
    rejectUnauthorized: true,
    properties: { maximumPacketSize: MAX_PACKET_BYTES, sessionExpiryInterval: 0 },
    ...(will ? { will } : {}),
  }
}

/**
 * Opens MQTT 5 connections with the household's broker; secrets are read anew for each. Retained commands are not asked
 * for: an old one would act again at every start.
 */
export function createHomeSessionOpener(options: HomeSessionOptions): OpenHomeSession {
  return async (onMessage) => {
    const { broker, clock } = options
    const settings = settingsOf(options, await loadCredentials(broker))
    const { client, ...connection } = await connectBroker(broker.url, settings, clock).catch((cause: unknown) => {
      throw failureOf(cause)
    })
    // Untrusted: both; anybody who may publish at the broker.
    client.on('message', (topic, payload) => onMessage(topic, payload))
    const session: HomeSession = {
      gone: connection.gone,
      async publish({ topic, payload, retain }) {
        const body = typeof payload === 'string' ? payload : Buffer.from(payload)
        await connection.publish(topic, body, retain).catch(() => {
          throw new LatchkeyError('UNAVAILABLE', 'the connection with the home broker broke')
        })
      },
      end: connection.end,
    }
    try {
      if (options.subscriptions.length > 0)
        await client.subscribeAsync([...options.subscriptions], { qos: 1, rh: 2, rap: false, nl: true })
    } catch (cause) {
      await session.end()
      throw failureOf(cause)
    }
    return session
  }
}
