import { errorOfProblem, fromUtf8, LatchkeyError, type Validator } from '@latchkey/shared'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import {
  type AcceptedPhones,
  acceptedPhones,
  type AgentSnapshot,
  agentSnapshot,
  type ControlNews,
  controlNews,
  doneAnswer,
  type PairingAddress,
  pairingAddress,
  ringAnswer,
} from './control-message.ts'

/**
 * Asks a running agent. Every call:
 * @throws UNAVAILABLE when no agent runs, CALLER_REFUSED when this user may not ask it, and the agent's own codes
 */
export interface ControlClient {
  status(): Promise<AgentSnapshot>
  pairing(): Promise<PairingAddress>
  /** JPEG. */
  still(): Promise<Uint8Array>
  /** Takes as long as the relay's log: seconds to a minute. */
  acceptPhone(): Promise<AcceptedPhones>
  ring(): Promise<string | null>
  setPrivacy(on: boolean): Promise<void>
  reload(): Promise<void>
  /** News until `signal` aborts or the agent ends; the first is asked for when iteration begins. */
  news(signal: AbortSignal): AsyncGenerator<ControlNews, void, undefined>
}

const TIMEOUT_MS = 15_000
/** A keyset is given once its leaf is published: a batch of the log, and calls before and after it. */
const ACCEPT_TIMEOUT_MS = 150_000
const MAX_ANSWER_BYTES = 4 << 20
const MAX_NEWS_BYTES = 64 << 10
const ALWAYS: AbortSignal = new AbortController().signal

function connectionError(error: NodeJS.ErrnoException): LatchkeyError {
  if (error.code === 'EACCES' || error.code === 'EPERM')
    return new LatchkeyError('CALLER_REFUSED', 'this user may not talk to the agent; try again with sudo', {
      cause: error,
    })
  return new LatchkeyError('UNAVAILABLE', 'the agent is not running', { cause: error })
}

interface Ask {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: unknown
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

function open(
  socketPath: string,
  { method, path, body, signal = ALWAYS, timeoutMs: timeout = TIMEOUT_MS }: Ask,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const request = httpRequest({ socketPath, path, method, headers, signal, agent: false, timeout }, resolve)
    request.once('timeout', () => request.destroy(new Error('no answer in time')))
    request.once('error', (error) => reject(connectionError(error)))
    request.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** Untrusted: the answer, up to a limit. */
async function readAll(response: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length
    if (sizeBytes > MAX_ANSWER_BYTES) throw new LatchkeyError('MESSAGE_TOO_LARGE', 'the agent answers too much')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes)) as unknown
  } catch (cause) {
    throw new LatchkeyError('JSON_INVALID', 'the agent does not answer with JSON', { cause })
  }
}

/** Names are the household's and may hold anything: whoever shows them takes care. @throws MESSAGE_INVALID */
function parseAs<T>(validator: Validator<T>, value: unknown): T {
  if (validator.check(value)) return value
  throw new LatchkeyError('MESSAGE_INVALID', `the agent answers in another form: ${validator.explain(value)}`)
}

async function assertAccepted(response: IncomingMessage): Promise<void> {
  if (response.statusCode === 200) return
  throw errorOfProblem(parseJson(await readAll(response)), response.statusCode ?? 0)
}

/** `data:` lines of a stream of events. Untrusted: `response`. @throws MESSAGE_TOO_LARGE */
async function* dataLines(response: IncomingMessage): AsyncGenerator<string, void, undefined> {
  let rest = ''
  response.setEncoding('utf8')
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    if (rest.length > MAX_NEWS_BYTES) throw new LatchkeyError('MESSAGE_TOO_LARGE', 'a line of news does not end')
    for (const line of lines) if (line.startsWith('data: ')) yield line.slice('data: '.length)
  }
}

/** Builds a client for the control socket at `socketPath`; connects anew for every call. */
export function createControlClient(socketPath: string): ControlClient {
  async function bytes(ask: Ask): Promise<Uint8Array> {
    const response = await open(socketPath, ask)
    await assertAccepted(response)
    return readAll(response)
  }
  const json = async <T>(validator: Validator<T>, ask: Ask): Promise<T> =>
    parseAs(validator, parseJson(await bytes(ask)))
  const post = (path: string, body: unknown = {}): Ask => ({ method: 'POST', path, body })

  return {
    status: () => json(agentSnapshot, { method: 'GET', path: '/v1/status' }),
    pairing: () => json(pairingAddress, { method: 'GET', path: '/v1/pairing' }),
    still: () => bytes({ method: 'GET', path: '/v1/still' }),
    acceptPhone: () => json(acceptedPhones, { ...post('/v1/accept'), timeoutMs: ACCEPT_TIMEOUT_MS }),
    ring: async () => (await json(ringAnswer, post('/v1/ring'))).event,
    async setPrivacy(on) {
      await json(doneAnswer, post('/v1/privacy', { on }))
    },
    async reload() {
      await json(doneAnswer, post('/v1/reload'))
    },
    async *news(signal) {
      try {
        const response = await open(socketPath, { method: 'GET', path: '/v1/news', signal })
        await assertAccepted(response)
        // Nothing may happen for hours.
        response.socket.setTimeout(0)
        for await (const line of dataLines(response)) yield parseAs(controlNews, parseJson(Buffer.from(line)))
      } catch (error) {
        if (signal.aborted) return
        throw error instanceof LatchkeyError ? error : connectionError(error as NodeJS.ErrnoException)
      }
    },
  }
}
