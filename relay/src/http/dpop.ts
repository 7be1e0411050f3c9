import {
  concatBytes,
  type Digest,
  type DpopProof,
  encodeBase64url,
  equalBytes,
  hmacSha256,
  LatchkeyError,
  parseDpop,
  uint64,
  utf8,
} from '@latchkey/shared'
import type { Clock } from '../kernel/clock.ts'
import type { Database } from '../flow.ts'

/** Nonces are HMACs over a bucket of this length, good in their bucket and the next: a proof lives 5 to 10 minutes. */
const BUCKET_MS = 5 * 60_000
const CONTEXT = utf8('latchkey/v1/dpop-nonce\0')

/** Nonces of this relay; replicas that share the key take each other's. */
export interface Nonces {
  /** The nonce to hand out now. */
  current(): string
  /** When a nonce of ours dies, UTC ms; null when it is not ours or dead. Untrusted: `nonce`. */
  expiryOf(nonce: string | undefined): number | null
}

/** @param key 32 bytes, secret */
export function createNonces(key: Uint8Array, clock: Pick<Clock, 'nowMs'>): Nonces {
  const nonceOf = (bucket: number): string => encodeBase64url(hmacSha256(key, concatBytes(CONTEXT, uint64(bucket))))
  const bucketNow = (): number => Math.floor(clock.nowMs() / BUCKET_MS)
  return {
    current: () => nonceOf(bucketNow()),
    expiryOf: (nonce) => {
      if (nonce === undefined) return null
      const now = bucketNow()
      const bucket = [now, now - 1].find((candidate) => equalBytes(utf8(nonce), utf8(nonceOf(candidate))))
      return bucket === undefined ? null : (bucket + 2) * BUCKET_MS
    },
  }
}

/** What a proof must be about. */
export interface ProofTarget {
  readonly method: string
  /** Public origin and path exactly as in `htu`: no query. */
  readonly address: string
}

/** A proof that is fresh and about this request; replay and body are checked after the body came. */
export interface AcceptedProof {
  readonly proof: DpopProof
  readonly expiresMs: number
}

/**
 * Untrusted: `raw`. Freshness is the nonce's alone: a Pi boots in 1970, so `iat` is ignored.
 * @throws DPOP_INVALID | DPOP_NONCE
 * @see RFC 9449 §4.3, §8
 */
export function acceptProof(raw: unknown, target: ProofTarget, nonces: Nonces): AcceptedProof {
  if (typeof raw !== 'string') throw new LatchkeyError('DPOP_INVALID', 'this route needs one DPoP proof')
  const proof = parseDpop(raw)
  const expiresMs = nonces.expiryOf(proof.claims.nonce)
  if (expiresMs === null) throw new LatchkeyError('DPOP_NONCE', 'the proof must carry the nonce of this answer')
  if (proof.claims.htm !== target.method || proof.claims.htu !== target.address)
    throw new LatchkeyError('DPOP_INVALID', 'the proof is about another method or address')
  return { proof, expiresMs }
}

/** Does the proof's `body` claim name exactly this body? @throws DPOP_INVALID */
export function assertBodyBound(proof: DpopProof, bodyDigest: Digest | null): void {
  if ((proof.claims.body ?? null) !== bodyDigest)
    throw new LatchkeyError('DPOP_INVALID', 'the body claim of the proof is not the digest of the body')
}

/** Remembers proofs until their nonce dies, so that none is used twice. */
export interface ProofMemory {
  /** @throws DPOP_REPLAYED unless this proof is new, or the byte-identical repeat of an idempotent PUT */
  use(accepted: AcceptedProof): Promise<void>
  /** Forgets proofs whose nonce died. */
  forget(nowMs: number): Promise<void>
}

export function createProofMemory(database: Database): ProofMemory {
  return {
    use: async ({ proof, expiresMs }) => {
      const { thumbprint, digest, claims } = proof
      const fresh = await database.query(
        `INSERT INTO dpop_proofs (thumbprint, jti, digest, expires_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING RETURNING jti`,
        [thumbprint, claims.jti, digest, expiresMs],
      )
      if (fresh.length > 0) return
      const [known] = await database.query<{ digest: string }>(
        'SELECT digest FROM dpop_proofs WHERE thumbprint = $1 AND jti = $2',
        [thumbprint, claims.jti],
      )
      // The digest covers the body claim: the same proof is the same request.
      if (claims.htm === 'PUT' && claims.body !== undefined && known?.digest === digest) return
      throw new LatchkeyError('DPOP_REPLAYED', 'this proof was used before')
    },
    forget: async (nowMs) => {
      await database.query('DELETE FROM dpop_proofs WHERE expires_ms <= $1', [nowMs])
    },
  }
}
