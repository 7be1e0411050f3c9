/** Messages to browsers: as the RFC writes them, as another implementation opens them, and to nobody by mistake. */
import {
  decodeBase64url,
  encodeBase64url,
  encryptPush,
  fromUtf8,
  isPushBody,
  randomBytes,
  utf8,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { createPushBrowser } from '../../../support/push-browser.ts'
import vector from '../../../vectors/web-push.json' with { type: 'json' }

const CURVE = { name: 'ECDH', namedCurve: 'P-256' } as const

async function onceOfVector() {
  const point = Buffer.from(vector.asPublic, 'base64url')
  const half = (from: number) => point.subarray(from, from + 32).toString('base64url')
  const jwk = { kty: 'EC', crv: 'P-256', x: half(1), y: half(33) }
  const privateKey = await crypto.subtle.importKey('jwk', { ...jwk, d: vector.asPrivate }, CURVE, false, ['deriveBits'])
  const publicKey = await crypto.subtle.importKey('jwk', jwk, CURVE, true, [])
  return { privateKey, publicKey, salt: decodeBase64url(vector.salt) }
}

describe('a message to a browser', () => {
  test('is the one of RFC 8291 §5, byte for byte', async () => {
    const to = { p256dh: vector.uaPublic, auth: vector.authSecret }
    const body = await encryptPush(utf8(vector.plaintext), to, { once: await onceOfVector() })
    expect(encodeBase64url(body)).toBe(vector.body)
    const browser = createPushBrowser({ privateKey: vector.uaPrivate, auth: vector.authSecret })
    expect(browser.open(body).toString()).toBe(vector.plaintext)
  })

  test('opens by the stock implementation, with every message of one length and another key each time', async () => {
    const browser = createPushBrowser()
    const seen = new Set<string>()
    for (const text of ['', 'a ring', 'x'.repeat(255), 'ü'.repeat(128)]) {
      const body = await encryptPush(utf8(text), browser, { paddedBytes: 256 })
      expect(fromUtf8(browser.open(body))).toBe(text)
      expect(body).toHaveLength(86 + 256 + 1 + 16)
      expect(isPushBody(body)).toBe(true)
      seen.add(encodeBase64url(body.subarray(0, 86)))
    }
    expect(seen.size).toBe(4)
  })

  test('opens for nobody else, and not when a bit of it changed', async () => {
    const browser = createPushBrowser()
    const body = await encryptPush(utf8('a ring'), browser)
    expect(() => createPushBrowser().open(body)).toThrow()
    const other = createPushBrowser({ privateKey: vector.uaPrivate, auth: vector.authSecret })
    expect(() => other.open(body)).toThrow()
    for (const at of [0, 20, 30, body.length - 1]) {
      const changed = Uint8Array.from(body)
      changed[at]! ^= 1
      expect(() => browser.open(changed)).toThrow()
    }
  })

  test('is made only to keys of a browser, and never too long', async () => {
    const { p256dh, auth } = createPushBrowser()
    const offCurve = decodeBase64url(p256dh)
    offCurve[64]! ^= 1
    const refused: [to: { p256dh: string; auth: string }, code: string][] = [
      [{ p256dh: encodeBase64url(offCurve), auth }, 'KEY_INVALID'],
      [{ p256dh: encodeBase64url(randomBytes(33)), auth }, 'KEY_INVALID'],
      [{ p256dh, auth: encodeBase64url(randomBytes(15)) }, 'KEY_INVALID'],
      [{ p256dh: `${p256dh}=`, auth }, 'ENCODING_INVALID'],
    ]
    for (const [to, code] of refused) await expect(encryptPush(utf8('x'), to)).rejects.toMatchObject({ code })
    const longest = 4_096 - 86 - 17
    expect(await encryptPush(new Uint8Array(longest), { p256dh, auth })).toHaveLength(4_096)
    await expect(encryptPush(new Uint8Array(longest + 1), { p256dh, auth })).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
    })
  })

  test('has a shape that can be told without opening it', async () => {
    const body = await encryptPush(utf8('x'), createPushBrowser())
    expect(isPushBody(body.subarray(0, 102))).toBe(false)
    expect(isPushBody(new Uint8Array(4_097))).toBe(false)
    expect(isPushBody(utf8('somebody rings, and anybody may read it'.repeat(4)))).toBe(false)
    for (const at of [17, 20, 21]) {
      const changed = Uint8Array.from(body)
      changed[at]! ^= 1
      expect(isPushBody(changed)).toBe(false)
    }
  })
})
