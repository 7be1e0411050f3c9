import { fromUtf8 } from '../bytes/bytes.ts'
import { type PublicJwk, rawKeyOf, thumbprintOf } from '../crypto/keys.ts'
import { LatchkeyError } from '../errors.ts'
import type { LogTrust } from '../tlog/checkpoint.ts'
import { parseVkey } from '../tlog/note-key.ts'
import { parseWith } from '../wire/schema.ts'
import { type Trust, trust } from '../wire/trust.ts'

const MAX_TRUST_BYTES = 4 * 1024 * 1024

/** A trust file whose every key was checked: what a verifier believes, and nothing else. */
export interface VerifierTrust {
  /** Null where the file lists no log: then log proofs are not asked for, and the verdict says so. */
  readonly log: LogTrust | null
  readonly relays: ReadonlyMap<string, PublicJwk>
  /** Signing keys by agency address. */
  readonly agencies: ReadonlyMap<string, readonly PublicJwk[]>
  /** Null where any household is acceptable. */
  readonly households: ReadonlySet<string> | null
}

/**
 * Trust → checked keys. A quorum above the number of witnesses is refused: it could never be met.
 * @throws TRUST_INVALID
 */
export function createVerifierTrust(file: Trust): VerifierTrust {
  try {
    const logs = file.logs.map(parseVkey)
    const witnesses = file.witnesses.map(parseVkey)
    const jwks = [...file.relays.map(({ jwk }) => jwk), ...file.agencies.flatMap(({ keys }) => keys)]
    jwks.forEach(rawKeyOf)
    if (file.quorum > witnesses.length) throw new LatchkeyError('TRUST_INVALID', 'the quorum is above the witnesses')
    return {
      log: logs.length === 0 ? null : { logs, witnesses, quorum: file.quorum },
      relays: new Map(file.relays.map(({ origin, jwk }) => [origin, jwk])),
      agencies: new Map(file.agencies.map(({ uri, keys }) => [uri, keys])),
      households: file.households === undefined ? null : new Set(file.households),
    }
  } catch (cause) {
    throw new LatchkeyError('TRUST_INVALID', 'the trust file holds a key that cannot be used', { cause })
  }
}

/**
 * `trust.json` → checked keys. It is written by people, so any JSON form is taken.
 * Untrusted: `bytes` (their origin is the caller's matter).
 * @throws TRUST_INVALID
 */
export function parseTrust(bytes: Uint8Array): VerifierTrust {
  if (bytes.length > MAX_TRUST_BYTES) throw new LatchkeyError('TRUST_INVALID', 'the trust file is too large')
  try {
    return createVerifierTrust(parseWith(trust, JSON.parse(fromUtf8(bytes)), 'trust.json'))
  } catch (cause) {
    throw new LatchkeyError('TRUST_INVALID', cause instanceof LatchkeyError ? cause.message : 'not JSON', { cause })
  }
}

/** Is a key with this thumbprint among `keys`? */
export function holdsKey(keys: readonly PublicJwk[], thumbprint: string): boolean {
  return keys.some((jwk) => thumbprintOf(jwk) === thumbprint)
}
