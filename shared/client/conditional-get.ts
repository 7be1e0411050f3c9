import { LatchkeyError } from '../src/errors.ts'
import type { Validator } from '../src/wire/schema.ts'
import { readJson, type RelayClient, type RelayRequest } from './relay-client.ts'

/** An answer and the tag that names this version of it. */
export interface Changed<T> {
  readonly value: T
  /** As received, quotes included; `null` when the relay gave none. @see RFC 9110 §8.8.3 */
  readonly etag: string | null
}

/**
 * Asks for a document only when it is not the version at hand.
 * @param known the `etag` of that version; `null` for the first time
 * @returns `null` when `known` is still the newest
 * @throws the problem's code | MESSAGE_INVALID | JSON_INVALID | UNAVAILABLE
 * @see RFC 9110 §13.1.2
 */
export async function jsonIfChanged<T>(
  client: RelayClient,
  path: string,
  options: { validator: Validator<T>; known: string | null; request?: RelayRequest },
): Promise<Changed<T> | null> {
  const { validator, known, request } = options
  const conditional = known === null ? {} : { 'if-none-match': known }
  const response = await client.send('GET', path, { ...request, headers: { ...request?.headers, ...conditional } })
  if (response.status === 304) {
    if (known === null) throw new LatchkeyError('UNAVAILABLE', 'the relay says that nothing changed since nothing')
    return null
  }
  return { value: await readJson(response, validator), etag: response.headers.get('etag') }
}
