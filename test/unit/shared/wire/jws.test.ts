import {
  canonicalJson,
  clipManifest,
  codeOf,
  concatBytes,
  consent,
  encodeBase64url,
  isSignedBy,
  keyset,
  MAX_JWS_BYTES,
  parseDpop,
  thumbprintOf,
  utf8,
} from '@latchkey/shared'
import { CompactSign, importJWK } from 'jose'
import { describe, expect, test } from 'vitest'
import { primitives } from '../../../../shared/src/crypto/noble-primitives.ts'
import { rawOf, signerOf } from '../../../support/vector-case.ts'
import vectors from '../../../vectors/formats.json' with { type: 'json' }

const raw = rawOf('consent')
const member = signerOf('member')
const payload = consent.parse(raw).payload
const HEADER = { alg: 'Ed25519', kid: member.thumbprint, typ: 'latchkey-consent+jwt' }

/** A JWS whose parts are these exact texts, validly signed: only its form can be wrong. */
function signText(header: string, body: string): string {
  const input = `${encodeBase64url(utf8(header))}.${encodeBase64url(utf8(body))}`
  return `${input}.${encodeBase64url(member.sign(utf8(input)) as Uint8Array)}`
}

/** The code with which a text is refused; `null` when it parses and verifies. */
function refusalOf(text: string): string | null {
  try {
    return isSignedBy(consent.parse(text), member.jwk) ? null : 'SIGNATURE_INVALID'
  } catch (error) {
    return codeOf(error)
  }
}

const reversed = (value: object) => Object.fromEntries(Object.entries(value).reverse())
const goodHeader = canonicalJson(HEADER)
const goodBody = canonicalJson(payload)
const header = (change: object) => canonicalJson({ ...HEADER, ...change })

test('the unchanged text is accepted', () => {
  expect(refusalOf(signText(goodHeader, goodBody))).toBeNull()
})

describe('a validly signed JWS is refused when', () => {
  const cases: readonly (readonly [name: string, header: string, body: string, code: string])[] = [
    ['a header member stands twice', goodHeader.replace('{', '{"alg":"none",'), goodBody, 'JSON_NOT_CANONICAL'],
    ['a claim stands twice', goodHeader, goodBody.replace('"jti"', '"jti":"x","jti"'), 'JSON_NOT_CANONICAL'],
    ['a claim stands twice at the end', goodHeader, goodBody.replace(/}$/, ',"sub":"x"}'), 'JSON_NOT_CANONICAL'],
    ['header members are in another order', JSON.stringify(reversed(HEADER)), goodBody, 'JSON_NOT_CANONICAL'],
    ['claims are in another order', goodHeader, JSON.stringify(reversed(payload)), 'JSON_NOT_CANONICAL'],
    ['there is white space', goodHeader, goodBody.replace(':', ': '), 'JSON_NOT_CANONICAL'],
    ['there is white space after it', goodHeader, `${goodBody}\n`, 'JSON_NOT_CANONICAL'],
    ['a byte order mark stands before it', goodHeader, `\uFEFF${goodBody}`, 'JSON_INVALID'],
    ['a letter is escaped', goodHeader, goodBody.replace('"decrypt"', '"\\u0064ecrypt"'), 'JSON_NOT_CANONICAL'],
    ['a number is spelled otherwise', goodHeader, goodBody.replace(/"iat":(\d+)/, '"iat":$1.0'), 'JSON_NOT_CANONICAL'],
    ['the typ is missing', canonicalJson({ alg: HEADER.alg, kid: HEADER.kid }), goodBody, 'JWS_INVALID'],
    ['the typ is that of another message', header({ typ: 'latchkey-clip+jwt' }), goodBody, 'JWS_INVALID'],
    ['the typ has another case', header({ typ: 'Latchkey-Consent+JWT' }), goodBody, 'JWS_INVALID'],
    ['the alg is the old name EdDSA', header({ alg: 'EdDSA' }), goodBody, 'JWS_INVALID'],
    ['the alg is none', header({ alg: 'none' }), goodBody, 'JWS_INVALID'],
    ['the kid is missing', canonicalJson({ alg: HEADER.alg, typ: HEADER.typ }), goodBody, 'JWS_INVALID'],
    ['the kid is of another key', header({ kid: signerOf('second').thumbprint }), goodBody, 'SIGNATURE_INVALID'],
    ['the header names an extension', header({ crit: ['b64'] }), goodBody, 'JWS_INVALID'],
    ['the header carries a key', header({ jwk: member.jwk }), goodBody, 'JWS_INVALID'],
    ['the header is not an object', '[]', goodBody, 'JWS_INVALID'],
    ['a claim is unknown', goodHeader, canonicalJson({ ...payload, scope: 'all' }), 'MESSAGE_INVALID'],
    ['an inner claim is unknown', goodHeader, goodBody.replace('"v":1}', '"v":1,"x":1}'), 'MESSAGE_INVALID'],
    ['a claim is missing', goodHeader, canonicalJson({ ...payload, jti: undefined }), 'MESSAGE_INVALID'],
    ['the version is another', goodHeader, goodBody.replace('"v":1}', '"v":2}'), 'MESSAGE_INVALID'],
    ['the payload is not JSON', goodHeader, 'consent', 'JSON_INVALID'],
    ['the payload nests without end', goodHeader, '['.repeat(5_000) + ']'.repeat(5_000), 'JSON_INVALID'],
    [
      'a text hides a direction mark',
      goodHeader,
      goodBody.replace('case-investigation', 'case\u202Ex'),
      'TEXT_INVALID',
    ],
    ['a text is not NFC', goodHeader, goodBody.replace('case-investigation', 'cafe\u0301'), 'TEXT_INVALID'],
    ['a text has a line break', goodHeader, goodBody.replace('case-investigation', 'a\\nb'), 'TEXT_INVALID'],
    [
      'it is longer than 16 KiB',
      goodHeader,
      canonicalJson({ ...payload, x: 'x'.repeat(MAX_JWS_BYTES) }),
      'MESSAGE_TOO_LARGE',
    ],
  ]
  test.each(cases)('%s', (_, head, body, code) => {
    expect(refusalOf(signText(head, body))).toBe(code)
  })
})

