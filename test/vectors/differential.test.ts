import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fromHex, toHex, utf8 } from '../../shared/src/bytes/bytes.ts'
import { primitives as noble } from '../../shared/src/crypto/noble-primitives.ts'
import type { Primitives } from '../../shared/src/crypto/primitives.ts'
import { primitives as node } from '../../shared/node/node-primitives.ts'
import speccheck from './ed25519-speccheck.json' with { type: 'json' }

/** node:crypto, noble and the openssl program must be three ways to one answer. */

const key32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const nonce12 = fc.uint8Array({ minLength: 12, maxLength: 12 })
const bytes = fc.uint8Array({ maxLength: 200 })
const small = { seed: 2026, numRuns: 60 }
const few = { seed: 2026, numRuns: 6 }

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-openssl-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const ED25519_SPKI = '302a300506032b6570032100'
const ED25519_PKCS8 = '302e020100300506032b657004220420'
const X25519_SPKI = '302a300506032b656e032100'
const X25519_PKCS8 = '302e020100300506032b656e04220420'

function fileOf(name: string, content: Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const derFile = (name: string, prefix: string, key: Uint8Array) => fileOf(name, fromHex(prefix + toHex(key)))

function opensslVerifies(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const args = ['pkeyutl', '-verify', '-rawin', '-pubin', '-keyform', 'DER']
  args.push('-inkey', derFile('public.der', ED25519_SPKI, publicKey))
  args.push('-in', fileOf('message', message), '-sigfile', fileOf('signature', signature))
  return spawnSync('openssl', args).status === 0
}

function agree<T>(run: (primitives: Primitives) => T): T {
  const [ours, portable] = [run(node), run(noble)]
  // Buffers and plain arrays with the same bytes are the same answer.
  const plain = (value: T) => (value instanceof Uint8Array ? toHex(value) : value)
  expect(plain(portable)).toEqual(plain(ours))
  return ours
}

function sealed(p: Primitives, key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const target = new Uint8Array(plaintext.length + 16)
  p.chachaSealInto(target, key, nonce, plaintext)
  return target
}

describe('node:crypto and noble agree', () => {
  test('on SHA-256, HMAC and HKDF of any parts', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 4 }), key32, fc.integer({ min: 1, max: 100 }), (parts, key, size) => {
        agree((p) => p.sha256(...parts))
        agree((p) => p.hmacSha256(key, ...parts))
        agree((p) => p.hkdfSha256(key, parts[0] ?? new Uint8Array(0), 'latchkey/v1/test', size))
      }),
      small,
    )
  })

  test('on ChaCha20-Poly1305, sealed here and opened there, and on what does not open', () => {
    fc.assert(
      fc.property(key32, nonce12, bytes, fc.nat(), (key, nonce, plaintext, at) => {
        const box = agree((p) => sealed(p, key, nonce, plaintext))
        expect(toHex(agree((p) => p.chachaOpen(key, nonce, box))!)).toBe(toHex(plaintext))
        const changed = Uint8Array.from(box)
        changed[at % box.length]! ^= 1
        expect(agree((p) => p.chachaOpen(key, nonce, changed))).toBeNull()
        expect(agree((p) => p.chachaOpen(key, nonce, box.subarray(0, at % 16)))).toBeNull()
      }),
      small,
    )
  })

  test('on X25519 of any secret and any 32 bytes', () => {
    fc.assert(
      fc.property(key32, key32, (secret, other) => {
        const publicKey = agree((p) => p.x25519Public(other))
        agree((p) => p.x25519Shared(secret, publicKey))
        agree((p) => p.x25519Shared(secret, other))
      }),
      small,
    )
  })

  test('on what a fresh X25519 pair of the one shares, asked of the other', () => {
    fc.assert(
      fc.property(key32, (secret) => {
        const publicKey = node.x25519Public(secret)
        const made = [node, noble].map((p) => p.x25519Ephemeral(publicKey)!)
        for (const { share, shared } of made) expect(agree((p) => p.x25519Shared(secret, share))).toEqual(shared)
        expect(made[0]!.share).not.toEqual(made[1]!.share)
      }),
      small,
    )
  })

  test('on Ed25519 signatures, byte for byte, and on changed ones', () => {
    fc.assert(
      fc.property(key32, bytes, fc.nat({ max: 63 }), (seed, message, at) => {
        const publicKey = agree((p) => p.ed25519Public(seed))
        const signature = agree((p) => p.ed25519Sign(seed, message))
        expect(agree((p) => p.ed25519VerifyUnchecked(publicKey, message, signature))).toBe(true)
        const changed = signature.map((byte, i) => (i === at ? byte ^ 1 : byte))
        expect(agree((p) => p.ed25519VerifyUnchecked(publicKey, message, changed))).toBe(false)
      }),
      { ...small, numRuns: 30 },
    )
  })
})

describe('the openssl program agrees', () => {
  test('on Ed25519 signatures that we make, and on changed ones', () => {
    fc.assert(
      fc.property(key32, fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat({ max: 63 }), (seed, message, at) => {
        const publicKey = node.ed25519Public(seed)
        const signature = node.ed25519Sign(seed, message)
        expect(opensslVerifies(publicKey, message, signature)).toBe(true)
        const changed = signature.map((byte, i) => (i === at ? byte ^ 1 : byte))
        expect(opensslVerifies(publicKey, message, changed)).toBe(false)
      }),
      few,
    )
  })

  test('on Ed25519 signatures that it makes', () => {
    const seed = new Uint8Array(32).fill(11)
    const args = ['pkeyutl', '-sign', '-rawin', '-keyform', 'DER', '-inkey', derFile('secret.der', ED25519_PKCS8, seed)]
    const signature = execFileSync('openssl', [...args, '-in', fileOf('message', utf8('message'))])
    expect(toHex(signature)).toBe(toHex(agree((p) => p.ed25519Sign(seed, utf8('message')))))
  })

  test.each(speccheck.cases)('on the odd signature: $note', ({ publicKey, message, signature, openssl, ours }) => {
    const parts = [fromHex(publicKey), fromHex(message), fromHex(signature)] as const
    expect(opensslVerifies(...parts)).toBe(openssl)
    // Node refuses small-order keys and R by itself; openssl 3.0 does not.
    expect(node.ed25519VerifyUnchecked(...parts)).toBe(ours)
  })

  test('on X25519 secrets', () => {
    fc.assert(
      fc.property(key32, key32, (secret, other) => {
        const publicKey = node.x25519Public(other)
        const args = ['pkeyutl', '-derive', '-keyform', 'DER', '-inkey', derFile('secret.der', X25519_PKCS8, secret)]
        args.push('-peerform', 'DER', '-peerkey', derFile('public.der', X25519_SPKI, publicKey))
        const shared = agree((p) => p.x25519Shared(secret, publicKey))
        expect(toHex(execFileSync('openssl', args))).toBe(toHex(shared!))
      }),
      few,
    )
  })

  test('on SHA-256 and HMAC-SHA-256', () => {
    const message = fileOf('message', utf8('message'))
    expect(toHex(execFileSync('openssl', ['dgst', '-sha256', '-binary', message]))).toBe(
      toHex(agree((p) => p.sha256(utf8('message')))),
    )
    const mac = ['dgst', '-sha256', '-binary', '-mac', 'HMAC', '-macopt', `hexkey:${'0b'.repeat(32)}`, message]
    expect(toHex(execFileSync('openssl', mac))).toBe(
      toHex(agree((p) => p.hmacSha256(new Uint8Array(32).fill(11), utf8('message')))),
    )
  })
})
