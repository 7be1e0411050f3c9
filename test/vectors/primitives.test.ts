/** node:crypto, the portable implementation and the openssl program give the same bytes. */
import { fromHex, toHex } from '@latchkey/shared'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { primitives as node } from '../../shared/node/node-primitives.ts'
import { primitives as noble } from '../../shared/src/crypto/noble-primitives.ts'
import type { Primitives } from '../../shared/src/crypto/primitives.ts'
import vectors from './primitives.json' with { type: 'json' }

const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size })
const text = (value: Uint8Array | null) => (value === null ? null : toHex(value))

/** Both give the same result; node's speed must never be bought with another answer. */
function agree(run: (primitives: Primitives) => Uint8Array | boolean | null): void {
  const [a, b] = [run(node), run(noble)]
  if (typeof a === 'boolean' || typeof b === 'boolean') expect(a).toBe(b)
  else expect(text(a)).toBe(text(b))
}

describe.each([
  ['node:crypto', node],
  ['noble', noble],
])('%s gives what openssl gave', (_, primitives) => {
  test.each(vectors.cases)('for $info', (vector) => {
    const [message, secret, salt] = [vector.message, vector.secret, vector.salt].map(fromHex)
    const peer = fromHex(vector.x25519Peer)
    expect(toHex(primitives.sha256(message!))).toBe(vector.sha256)
    expect(toHex(primitives.hmacSha256(secret!, message!))).toBe(vector.hmacSha256)
    expect(toHex(primitives.hkdfSha256(secret!, salt!, vector.info, 32))).toBe(vector.hkdfSha256)
    expect(toHex(primitives.ed25519Public(secret!))).toBe(vector.ed25519Public)
    expect(toHex(primitives.x25519Public(secret!))).toBe(vector.x25519Public)
    expect(text(primitives.x25519Shared(secret!, peer))).toBe(vector.x25519Shared)
    if (vector.ed25519Signature === null) return
    expect(toHex(primitives.ed25519Sign(secret!, message!))).toBe(vector.ed25519Signature)
  })
})

describe('node:crypto and noble agree', () => {
  const runs = { seed: 1, numRuns: 50 }

  test('on hashes of parts, MACs and derived keys', () => {
    fc.assert(
      fc.property(bytes(32), fc.uint8Array({ maxLength: 300 }), fc.string(), (key, message, info) => {
        agree((p) => p.sha256(message, key))
        agree((p) => p.hmacSha256(key, message, message))
        agree((p) => p.hkdfSha256(message, key, info, 32))
      }),
      runs,
    )
  })

  test('on sealed chunks, and on which do not open', () => {
    const flip = fc.option(fc.nat())
    fc.assert(
      fc.property(bytes(32), bytes(12), fc.uint8Array({ maxLength: 300 }), flip, (key, nonce, plaintext, at) => {
        agree((p) => p.chachaSeal(key, nonce, plaintext))
        const sealed = Uint8Array.from(node.chachaSeal(key, nonce, plaintext))
        if (at !== null) sealed[at % sealed.length]! ^= 1
        agree((p) => p.chachaOpen(key, nonce, sealed))
        expect(node.chachaOpen(key, nonce, sealed) === null).toBe(at !== null)
        agree((p) => p.chachaOpen(key, nonce, sealed.subarray(0, 15)))
      }),
      runs,
    )
  })

  test('on keys, shared secrets and signatures', () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), fc.uint8Array({ maxLength: 100 }), (secret, other, message) => {
        agree((p) => p.x25519Public(secret))
        agree((p) => p.x25519Shared(secret, other))
        agree((p) => p.ed25519Public(secret))
        agree((p) => p.ed25519Sign(secret, message))
      }),
      runs,
    )
  })

  test('on which signatures verify, whatever the key', () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), fc.nat(63), fc.boolean(), (seed, message, at, spoil) => {
        const signature = node.ed25519Sign(seed, message)
        if (spoil) signature[at]! ^= 1
        const key = node.ed25519Public(seed)
        expect(node.ed25519VerifyUnchecked(key, message, signature)).toBe(!spoil)
        agree((p) => p.ed25519VerifyUnchecked(key, message, signature))
        agree((p) => p.ed25519VerifyUnchecked(message, key, signature))
      }),
      runs,
    )
  })
})
