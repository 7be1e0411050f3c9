import { calculateJwkThumbprint } from 'jose'
import { describe, expect, test } from 'vitest'
import { decodeBase64url, encodeBase64url } from '../../shared/src/bytes/base64url.ts'
import { fromHex, toHex, utf8 } from '../../shared/src/bytes/bytes.ts'
import { isAcceptableEd25519Key, verifyEd25519 } from '../../shared/src/crypto/ed25519.ts'
import {
  createSigner,
  encodeRecipient,
  jwkOf,
  parseRecipient,
  rawKeyOf,
  thumbprintOf,
} from '../../shared/src/crypto/keys.ts'
import { primitives as noble } from '../../shared/src/crypto/noble-primitives.ts'
import { primitives as node } from '../../shared/node/node-primitives.ts'
import { codeThrown } from '../support/damage.ts'
import rfc8037 from './ed25519-jwk.json' with { type: 'json' }
import speccheck from './ed25519-speccheck.json' with { type: 'json' }
import wycheproof from './ed25519-wycheproof.json' with { type: 'json' }
import x25519 from './x25519-wycheproof.json' with { type: 'json' }

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const BOTH = { node, noble }

/** The eight points of small order, with every non-canonical spelling of theirs. */
const SMALL_ORDER_KEYS = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000080',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
]

describe('an Ed25519 JWK', () => {
  const signer = createSigner(decodeBase64url(rfc8037.d))

  test('has the public key, thumbprint and signature of RFC 8037', () => {
    expect(signer.jwk).toEqual({ crv: 'Ed25519', kty: 'OKP', x: rfc8037.x })
    expect(signer.thumbprint).toBe(rfc8037.thumbprint)
    expect(encodeBase64url(signer.sign(utf8(rfc8037.signingInput)))).toBe(rfc8037.signature)
    const verifies = verifyEd25519(rawKeyOf(signer.jwk), utf8(rfc8037.signingInput), decodeBase64url(rfc8037.signature))
    expect(verifies).toBe(true)
  })

  test('has the thumbprint that jose computes', async () => {
    for (let byte = 0; byte < 10; byte++) {
      const { jwk } = createSigner(new Uint8Array(32).fill(byte))
      expect(thumbprintOf(jwk)).toBe(await calculateJwkThumbprint(jwk))
    }
  })
})

describe('an Ed25519 signature', () => {
  test.each(wycheproof.cases as [number, string, string, string][])(
    'wycheproof %d (%s)',
    (_, kind, message, signature) => {
      const verifies = verifyEd25519(fromHex(wycheproof.publicKey), fromHex(message), fromHex(signature))
      expect(verifies).toBe(kind === 'valid')
    },
  )

  test.each(speccheck.cases)('speccheck, $note: $ours', ({ publicKey, message, signature, ours }) => {
    expect(verifyEd25519(fromHex(publicKey), fromHex(message), fromHex(signature))).toBe(ours)
  })

  test('is judged alike by both implementations wherever key and R are neither small-order nor misspelt', () => {
    for (const { publicKey, message, signature } of speccheck.cases) {
      const parts = [fromHex(publicKey), fromHex(message), fromHex(signature)] as const
      if (!isAcceptableEd25519Key(parts[0]) || !isAcceptableEd25519Key(parts[2].subarray(0, 32))) continue
      expect(noble.ed25519VerifyUnchecked(...parts)).toBe(node.ed25519VerifyUnchecked(...parts))
    }
  })

  test('is refused with S + L, with a byte more or less, and under no key at all', async () => {
    const signer = createSigner(new Uint8Array(32).fill(3))
    const [key, message] = [rawKeyOf(signer.jwk), utf8('message')]
    const signature = signer.sign(message)
    const s = BigInt(`0x${toHex(signature.subarray(32).toReversed())}`) + ORDER
    const malleated = Uint8Array.from([
      ...signature.subarray(0, 32),
      ...fromHex(s.toString(16).padStart(64, '0')).toReversed(),
    ])
    expect(verifyEd25519(key, message, signature)).toBe(true)
    expect(verifyEd25519(key, message, malleated)).toBe(false)
    expect(verifyEd25519(key, message, signature.subarray(1))).toBe(false)
    expect(verifyEd25519(key, message, Uint8Array.of(...signature, 0))).toBe(false)
    expect(verifyEd25519(key.subarray(1), message, signature)).toBe(false)
  })

  test.each(SMALL_ORDER_KEYS)('never verifies under the small-order key %s', (hex) => {
    const key = fromHex(hex)
    expect(codeThrown(() => jwkOf(key))).toBe('KEY_INVALID')
    expect(codeThrown(() => rawKeyOf({ crv: 'Ed25519', kty: 'OKP', x: encodeBase64url(key) }))).toBe('KEY_INVALID')
    for (const r of SMALL_ORDER_KEYS)
      expect(verifyEd25519(key, utf8('anything'), fromHex(r + '00'.repeat(32)))).toBe(false)
  })
})

describe.each(Object.entries(BOTH))('X25519 by %s', (_, primitives) => {
  test.each(x25519.cases as [number, string, string, string][])('wycheproof %d', (_id, publicKey, secret, shared) => {
    const result = primitives.x25519Shared(fromHex(secret), fromHex(publicKey))
    expect(result && toHex(result)).toBe(/^0+$/.test(shared) ? null : shared)
  })

  test.each(x25519.smallOrder)('gives no secret for the small-order point %s', (hex) => {
    for (const fill of [1, 9, 255])
      expect(primitives.x25519Shared(new Uint8Array(32).fill(fill), fromHex(hex))).toBeNull()
    expect(primitives.x25519Ephemeral(fromHex(hex))).toBeNull()
  })
})

test.each(x25519.smallOrder)('the small-order recipient %s is KEY_INVALID', (hex) => {
  expect(codeThrown(() => parseRecipient(encodeRecipient(fromHex(hex))))).toBe('KEY_INVALID')
})
