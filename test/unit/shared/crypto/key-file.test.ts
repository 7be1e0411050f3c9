/** Key files as people keep them. */
import {
  createSigner,
  encodeBase64url,
  encodeIdentity,
  encodeIdentityFile,
  generateIdentity,
  isPrivateJwk,
  parseIdentityFile,
  parsePrivateJwk,
  randomBytes,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'

const seed = randomBytes(32)
const jwk = { ...createSigner(seed).jwk, d: encodeBase64url(seed) }

describe('a private JWK', () => {
  test('gives its seed', () => {
    expect(parsePrivateJwk(jwk)).toEqual(seed)
    expect(isPrivateJwk(jwk)).toBe(true)
  })

  test('whose halves are two keys, or that is none, is refused without showing it', () => {
    const other = createSigner(randomBytes(32)).jwk.x
    expect(() => parsePrivateJwk({ ...jwk, x: other })).toThrow('public and private part are not one key')
    for (const wrong of [{ ...jwk, d: undefined }, { ...jwk, use: 'sig' }, { ...jwk, crv: 'X25519' }, null, 'x']) {
      expect(() => parsePrivateJwk(wrong)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }))
      expect(() => parsePrivateJwk(wrong)).not.toThrow(jwk.d)
      expect(isPrivateJwk(wrong)).toBe(false)
    }
  })
})

describe('an age identity file', () => {
  const identity = generateIdentity()

  test('is read as it was written, whatever the line ends and comments are', () => {
    const text = encodeIdentityFile(identity, 'whose it is')
    for (const spelling of [text, text.replaceAll('\n', '\r\n'), `\n${encodeIdentity(identity)}`])
      expect(parseIdentityFile(spelling).recipient).toBe(identity.recipient)
  })

  test('with no key, with two, or with another thing is refused', () => {
    const key = encodeIdentity(identity)
    for (const wrong of ['', '# a comment only', `${key}\n${key}`, key.toLowerCase(), identity.recipient])
      expect(() => parseIdentityFile(wrong)).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }))
  })
})
