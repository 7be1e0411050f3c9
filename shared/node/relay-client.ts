import { encodeBase64url } from '../src/bytes/base64url.ts'
import { randomBytes, sha256 } from '../src/crypto/hash.ts'
import type { Signer } from '../src/crypto/keys.ts'
import { LatchkeyError } from '../src/errors.ts'
import { contentDigestOf, type DpopClaims, encodeBody, encodeDpop } from '../src/wire/dpop.ts'
import { errorOfProblem } from '../src/wire/problem.ts'
import type { Validator } from '../src/wire/schema.ts'

/** JSON answers above this are refused: no route of ours sends more. */
const MAX_JSON_BYTES = 32 * 1024 * 1024
const DEFAULT_TIMEOUT_MS = 30_000

/** One request to a relay. */
export interface RelayRequest {
  /** Sent as canonical JSON. */
  readonly json?: unknown
  /** Sent as it is. */
  readonly bytes?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** A caller of the relay; every request is proved by the caller's key. */
export interface RelayClient {
  readonly origin: string
  /** Sends and answers with the raw response, any status; retries once when a fresh nonce is asked for. */
  send(method: DpopClaims['htm'], path: string, request?: RelayRequest): Promise<Response>
  /** Sends and parses a JSON answer. @throws the problem's code, or MESSAGE_INVALID */
  json<T>(method: DpopClaims['htm'], path: string, validator: Validator<T>, request?: RelayRequest): Promise<T>
  /** Sends and answers with the body. @throws the problem's code */
  bytes(method: DpopClaims['htm'], path: string, request?: RelayRequest): Promise<Uint8Array>
}

/** Status not 2xx → the error it stands for. */
async function errorOf(response: Response): Promise<LatchkeyError> {
  const text = await response.text().catch(() => '')
  try {
    return errorOfProblem(JSON.parse(text), response.status)
  } catch {
    return errorOfProblem(null, response.status)
  }
}

/** Body of a successful answer as `T`. Untrusted: the answer. @throws the problem's code | MESSAGE_INVALID */
export async function readJson<T>(response: Response, validator: Validator<T>): Promise<T> {
  if (!response.ok) throw await errorOf(response)
  const body = new Uint8Array(await response.arrayBuffer())
  if (body.length > MAX_JSON_BYTES) throw new LatchkeyError('MESSAGE_TOO_LARGE', 'the answer is too large')
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
    const body = request.bytes ?? (request.json === undefined ? undefined : encodeBody(request.json))
    const headers: Record<string, string> = { ...request.headers }
    if (body !== undefined) {
      headers['content-type'] ??= request.bytes === undefined ? 'application/json' : 'application/octet-stream'
      headers['content-digest'] = contentDigestOf(sha256(body))
    }
    if (signer) headers['dpop'] = await proofFor(method, path, body)
    const timeout = AbortSignal.timeout(request.timeoutMs ?? DEFAULT_TIMEOUT_MS)
    const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout
    try {
      const response = await fetch(origin + path, {
        method,
        headers,
        body: (body ?? null) as Uint8Array<ArrayBuffer> | null,
        signal,
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
      return new Uint8Array(await response.arrayBuffer())
    },
  }
}
