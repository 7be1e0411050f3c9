import { Type } from 'typebox'
import { encodeBase64url } from '../src/bytes/base64url.ts'
import { randomBytes, sha256 } from '../src/crypto/hash.ts'
import type { Signer } from '../src/crypto/keys.ts'
import { LatchkeyError } from '../src/errors.ts'
import { contentDigestOf, type DpopClaims, encodeBody, encodeDpop } from '../src/wire/dpop.ts'
import { errorOfProblem } from '../src/wire/problem.ts'
import { MAX_ITEM_BYTES } from '../src/wire/clip.ts'
import { createValidator, type Validator } from '../src/wire/schema.ts'
import { readBounded } from './bounded-body.ts'

/** JSON answers above this are refused: no route of ours sends more. */
const MAX_JSON_BYTES = 32 * 1024 * 1024
/** A problem is a few sentences. */
const MAX_PROBLEM_BYTES = 65_536
const DEFAULT_TIMEOUT_MS = 30_000

/** One request to a relay. */
export interface RelayRequest {
  /** Sent as canonical JSON. */
  readonly json?: unknown
  /** The body travels in gzip: only on routes that say that they take it. */
  readonly gzip?: boolean
  /** Sent as it is. */
  readonly bytes?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  /** For the whole answer; `null` for one without an end, whose reader watches over it. */
  readonly timeoutMs?: number | null
  readonly signal?: AbortSignal
  /** What the body of the answer may have at most: of {@link RelayClient.bytes}, one sealed item unless told. */
  readonly maxBytes?: number
}

/** A caller of the relay; every request is proved by the caller's key. */
export interface RelayClient {
  readonly origin: string
  /** Sends and answers with the raw response, any status; retries once when a fresh nonce is asked for. */
  send(method: DpopClaims['htm'], path: string, request?: RelayRequest): Promise<Response>
  /** Sends and parses a JSON answer. @throws the problem's code, or MESSAGE_INVALID */
  json<T>(method: DpopClaims['htm'], path: string, validator: Validator<T>, request?: RelayRequest): Promise<T>
  /** Sends and answers with the body. @throws the problem's code | MESSAGE_TOO_LARGE */
  bytes(method: DpopClaims['htm'], path: string, request?: RelayRequest): Promise<Uint8Array>
}

/** For answers of which only matters that they came. */
export const anything: Validator<unknown> = createValidator(Type.Unknown())

/** Status not 2xx → the error it stands for. Untrusted: the answer. */
export async function errorOf(response: Response): Promise<LatchkeyError> {
  try {
    const text = new TextDecoder().decode(await readBounded(response, MAX_PROBLEM_BYTES))
    return errorOfProblem(JSON.parse(text), response.status)
  } catch {
    return errorOfProblem(null, response.status)
  }
}

/** Body of a successful answer as `T`. Untrusted: the answer. @throws the problem's code | MESSAGE_INVALID */
export async function readJson<T>(response: Response, validator: Validator<T>): Promise<T> {
  if (!response.ok) throw await errorOf(response)
  const body = await readBounded(response, MAX_JSON_BYTES)
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(body))
  } catch (cause) {
    throw new LatchkeyError('JSON_INVALID', 'the answer is not JSON', { cause })
  }
  // The text rule is for signed objects: a log proof in an answer has line breaks.
  if (!validator.check(value)) throw new LatchkeyError('MESSAGE_INVALID', `answer: ${validator.explain(value)}`)
  return value
}

async function bodyOf({ bytes, json, gzip }: RelayRequest): Promise<Uint8Array | undefined> {
  const written = bytes ?? (json === undefined ? undefined : encodeBody(json))
  if (!gzip || written === undefined) return written
  const packed = new Blob([written as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream('gzip'))
  return new Uint8Array(await new Response(packed).arrayBuffer())
}

/** When to give up: at the end of `timeoutMs`, when the caller says so, or whichever is first. */
function deadlineOf({ signal, timeoutMs = DEFAULT_TIMEOUT_MS }: RelayRequest): AbortSignal | null {
  if (timeoutMs === null) return signal ?? null
  const timeout = AbortSignal.timeout(timeoutMs)
  return signal ? AbortSignal.any([signal, timeout]) : timeout
}

/**
 * @param options.origin the relay's public origin, as in `htu`
 * @param options.signer the caller's key; without one, requests carry no proof (public routes)
 * @param options.nowMs clock for `iat`, which the relay ignores when the nonce is good
 */
export function createRelayClient(options: { origin: string; signer?: Signer; nowMs: () => number }): RelayClient {
  const { origin, signer } = options
  let nonce: string | undefined

  async function proofFor(method: DpopClaims['htm'], path: string, body: Uint8Array | undefined): Promise<string> {
    const claims: DpopClaims = {
      htm: method,
      htu: origin + path.split('?')[0]!,
      iat: Math.floor(options.nowMs() / 1000),
      jti: encodeBase64url(randomBytes(16)),
      ...(nonce === undefined ? {} : { nonce }),
      ...(body === undefined ? {} : { body: encodeBase64url(sha256(body)) }),
    }
    return encodeDpop(claims, signer!)
  }

  async function once(method: DpopClaims['htm'], path: string, request: RelayRequest): Promise<Response> {
    const body = await bodyOf(request)
    const headers: Record<string, string> = { ...request.headers }
    if (request.gzip) headers['content-encoding'] = 'gzip'
    if (body !== undefined) {
      headers['content-type'] ??= request.bytes === undefined ? 'application/json' : 'application/octet-stream'
      headers['content-digest'] = contentDigestOf(sha256(body))
    }
    if (signer) headers['dpop'] = await proofFor(method, path, body)
    try {
      const response = await fetch(origin + path, {
        method,
        headers,
        body: (body ?? null) as Uint8Array<ArrayBuffer> | null,
        signal: deadlineOf(request),
        // The key is the caller's only identity; a page must add none of its browser's.
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
        redirect: 'error',
      })
      nonce = response.headers.get('dpop-nonce') ?? nonce
      return response
    } catch (cause) {
      throw new LatchkeyError('UNAVAILABLE', `no answer from ${origin}`, { cause })
    }
  }

  async function send(method: DpopClaims['htm'], path: string, request: RelayRequest = {}): Promise<Response> {
    const response = await once(method, path, request)
    if (response.status !== 401 || !signer) return response
    const error = await errorOf(response.clone())
    if (error.code !== 'DPOP_NONCE') return response
    await response.body?.cancel()
    return once(method, path, request)
  }

  return {
    origin,
    send,
    json: async (method, path, validator, request) => readJson(await send(method, path, request), validator),
    bytes: async (method, path, request) => {
      const response = await send(method, path, request)
      if (!response.ok) throw await errorOf(response)
      return readBounded(response, request?.maxBytes ?? MAX_ITEM_BYTES)
    },
  }
}
