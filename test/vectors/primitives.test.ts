/** Both implementations give the bytes that openssl gave. (That they agree on anything else: differential.test.ts.) */
import { fromHex, toHex } from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { primitives as node } from '../../shared/node/node-primitives.ts'
import { primitives as noble } from '../../shared/src/crypto/noble-primitives.ts'
import vectors from './primitives.json' with { type: 'json' }

const text = (value: Uint8Array | null) => (value === null ? null : toHex(value))

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