describe('a compact JWS is refused when', () => {
  const [head, body, signature] = raw.split('.') as [string, string, string]
  test.each([
    ['it has two parts', `${head}.${body}`, 'JWS_INVALID'],
    ['it has four parts', `${raw}.`, 'JWS_INVALID'],
    ['it is empty', '', 'JWS_INVALID'],
    ['a part is padded', `${head}=.${body}.${signature}`, 'ENCODING_INVALID'],
    ['it uses the other alphabet', raw.replace(/[-_]/, '+'), 'ENCODING_INVALID'],
    ['white space surrounds it', ` ${raw}`, 'ENCODING_INVALID'],
    ['the signature is one byte short', `${head}.${body}.${signature.slice(0, -2)}`, 'JWS_INVALID'],
    ['its payload is detached', `${head}..${signature}`, 'JSON_INVALID'],
  ])('%s', (_, text, code) => {
    expect(refusalOf(text)).toBe(code)
  })

  test('it is cut anywhere', () => {
    for (let end = 0; end < raw.length; end++) expect(refusalOf(raw.slice(0, end))).not.toBeNull()
  })

  test('any one bit of any character is changed', () => {
    for (let at = 0; at < raw.length; at++) {
      const changed = String.fromCharCode(raw.charCodeAt(at) ^ (1 << (at % 7)))
      expect(refusalOf(raw.slice(0, at) + changed + raw.slice(at + 1))).not.toBeNull()
    }
  })

  test('it is any other kind of signed object', () => {
    for (const { name, raw: other } of vectors.objects.filter((object) => object.name !== 'consent'))
      expect({ name, code: refusalOf(other) }).toEqual({ name, code: 'JWS_INVALID' })
  })
})

test('what jose signs with sorted members is the same text that we sign', async () => {
  const key = await importJWK(
    { ...member.jwk, d: encodeBase64url(Buffer.from(vectors.keys.member.seed, 'hex')) },
    'Ed25519',
  )
  const theirs = await new CompactSign(utf8(goodBody)).setProtectedHeader(HEADER).sign(key)
  expect(theirs).toBe(raw)
  expect(refusalOf(theirs)).toBeNull()
})

test('a key of small order verifies nothing, not even with the signature that fits every message', () => {
  const identity = Uint8Array.from({ length: 32 }, (_, i) => Number(i === 0))
  const jwk = { crv: 'Ed25519', kty: 'OKP', x: encodeBase64url(identity) } as const
  const text = signText(header({ kid: thumbprintOf(jwk) }), goodBody)
  const forged = `${text.slice(0, text.lastIndexOf('.'))}.${encodeBase64url(concatBytes(identity, new Uint8Array(32)))}`
  expect(
    primitives.ed25519VerifyUnchecked(identity, utf8('any message'), concatBytes(identity, new Uint8Array(32))),
  ).toBe(true)
  expect(isSignedBy(consent.parse(forged), jwk)).toBe(false)
})

test('a payload that breaks its own schema is never signed', async () => {
  await expect(consent.encode({ ...payload, jti: 'short' }, member)).rejects.toThrow('latchkey-consent+jwt: /jti')
  await expect(keyset.encode({} as never, member)).rejects.toThrow('latchkey-keyset+jwt')
  await expect(clipManifest.encode({} as never, member)).rejects.toThrow('latchkey-clip+jwt')
})

describe('a DPoP proof', () => {
  const proof = rawOf('dpop')
  const refusal = (text: string) => {
    try {
      return parseDpop(text).thumbprint
    } catch (error) {
      return codeOf(error)
    }
  }

  test('is refused cut anywhere', () => {
    for (let end = 0; end < proof.length; end++) expect(refusal(proof.slice(0, end))).toBe('DPOP_INVALID')
  })

  test('is refused with any one bit changed', () => {
    for (let at = 0; at < proof.length; at++) {
      const changed = String.fromCharCode(proof.charCodeAt(at) ^ (1 << (at % 7)))
      expect(refusal(proof.slice(0, at) + changed + proof.slice(at + 1))).toBe('DPOP_INVALID')
    }
  })

  test('is refused when it is another signed object', () => {
    for (const { raw: other } of vectors.objects.filter(({ name }) => name !== 'dpop'))
      expect(refusal(other)).toBe('DPOP_INVALID')
  })
})
