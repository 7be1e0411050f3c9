import { codeOf, encodeBase64url, LatchkeyError, randomBytes } from '@latchkey/shared'
import { connect, type MqttClient } from 'mqtt'
import type { Clock } from '../kernel/clock.ts'
import type { Log } from '../kernel/log.ts'

const REQUESTS = '$CONTROL/dynamic-security/v1'
const RESPONSES = `${REQUESTS}/response`
const ANSWER_TIMEOUT_MS = 10_000
const RECONNECT_MS = 500

/** One command of Mosquitto's dynamic security plugin, by its own names. */
export interface ControlCommand {
  readonly command: string
  readonly [parameter: string]: unknown
}

/** Who may give commands, and where. */
export interface MosquittoControlOptions {
  readonly url: string
  readonly username: string
  readonly password: string
  /** CA certificates, PEM, for a broker with a private CA. */
  readonly ca?: string
  /** Name of this relay among those that share the broker. */
  readonly instance: string
  readonly clock: Pick<Clock, 'sleep'>
  readonly log: Log
}

/** The commands of Mosquitto that say who may log in. */
export interface MosquittoControl extends AsyncDisposable {
  /** There is a broker to give commands to, as far as is known. */
  readonly isConnected: boolean
  /** The broker answers, and does not let this relay in. */
  readonly isRefused: boolean
  /**
   * Gives one command.
   * @returns null when it was carried out, else what the broker says against it
   * @throws UNAVAILABLE when no answer comes: then it is not known
   */
  give(command: ControlCommand): Promise<string | null>
}

/** CONNACK: bad user name or password, not authorised. @see MQTT 3.1.1 §3.2.2.3 */
const REFUSALS: readonly unknown[] = [4, 5]

type Answer = { readonly error: string | null }

/** Untrusted: `payload`. The answers in it that we know how to wait for. */
function parseAnswers(payload: Uint8Array): (Answer & { readonly id: string })[] {
  const { responses } = JSON.parse(Buffer.from(payload).toString('utf8')) as { responses?: unknown }
  if (!Array.isArray(responses)) return []
  return responses.flatMap((response: { correlationData?: unknown; error?: unknown } | null) => {
    const id = response?.correlationData
    if (typeof id !== 'string') return []
    return [{ id, error: typeof response?.error === 'string' ? response.error : null }]
  })
}

class Control implements MosquittoControl {
  readonly #options: MosquittoControlOptions
  readonly #client: MqttClient
  readonly #waiting = new Map<string, (answer: Answer) => void>()
  /** Subscribed on the connection of the moment. */
  #ready: Promise<unknown> | null = null
  #refused = false

  constructor(options: MosquittoControlOptions) {
    const { url, username, password, ca, instance, log } = options
    this.#options = options
    this.#client = connect(url, {
      clientId: `relay.${instance}.control`,
      username,
      password,
      ...(ca === undefined ? {} : { ca }),
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: RECONNECT_MS,
      resubscribe: false,
    })
    this.#client.on('error', (error) => {
      const { code } = error as { code?: unknown }
      this.#refused = REFUSALS.includes(code)
      log.warn({ code }, 'broker.control-error')
    })
    this.#client.on('connect', () => (this.#refused = false))
    this.#client.on('close', () => (this.#ready = null))
    this.#client.on('message', (_topic, payload) => this.#hear(payload))
  }

  get isConnected(): boolean {
    return this.#client.connected
  }

  get isRefused(): boolean {
    return this.#refused
  }

  async give(command: ControlCommand): Promise<string | null> {
    const id = encodeBase64url(randomBytes(12))
    const waiting = new AbortController()
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve))
    const late = this.#options.clock.sleep(ANSWER_TIMEOUT_MS, waiting.signal).then(() => {
      throw new LatchkeyError('UNAVAILABLE', 'the broker did not answer to a command in time')
    })
    late.catch(() => {})
    const asked = this.#ask(JSON.stringify({ commands: [{ ...command, correlationData: id }] }))
    try {
      // A command that was not handed over has no answer to wait for.
      return (await Promise.race([asked.then(() => answered), late])).error
    } finally {
      waiting.abort()
      this.#waiting.delete(id)
    }
  }

  async #ask(request: string): Promise<void> {
    try {
      this.#ready ??= this.#client.subscribeAsync(RESPONSES, { qos: 1 })
      await this.#ready
      await this.#client.publishAsync(REQUESTS, request, { qos: 1 })
    } catch (cause) {
      this.#ready = null
      throw new LatchkeyError('UNAVAILABLE', 'the broker takes no command', { cause })
    }
  }

  #hear(payload: Uint8Array): void {
    try {
      for (const { id, error } of parseAnswers(payload)) this.#waiting.get(id)?.({ error })
    } catch (error) {
      this.#options.log.warn({ code: codeOf(error) }, 'broker.control-answer-unreadable')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.endAsync(true)
  }
}

/**
 * Opens the way to Mosquitto's dynamic security plugin, which comes with Mosquitto ≥ 2.0. Connects in the background, and again
 * by itself.
 */
export function createMosquittoControl(options: MosquittoControlOptions): MosquittoControl {
  return new Control(options)
}
