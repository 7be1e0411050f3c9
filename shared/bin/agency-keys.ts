/** An agency's keys, as it shows them at its own address. @see RFC 7517 §5 */
import { Type } from 'typebox'
import { readBounded } from '../client/bounded-body.ts'
import { type PublicJwk, rawKeyOf } from '../src/crypto/keys.ts'
import { LatchkeyError } from '../src/errors.ts'
import { createValidator, parseWith } from '../src/wire/schema.ts'

/** Where an agency shows its keys, below its address. */
export const KEY_SET_PATH = '/.well-known/jwks.json'

const MAX_BYTES = 65_536
const TIMEOUT_MS = 10_000
/** As the log holds them at most. */
const MAX_KEYS = 16

/** A key set may hold keys for other purposes, with members that say so. */
const keySet = createValidator(
  Type.Object({ keys: Type.Array(Type.Record(Type.String(), Type.Unknown()), { maxItems: 100 }) }),
)

const isForSigning = ({ kty, crv, use }: Readonly<Record<string, unknown>>): boolean =>
  kty === 'OKP' && crv === 'Ed25519' && (use === undefined || use === 'sig')

/**
 * The signing keys of a JWK set; keys of other kinds are left out.
 * Untrusted: `value`.
 * @throws MESSAGE_INVALID | KEY_INVALID: none is one of ours, too many, a key that is none, or a private key
 */
export function parseKeySet(value: unknown): PublicJwk[] {
  const { keys } = parseWith(keySet, value, 'JWK set')
  if (keys.some((key) => 'd' in key))
    throw new LatchkeyError('KEY_INVALID', 'it holds a private key: whoever can read it can pretend to be the agency')
  const found = keys.filter(isForSigning).map(({ x }) => ({ crv: 'Ed25519', kty: 'OKP', x }) as PublicJwk)
  if (found.length === 0) throw new LatchkeyError('KEY_INVALID', 'it holds no Ed25519 key for signatures (kty OKP)')
  if (found.length > MAX_KEYS) throw new LatchkeyError('KEY_INVALID', `it holds more than ${MAX_KEYS} keys`)
  for (const jwk of found) rawKeyOf(jwk)
  return found
}

/**
 * Fetches them from the agency itself, over https, with no detour.
 * @param uri the agency's address
 * @throws UNAVAILABLE | JSON_INVALID | MESSAGE_TOO_LARGE, and as {@link parseKeySet}
 */
export async function fetchKeySet(uri: string): Promise<PublicJwk[]> {
  const address = uri + KEY_SET_PATH
  const unavailable = (why: string, cause?: unknown) =>
    new LatchkeyError('UNAVAILABLE', `${address}: ${why}`, { cause })
  let response: Response
  try {
    response = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) })
  } catch (cause) {
    throw unavailable(
      'no answer, or one that cannot be trusted. --keys FILE takes a key set that reached you otherwise',
      cause,
    )
  }
  if (!response.ok)
    throw unavailable(`answers ${response.status}. --keys FILE takes a key set that reached you otherwise`)
  const text = new TextDecoder().decode(await readBounded(response, MAX_BYTES))
  try {
    return parseKeySet(JSON.parse(text))
  } catch (cause) {
    if (cause instanceof LatchkeyError) throw new LatchkeyError(cause.code, `${address}: ${cause.message}`, { cause })
    throw new LatchkeyError('JSON_INVALID', `${address} is not JSON`, { cause })
  }
}
