import { describe, expect, it } from 'vitest'
import { createNonces } from '../../../relay/src/http/dpop.ts'

const MINUTE_MS = 60_000
const key = new Uint8Array(32).fill(7)

describe('a nonce', () => {
  it('is good in its five minutes and the next five, and dead after', () => {
    let nowMs = 1_000 * 5 * MINUTE_MS
    const nonces = createNonces(key, { nowMs: () => nowMs })
    const nonce = nonces.current()
    expect(nonces.expiryOf(nonce)).toBe(nowMs + 10 * MINUTE_MS)
    nowMs += 10 * MINUTE_MS - 1
    expect(nonces.expiryOf(nonce)).toBe(1_002 * 5 * MINUTE_MS)
    nowMs += 1
    expect(nonces.expiryOf(nonce)).toBeNull()
  })

  it('is the same at every replica that shares the key, and strange to any other', () => {
    const clock = { nowMs: () => 42 * MINUTE_MS }
    const nonce = createNonces(key, clock).current()
    expect(createNonces(key, clock).expiryOf(nonce)).toBeGreaterThan(clock.nowMs())
    expect(createNonces(new Uint8Array(32).fill(8), clock).expiryOf(nonce)).toBeNull()
  })

  it.each([undefined, '', 'A'.repeat(43), 'x'])('%o is none of ours', (nonce) => {
    expect(createNonces(key, { nowMs: () => 0 }).expiryOf(nonce)).toBeNull()
  })
})
