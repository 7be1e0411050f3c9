import { codeOf, decodeBase64url, encodeBase64url } from '@latchkey/shared'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

function outcome(text: string): string {
  try {
    return Buffer.from(decodeBase64url(text)).toString('hex')
  } catch (error) {
    return codeOf(error)
  }
}

describe('base64url', () => {
  test.each([
    ['', ''],
    ['f', 'Zg'],
    ['fo', 'Zm8'],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg'],
    ['fooba', 'Zm9vYmE'],
    ['foobar', 'Zm9vYmFy'],
  ])('of RFC 4648 §10: %j is %j', (plain, text) => {
    expect(encodeBase64url(Buffer.from(plain))).toBe(text)
    expect(Buffer.from(decodeBase64url(text)).toString()).toBe(plain)
  })

  test('is what Node writes, there and back, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = encodeBase64url(bytes)
        expect(text).toBe(Buffer.from(bytes).toString('base64url'))
        expect(Buffer.from(decodeBase64url(text)).equals(bytes)).toBe(true)
      }),
      { seed: 1 },
    )
  })

  test.each(['Zg==', 'Zg=', 'Z', 'Zm9vY', 'Zm+v', 'Zm/v', 'Zm9v\n', ' Zm9v', 'Zm\u00e9v', 'Zm9v.Zm9v'])(
    'refuses %j',
    (text) => {
      expect(outcome(text)).toBe('ENCODING_INVALID')
    },
  )

  test('gives each value exactly one text: trailing bits must be zero', () => {
    const lasts = (start: string) =>
      Array.from(ALPHABET)
        .filter((last) => outcome(start + last) !== 'ENCODING_INVALID')
        .join('')
    expect(lasts('A')).toBe('AQgw')
    expect(lasts('AA')).toBe('AEIMQUYcgkosw048')
    expect(lasts('AAA')).toBe(ALPHABET)
  })
})
